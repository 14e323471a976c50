// What the keys of a tree do.

// For a key on a box: "toggle", the number of the box to go to, or undefined. `order`: the boxes
// that are drawn.
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
