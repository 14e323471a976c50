// What keys do.

// For a key in the viewer: what it is asked to do, with arguments; undefined for all other keys.
// Letters are keys in the picture alone.
export function actFor(event, inPicture) {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!isPlain || event.target.matches?.("input, select")) {
    return undefined;
  }
  if (event.key === "/") {
    return ["seek"];
  }
  return inPicture ? ACTS.get(event.key) : undefined;
}

const ACTS = new Map([
  ["n", ["change", 1]],
  ["p", ["change", -1]],
  ["+", ["zoom", 1]],
  ["-", ["zoom", -1]],
  ["0", ["fit"]],
]);

// For a key on a box, as in any tree: "toggle", the number of the box to go to, or undefined.
// `order`: the boxes that are not inside a closed one.
export function stepFor(key, box, isOpen, order) {
  const place = order.indexOf(box.id);
  switch (key) {
    case "Enter":
    case " ":
      return "toggle";
    case "ArrowRight":
      return box.cells && !isOpen ? "toggle" : order[place + 1];
    case "ArrowLeft":
      return box.cells && isOpen ? "toggle" : box.parent;
    case "ArrowDown":
      return order[place + 1];
    case "ArrowUp":
      return order[place - 1];
    case "Home":
      return order[0];
    case "End":
      return order.at(-1);
    default:
      return undefined;
  }
}
