// Elements. Text is always put in as text: names come from outside, and nothing they hold may
// become markup.

let svgNamespace;

// An SVG element. The namespace is asked of the browser: the page holds no address, not even of a
// standard.
export function draw(tag, attributes, parent, text) {
  if (!svgNamespace) {
    const svg = document.createRange().createContextualFragment("<svg></svg>").firstChild;
    svgNamespace = svg.namespaceURI;
  }
  return finish(document.createElementNS(svgNamespace, tag), attributes, parent, text);
}

// An HTML element.
export function make(tag, attributes, parent, text) {
  return finish(document.createElement(tag), attributes, parent, text);
}

function finish(element, attributes, parent, text) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    element.setAttribute(name, value);
  }
  if (text !== undefined) {
    element.textContent = text;
  }
  parent?.append(element);
  return element;
}

export function makeButton(text, action, parent, attributes) {
  const button = make("button", { type: "button", ...attributes }, parent, text);
  button.addEventListener("click", action);
  return button;
}

export function makeSearch(label, action, parent) {
  const input = make("input", { type: "search", placeholder: label, "aria-label": label }, parent);
  input.addEventListener("input", () => action(input.value));
  return input;
}

// `options`: pairs of a value and its text.
export function makeSelect(label, options, action, parent) {
  const select = make("select", { "aria-label": label }, parent);
  for (const [value, text] of options) {
    select.add(new Option(text, value));
  }
  select.addEventListener("change", () => action(select.value));
  return select;
}
