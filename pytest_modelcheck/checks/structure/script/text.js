// How wide texts are.

const FONTS = {
  title: "600 12.5px system-ui, sans-serif",
  name: "10.5px monospace",
  count: "10.5px system-ui, sans-serif",
  shape: "10px monospace",
};

const pens = new Map();
const widths = new Map(Object.keys(FONTS).map((font) => [font, new Map()]));

function penOf(font) {
  if (!pens.has(font)) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = FONTS[font];
    pens.set(font, pen);
  }
  return pens.get(font);
}

// A text's width in pixels, and a little more: fonts differ.
export function width(text, font) {
  const known = widths.get(font);
  let found = known.get(text);
  if (found === undefined) {
    found = penOf(font).measureText(text).width * 1.06;
    known.set(text, found);
  }
  return found;
}
