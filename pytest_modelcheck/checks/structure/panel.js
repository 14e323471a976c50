// The structure viewer. Rows, columns and tracks come with the data (grid.py); here they get sizes and are drawn.

const SVG = `http:${"//"}www.w3.org/2000/svg`; // in two parts: a page that names no address asks for none
const IN = -1, OUT = -2, PAD = 14, HEAD = 28, GAP = 20, TRACK = 8, LABEL = 17;
const FONTS = { title: "600 12.5px system-ui, sans-serif", name: "10.5px monospace", count: "10.5px system-ui, sans-serif", shape: "10px monospace" };
const KINDS = [[/conv/i, "conv"], [/norm/i, "norm"], [/relu|gelu|silu|swish|sigmoid|softmax|tanh|hardt|mish|activation/i, "act"], [/pool|interpolate|upsample/i, "pool"], [/linear|lstm|gru|attention|embedding|matmul|einsum|^bmm$/i, "lin"], [/^(i?add|cat|mul|concat|stack|sub|div)_?$/i, "join"]];

const MARKS = { added: "+ ", removed: "− ", changed: "± " }; // a status is never told by its colour alone

let pen; // made when it is needed
const widths = new Map();
function width(text, font) {
  const key = font + text;
  pen ||= document.createElement("canvas").getContext("2d");
  if (!widths.has(key)) { pen.font = FONTS[font]; widths.set(key, pen.measureText(text).width * 1.06); }
  return widths.get(key);
}

const short = (n) => n >= 1e9 ? (n / 1e9).toFixed(2) + " G" : n >= 1e6 ? (n / 1e6).toFixed(2) + " M" : n >= 1e3 ? (n / 1e3).toFixed(1) + " k" : String(n);
const clip = (text, most) => text.length > most ? text.slice(0, most - 1) + "…" : text;

function make(tag, attributes, parent, text) {
  const element = document.createElementNS(SVG, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

class Viewer {
  constructor(data, host) {
    this.boxes = data.boxes;
    this.open = new Set(["0"]);
    this.scale = 1;
    this.host = host;
    for (const [id, box] of Object.entries(this.boxes)) {
      box.id = id;
      if (id !== "0") box.parent = box.parent || 0; // zeros are left out of the data
      else delete box.parent;
      box.kind = box.parameter ? "param" : (KINDS.find(([pattern]) => pattern.test(box.title)) || [0, "op"])[1];
      box.label = this.label(box);
    }
    this.build();
    this.openFirst();
    this.draw();
    this.fit();
  }

  label(box) {
    const parent = this.boxes[box.parent];
    const name = box.name || "";
    const outer = parent && parent.name && !parent.repeat ? parent.name + "." : "";
    return clip(outer && name.startsWith(outer) ? name.slice(outer.length) : name, 34);
  }

  children(box) { return (box.cells || []).filter(([id]) => id >= 0).map(([id]) => this.boxes[id]); }

  // What a reader sees first: where something changed, else a handful of boxes.
  openFirst() {
    const changed = Object.values(this.boxes).filter((box) => box.cells && box.status === "changed");
    if (this.boxes[0].status) { for (const box of changed) this.open.add(box.id); return; }
    let shown = this.children(this.boxes[0]);
    while (shown.length < 7) {
      const next = shown.find((box) => box.cells && !this.open.has(box.id) && !box.repeat && !box.view);
      if (!next) break;
      this.open.add(next.id);
      shown = shown.concat(this.children(next));
    }
  }

  build() {
    const div = (name, parent, tag = "div") => { const e = document.createElement(tag); e.className = name; parent.append(e); return e; };
    this.root = div("viewer", this.host);
    const tools = div("tools", this.root);
    const button = (text, action) => { const b = div("", tools, "button"); b.type = "button"; b.textContent = text; b.addEventListener("click", action); };
    button("Expand all", () => { for (const id in this.boxes) if (this.boxes[id].cells && !this.boxes[id].view) this.open.add(id); this.draw(); this.center(); });
    button("Collapse", () => { this.open = new Set(["0"]); this.draw(); this.center(); });
    button("Fit", () => this.fit());
    button("+", () => this.zoom(this.scale * 1.25));
    button("−", () => this.zoom(this.scale / 1.25));
    this.search = div("", tools, "input");
    this.search.type = "search";
    this.search.placeholder = "find a layer";
    this.search.setAttribute("aria-label", "find a layer");
    this.search.addEventListener("input", () => this.find(false));
    this.search.addEventListener("keydown", (event) => { if (event.key === "Enter") this.find(true); });
    this.found = div("found", tools, "span");
    this.canvas = div("canvas", this.root);
    this.canvas.setAttribute("aria-label", "structure of the model");
    this.side = div("side", this.root, "aside");
    this.side.textContent = "Select a box: its attributes, parameters and cost appear here.";
    this.canvas.addEventListener("click", (event) => { const g = event.target.closest(".box"); if (g) this.activate(g.dataset.id); });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  // Sizes, from the inside out. `l` and `r`: how far a box reaches to the left and right of its chain.
  measure(box) {
    const text = (box.cells ? "▸ " : "") + (MARKS[box.status] || "") + box.title + (box.repeat ? ` ×${box.repeat}` : "");
    const count = box.params ? short(box.params) + (box.frozen ? " frozen" : "") : "";
    const head = width(text, "title") + (count ? width(count, "count") + 14 : 0) + 24;
    if (!this.open.has(box.id) || !box.cells) {
      const w = Math.max(72, head, width(box.label, "name") + 24);
      return { box, text, count, l: w / 2, r: w / 2, h: box.label ? 40 : 26 };
    }
    return this.measureOpen(box, text.replace("▸", "▾"), count, head + width(box.label, "name") + 16);
  }

  measureOpen(box, text, count, head) {
    const columns = new Map(), rows = box.tracks.map(() => 0), kids = new Map();
    const reach = (column, l, r) => { const c = columns.get(column) || { l: 0, r: 0 }; columns.set(column, { l: Math.max(c.l, l), r: Math.max(c.r, r) }); };
    const shapes = new Map();
    for (const [u, , shape] of box.routes) if (u >= 0 && shape && !shapes.has(u)) shapes.set(u, shape);
    for (const [id, row, column] of box.cells) {
      if (id < 0) { reach(column, 6, 6); continue; }
      const kid = this.measure(this.boxes[id]);
      kids.set(id, kid);
      const shape = shapes.get(id);
      reach(column, kid.l, Math.max(kid.r, shape ? width(shape, "shape") + 10 : 0));
      rows[row] = Math.max(rows[row], kid.h + (shape ? LABEL : 0));
    }
    for (const route of box.routes) reach(route[3], 5, 5);
    const x = new Map();
    let edge = 0;
    for (const column of [...columns.keys()].sort((a, b) => a - b)) {
      const { l, r } = columns.get(column);
      x.set(column, edge + l);
      edge += l + r + 14;
    }
    const middle = x.get(0) || 0, inner = edge - 14;
    const top = [];
    let y = box.id === "0" ? 6 : HEAD + 6;
    rows.forEach((h, row) => { top.push(y); y += h + (row + 1 < rows.length ? GAP + TRACK * box.tracks[row] : 0); });
    const frame = box.id === "0" ? 4 : PAD;
    const l = middle + frame;
    return { box, text, count, open: true, kids, shapes, x, middle, rows, top, l, r: Math.max(inner - middle + frame, head - l), h: y + (box.id === "0" ? 8 : PAD) };
  }

  draw() {
    const plan = this.measure(this.boxes[0]);
    this.size = [plan.l + plan.r, plan.h];
    this.chain = plan.l;
    const svg = make("svg", { role: "tree", "aria-label": "modules and operators" });
    const tips = make("defs", {}, svg);
    for (const id of ["tip", "tip-added", "tip-removed"]) make("path", { d: "M0 0L8 4L0 8z" }, make("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto", markerUnits: "userSpaceOnUse" }, tips));
    this.drawn = new Map();
    this.drawInside(plan, make("g", { transform: `translate(${plan.l},0)` }, svg));
    if (this.svg) this.svg.replaceWith(svg); else this.canvas.append(svg);
    this.svg = svg;
    this.reachable(this.drawn.has(this.current) ? this.current : this.drawn.keys().next().value);
    this.zoom(this.scale);
    if (this.search.value) this.find(false);
  }

  drawBox(plan, x, y, parent) {
    const { box } = plan;
    const name = ["box", box.kind, box.cells ? "module" : "", plan.open ? "open" : "", box.view ? "view" : "", box.status || ""].filter(Boolean).join(" ");
    const g = make("g", { class: name, transform: `translate(${x},${y})`, "data-id": box.id, tabindex: -1, role: "treeitem", "aria-label": [box.title, box.name, box.shape, box.status].filter(Boolean).join(", ") }, parent);
    if (box.cells) g.setAttribute("aria-expanded", plan.open ? "true" : "false");
    this.drawn.set(box.id, g);
    const w = plan.l + plan.r, left = -plan.l;
    if (box.repeat && !plan.open) make("rect", { class: "frame", x: left + 4, y: 4, width: w, height: plan.h, rx: 6 }, g);
    make("rect", { class: "frame", x: left, y: 0, width: w, height: plan.h, rx: 6 }, g);
    if (!box.cells && box.kind !== "op") make("rect", { class: "stripe", x: left, y: 0, width: 5, height: plan.h, rx: 2 }, g);
    make("text", { class: "title", x: left + 12, y: 17 }, g, plan.text);
    if (box.label) make("text", plan.open ? { class: "name", x: left + 20 + width(plan.text, "title"), y: 17 } : { class: "name", x: left + 12, y: 32 }, g, box.label);
    if (plan.count) make("text", { class: "count", x: plan.r - 9, y: 17, "text-anchor": "end" }, g, plan.count);
    if (plan.open) this.drawInside(plan, g);
  }

  drawInside(plan, g) {
    const { box, kids, x, middle, top, rows } = plan;
    const at = new Map(box.cells.map(([id, row, column]) => [id, { row, x: x.get(column) - middle }]));
    const foot = (gap, track) => top[gap] + rows[gap] + 9 + TRACK * track;
    for (const [u, v, , rail, track, last, status] of box.routes) {
      const a = at.get(u), b = at.get(v), middleX = x.get(rail) - middle;
      const points = [[a.x, u === IN ? (box.id === "0" ? 0 : HEAD) : top[a.row] + kids.get(u).h]];
      if (middleX !== a.x) points.push([a.x, foot(a.row, track)], [middleX, foot(a.row, track)]);
      if (middleX !== b.x) points.push([middleX, foot(b.row - 1, last)], [b.x, foot(b.row - 1, last)]);
      points.push([b.x, v === OUT ? plan.h : top[b.row]]);
      const tip = v === OUT ? {} : { "marker-end": status ? `url(#tip-${status})` : "url(#tip)" };
      make("path", { class: status ? `way ${status}` : "way", d: bend(points), ...tip }, g);
    }
    for (const [id, kid] of kids) {
      const { row, x: middleX } = at.get(id);
      const shape = plan.shapes.get(id);
      if (shape) make("text", { class: "shape", x: middleX + 7, y: top[row] + kid.h + 12 }, g, shape);
      this.drawBox(kid, middleX, top[row], g);
    }
  }

  zoom(scale) {
    this.scale = Math.min(3, Math.max(0.1, scale));
    const [w, h] = this.size;
    this.svg.setAttribute("viewBox", `-1 -1 ${w + 8} ${h + 8}`);
    this.svg.setAttribute("width", (w + 8) * this.scale);
    this.svg.setAttribute("height", (h + 8) * this.scale);
  }

  fit() { this.zoom(Math.min(1, Math.max(0.7, (this.canvas.clientWidth - 20) / (this.size[0] + 8)))); this.center(); }

  // The model's own chain into the middle.
  center() { this.canvas.scrollLeft = (this.chain + 1) * this.scale - this.canvas.clientWidth / 2; }

  activate(id) {
    const box = this.boxes[id];
    if (box.cells) this.toggle(id);
    this.choose(id);
  }

  // One box takes part in the tab order; the arrows lead to the others.
  reachable(id) {
    const old = this.drawn.get(this.current), g = this.drawn.get(id);
    if (old) old.setAttribute("tabindex", -1);
    if (g) g.setAttribute("tabindex", 0);
    this.current = id;
  }

  // A box stays where it is on the screen while it opens.
  toggle(id) {
    const before = this.drawn.get(id).getBoundingClientRect();
    if (this.open.has(id)) this.open.delete(id); else this.open.add(id);
    this.draw();
    const after = this.drawn.get(id).getBoundingClientRect();
    this.canvas.scrollTop += after.top - before.top;
    this.canvas.scrollLeft += after.left + after.width / 2 - before.left - before.width / 2;
  }

  choose(id) {
    const old = this.svg.querySelector(".chosen");
    if (old) old.classList.remove("chosen");
    const g = this.drawn.get(id);
    g.classList.add("chosen");
    this.reachable(id);
    g.focus({ preventScroll: true });
    this.tell(this.boxes[id]);
  }

  tell(box) {
    const add = (tag, text, parent = this.side) => { const e = document.createElement(tag); e.textContent = text; parent.append(e); return e; };
    this.side.replaceChildren();
    add("h4", box.title + (box.repeat ? ` ×${box.repeat}` : ""));
    if (box.name) add("code", box.name);
    const facts = add("dl", "");
    const rows = [["change", box.status], ["output", box.shape], ["parameters", box.params && box.params.toLocaleString("en") + (box.frozen ? ", frozen" : "")], ["MACs", box.macs && box.macs.toLocaleString("en")], ["attributes", box.attributes]];
    for (const [term, value] of rows) if (value) { add("dt", term, facts); add("dd", value, facts); }
    for (const [tensor, picture] of this.histograms(box.name)) { add("h5", tensor); this.side.append(picture); }
  }

  // The weights' own table has them already.
  histograms(name) {
    if (!name) return [];
    const article = this.host.closest("article") || document;
    const own = [...article.querySelectorAll("tr")].filter((row) => row.querySelector(".hist"));
    const pick = (row) => row.querySelector("code").textContent;
    return own.filter((row) => pick(row).startsWith(name + ".") && !pick(row).slice(name.length + 1).includes("."))
      .map((row) => [pick(row).slice(name.length + 1), row.querySelector(".hist").cloneNode(true)]);
  }

  find(jump) {
    const wanted = this.search.value.trim().toLowerCase();
    const hits = wanted ? Object.values(this.boxes).filter((box) => box.id !== "0" && `${box.title} ${box.name || ""}`.toLowerCase().includes(wanted)) : [];
    this.canvas.classList.toggle("searching", hits.length > 0);
    this.found.textContent = wanted ? `${hits.length} found` : "";
    if (jump && hits.length) {
      this.next = wanted === this.sought ? (this.next + 1) % hits.length : 0;
      this.sought = wanted;
      for (let box = this.boxes[hits[this.next].parent]; box; box = this.boxes[box.parent]) this.open.add(box.id);
      this.sought && this.redraw();
      this.tell(hits[this.next]);
      this.drawn.get(hits[this.next].id).scrollIntoView({ block: "center", inline: "center" });
    }
    const visible = new Set(hits.map((box) => this.visible(box)));
    for (const [id, g] of this.drawn) g.classList.toggle("hit", visible.has(id));
  }

  redraw() { const text = this.search.value; this.search.value = ""; this.draw(); this.search.value = text; }

  // The box itself, or the closed one it is in.
  visible(box) {
    let shown = box;
    for (let outer = this.boxes[box.parent]; outer; outer = this.boxes[outer.parent]) if (!this.open.has(outer.id)) shown = outer;
    return shown.id;
  }

  key(event) {
    const g = event.target.closest(".box");
    if (!g) return;
    const id = g.dataset.id, box = this.boxes[id];
    const all = [...this.drawn.keys()];
    const go = (to) => { if (this.drawn.has(to)) { this.choose(to); this.drawn.get(to).scrollIntoView({ block: "nearest", inline: "nearest" }); } };
    const actions = {
      Enter: () => this.activate(id),
      " ": () => this.activate(id),
      ArrowRight: () => box.cells && !this.open.has(id) ? this.activate(id) : go(all[all.indexOf(id) + 1]),
      ArrowLeft: () => box.cells && this.open.has(id) ? this.activate(id) : go(String(box.parent)),
      ArrowDown: () => go(all[all.indexOf(id) + 1]),
      ArrowUp: () => go(all[all.indexOf(id) - 1]),
    };
    if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
  }
}

// A line through points, its corners rounded.
function bend(points) {
  let path = `M${points[0][0]} ${points[0][1]}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [a, b, c] = [points[i - 1], points[i], points[i + 1]];
    const near = (p) => { const d = Math.hypot(p[0] - b[0], p[1] - b[1]) || 1, r = Math.min(5, d / 2); return [b[0] + (p[0] - b[0]) / d * r, b[1] + (p[1] - b[1]) / d * r]; };
    path += `L${near(a).join(" ")}Q${b.join(" ")} ${near(c).join(" ")}`;
  }
  return `${path}L${points[points.length - 1].join(" ")}`;
}

export function mount(root) {
  for (const script of root.querySelectorAll("script.viewer-data")) {
    const list = script.parentElement.querySelector("details.list");
    list.open = false;
    const host = document.createElement("div");
    list.before(host);
    new Viewer(JSON.parse(script.textContent), host);
  }
}
