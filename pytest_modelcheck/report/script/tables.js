// The page is complete without this: it only adds sorting, and folding of the module table.

function value(row, column) {
  const cell = row.cells[column];
  const number = Number(cell.dataset.v);
  return cell.dataset.v !== undefined && !Number.isNaN(number) ? number : cell.textContent.trim();
}

function sort(table, header, column) {
  const body = table.tBodies[0];
  if (!table.original) table.original = [...body.rows];
  const was = header.getAttribute("aria-sort");
  const now = was === "descending" ? "ascending" : was === "ascending" ? null : "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  let rows = table.original;
  if (now) {
    header.setAttribute("aria-sort", now);
    const sign = now === "descending" ? -1 : 1;
    rows = [...rows].sort((a, b) => {
      const x = value(a, column),
        y = value(b, column);
      return (
        sign *
        (typeof x === "number" && typeof y === "number"
          ? x - y
          : String(x).localeCompare(String(y)))
      );
    });
  }
  body.append(...rows);
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sort(table, header, column));
    header.append(button);
  });
}

function fold(table, depth, text) {
  const wanted = text.trim().toLowerCase();
  for (const row of table.tBodies[0].rows) {
    const found = row.cells[0].textContent.toLowerCase().includes(wanted);
    row.hidden = wanted ? !found : Number(row.dataset.depth) > depth;
  }
}

function makeFoldable(table) {
  const depths = [...table.tBodies[0].rows].map((row) => Number(row.dataset.depth));
  const deepest = Math.max(1, ...depths);
  if (deepest < 2) return;
  const tools = document.createElement("div");
  const find = document.createElement("input");
  const level = document.createElement("select");
  tools.className = "tools";
  find.type = "search";
  find.placeholder = "find a module";
  find.setAttribute("aria-label", "find a module");
  level.setAttribute("aria-label", "levels shown");
  for (let depth = 1; depth <= deepest; depth++) {
    level.add(
      new Option(
        depth === deepest ? "all levels" : depth === 1 ? "1 level" : `${depth} levels`,
        depth,
      ),
    );
  }
  level.value = String(depths.length > 40 ? Math.min(2, deepest) : deepest);
  const update = () => fold(table, Number(level.value), find.value);
  find.addEventListener("input", update);
  level.addEventListener("change", update);
  tools.append(find, level);
  table.parentElement.before(tools);
  update();
}

export function mount(root) {
  for (const table of root.querySelectorAll("table.sortable")) makeSortable(table);
  for (const table of root.querySelectorAll("table.tree")) makeFoldable(table);
}
