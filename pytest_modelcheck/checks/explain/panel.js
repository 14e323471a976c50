// Expected and actual maps stand side by side without this: it adds swipe and onion skin.

function compare(box) {
  const [expected, actual] = box.querySelectorAll("img");
  const tools = document.createElement("div");
  const mode = document.createElement("select");
  const range = document.createElement("input");
  const slider = document.createElement("label");
  const stack = document.createElement("div");
  const under = expected.cloneNode(), over = actual.cloneNode();
  tools.className = "tools";
  stack.className = "stack";
  mode.setAttribute("aria-label", "how to compare");
  for (const name of ["side by side", "swipe", "onion skin"]) mode.add(new Option(name));
  range.type = "range";
  range.value = 50;
  range.setAttribute("aria-label", "from expected to actual");
  slider.className = "slider";
  slider.append("expected", range, "actual");
  stack.append(under, over);
  const update = () => {
    const stacked = mode.value !== "side by side";
    box.hidden = stacked;
    stack.hidden = slider.hidden = !stacked;
    over.style.clipPath = mode.value === "swipe" ? `inset(0 ${100 - range.value}% 0 0)` : "";
    over.style.opacity = mode.value === "onion skin" ? range.value / 100 : 1;
  };
  mode.addEventListener("change", update);
  range.addEventListener("input", update);
  tools.append(mode, slider);
  box.before(tools);
  box.after(stack);
  update();
}

export function mount(root) {
  for (const box of root.querySelectorAll(".maps")) compare(box);
}
