// Heatmaps in colours of the reader's choice, over their input or alone. A map comes as a small
// picture in 256 steps of grey, and is coloured on a canvas after it was enlarged.

import { make, makeSelect } from "../../drawing/dom.js";
import { nameOf, PICTURE } from "./picture.js";

const OPAQUE = 75; // percent: as the plain overlay has it
const SIDE = 256; // pixels of a canvas, at most

// The colours of 256 steps, as numbers 0..255, from a few in equal steps ("RRGGBBRRGGBB...").
export function palette(text) {
  const stops = Array.from({ length: text.length / 6 }, (_, i) =>
    [0, 2, 4].map((at) => Number.parseInt(text.slice(6 * i + at, 6 * i + at + 2), 16)),
  );
  return Array.from({ length: 256 }, (_, step) => {
    const place = (step / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    return stops[low].map((from, c) =>
      Math.round(from + (place - low) * (stops[low + 1][c] - from)),
    );
  });
}

// How opaque a place of the map is, 0..255: the stronger the more, or all of it alone.
export function cover(step, percent, isAlone) {
  return Math.round(isAlone ? 255 : 2.55 * percent * (step / 255) ** 0.8);
}

export function addTools(section) {
  const figures = [...section.querySelectorAll("figure[data-heat]")];
  const scales = JSON.parse(section.dataset.scales ?? "[]");
  if (figures.length === 0 || scales.length === 0) return;
  const ramp = section.querySelector(".ramp");
  const palettes = new Map(scales.map(([name, text]) => [name, palette(text)]));
  const tools = make("div", { class: "tools" });
  const names = scales.map(([name]) => [name, `colours: ${name}`]);
  const colours = makeSelect("colours", names, () => update(), tools);
  const ways = ["over the input", "map alone"].map((way) => [way, way]);
  const way = makeSelect("what is shown", ways, () => update(), tools);
  const slider = make("label", { class: "slider" }, tools, "opacity");
  const range = make("input", { type: "range", value: OPAQUE }, slider);
  const maps = [];
  const update = () => {
    const isAlone = way.value === "map alone";
    slider.hidden = isAlone;
    const chosen = palettes.get(colours.value);
    for (const map of maps) {
      map.paint(chosen, Number(range.value), isAlone);
    }
    const shades = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((step) => `rgb(${chosen[step]})`);
    ramp.style.background = `linear-gradient(90deg, ${shades.join(", ")})`;
  };
  range.addEventListener("input", update);
  section.querySelector(".scale").before(tools);
  for (const figure of figures) {
    load(figure).then((map) => {
      maps.push(map);
      map.paint(palettes.get(colours.value), Number(range.value), way.value === "map alone");
    }, ignore);
  }
}

// A map that cannot be read stays the plain overlay that it is.
function ignore() {}

async function load(figure) {
  const source = new Image();
  source.src = `data:image/png;base64,${figure.dataset.heat}`;
  await source.decode();
  const frame = figure.querySelector(".laid");
  const plain = frame.querySelector(PICTURE);
  const given = figure.closest(".gallery").querySelector(`.given :is(${PICTURE})`);
  const { width, height } = sizeOf(plain);
  const canvas = make("canvas", { role: "img", "aria-label": nameOf(plain), width, height });
  const steps = enlarged(source, width, height);
  const base = given.cloneNode(true);
  base.setAttribute("aria-hidden", "true");
  base.setAttribute("alt", "");
  base.classList.add("pale");
  plain.replaceWith(base, canvas);
  return { paint: (colours, percent, isAlone) => paint(canvas, steps, colours, percent, isAlone) };
}

function sizeOf(picture) {
  const box = picture.viewBox?.baseVal;
  const [width, height] = box
    ? [box.width, box.height]
    : [picture.naturalWidth, picture.naturalHeight];
  const share = Math.min(1, (2 * SIDE) / Math.max(width, height, 1));
  return { width: Math.round(width * share) || SIDE, height: Math.round(height * share) || SIDE };
}

function enlarged(source, width, height) {
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height).data;
  return Uint8Array.from({ length: width * height }, (_, i) => pixels[4 * i]);
}

function paint(canvas, steps, colours, percent, isAlone) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < steps.length; i++) {
    image.data.set([...colours[steps[i]], cover(steps[i], percent, isAlone)], 4 * i);
  }
  context.putImageData(image, 0, 0);
}
