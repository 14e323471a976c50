// The whole picture as a file: SVG, or PNG. All that style sheets say of it is written into it.

import { draw, make } from "../../../drawing/dom.js";
import { Picture } from "./picture.js";

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray"];
const FONTS = ["fill", "font-size", "font-family", "font-weight"];
const ALL = { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };
const SHARP = 2; // pixels of a PNG for each of the picture, where there is room
const SIDE = 16000; // pixels that browsers can draw at most, across or down,
const AREA = 1e8; // and in all

// Saves a plan as "svg" or "png", drawn as it is within `canvas`; returns what there is to say.
export async function save(kind, plan, canvas) {
  const svg = drawn(plan, canvas);
  const text = new XMLSerializer().serializeToString(svg);
  const size = {
    width: Number(svg.getAttribute("width")),
    height: Number(svg.getAttribute("height")),
  };
  const name = `${canvas.closest(".subject")?.id ?? "model"}-graph.${kind}`;
  if (kind === "svg") {
    offer(new Blob([text], { type: "image/svg+xml" }), name);
    return `saved as ${name}`;
  }
  const scale = sharpness(size);
  offer(await raster(text, size, scale), name);
  const reduced = `, at ${Math.floor(scale * 100)} % of its size: the SVG has all of it`;
  return `saved as ${name}${scale < 1 ? reduced : ""}`;
}

// How many pixels a PNG has for each of a picture of that size.
export function sharpness({ width, height }) {
  return Math.min(SHARP, SIDE / Math.max(width, height), Math.sqrt(AREA / (width * height)));
}

// Drawn once more, with nothing left out and nothing chosen, where style sheets reach it.
function drawn(plan, canvas) {
  const picture = new Picture("export");
  const { svg } = picture;
  const [width, height] = [Math.ceil(plan.left + plan.right + 16), Math.ceil(plan.height + 16)];
  for (const [name, value] of Object.entries({
    viewBox: `-8 -8 ${width} ${height}`,
    width,
    height,
  })) {
    svg.setAttribute(name, value);
  }
  picture.show(plan, ALL, 1);
  const host = make("div", { class: "exported" }, canvas);
  try {
    host.append(svg);
    settle(svg);
  } finally {
    host.remove();
  }
  const fill = plain(getComputedStyle(canvas).backgroundColor);
  svg.prepend(draw("rect", { x: -8, y: -8, width, height, fill }));
  return svg;
}

// Writes what style sheets say into the elements; what was said once is not asked again.
function settle(svg) {
  const known = new Map();
  for (const element of svg.querySelectorAll("rect, path, text")) {
    const outer = element.parentNode;
    const classes = [outer.getAttribute("class"), element.getAttribute("class")];
    const key = [element.tagName, ...classes, outer.getAttribute("style")].join("|");
    if (!known.has(key)) {
      known.set(key, stylesOf(element));
    }
    for (const [name, value] of known.get(key)) {
      element.setAttribute(name, value);
    }
  }
  for (const element of [svg, ...svg.querySelectorAll("*")]) {
    for (const { name } of [...element.attributes]) {
      if (/^(class|style|role|tabindex|aria-.*|data-.*)$/.test(name)) {
        element.removeAttribute(name);
      }
    }
  }
}

function stylesOf(element) {
  const styles = getComputedStyle(element);
  const names = element.tagName === "text" ? FONTS : STYLES;
  const told = styles.display === "none" ? [["display", "none"]] : [];
  return [...told, ...names.map((name) => [name, plain(styles.getPropertyValue(name))])];
}

// Mixed colours are told in words that not all that read SVG know.
export function plain(value) {
  return value.replace(/color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)[^)]*\)/g, (_, ...parts) => {
    const [red, green, blue] = parts.slice(0, 3).map((part) => Math.round(Number(part) * 255));
    return `rgb(${red}, ${green}, ${blue})`;
  });
}

// As a data address: the page's policy has images from nowhere else.
async function raster(text, { width, height }, scale) {
  const image = new Image(width, height);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const paper = make("canvas", {});
  paper.width = Math.floor(width * scale);
  paper.height = Math.floor(height * scale);
  paper.getContext("2d").drawImage(image, 0, 0, paper.width, paper.height);
  const blob = await new Promise((done) => paper.toBlob(done, "image/png"));
  if (!blob) {
    throw new Error("it is too large for a PNG");
  }
  return blob;
}

function offer(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
