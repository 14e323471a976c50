// The order of a table's rows, which are given as they stand in the page: a row's children after
// it, one level deeper.

// Compares two cells: numbers by size, texts by alphabet; numbers before texts. `sign`: 1
// ascending, -1 descending.
export function compareCells(a, b, sign) {
  const isNumber = [typeof a === "number", typeof b === "number"];
  if (isNumber[0] !== isNumber[1]) {
    return isNumber[0] ? -1 : 1; // what was not measured comes last, whichever way
  }
  return sign * (isNumber[0] ? a - b : a.localeCompare(b, "en", { numeric: true }));
}

// The value of a cell: the number that it was made of, or else its text.
export function cellValue(data, text) {
  const number = Number(data);
  return data === undefined || data === "" || Number.isNaN(number) ? text.trim() : number;
}

// All rows, each with its own children sorted below it.
export function sortTree(rows, depthOf, compare) {
  const top = [];
  const trail = []; // the row before, and those that it is in
  for (const row of rows) {
    const node = { row, depth: depthOf(row), children: [] };
    while (trail.length && trail.at(-1).depth >= node.depth) {
      trail.pop();
    }
    (trail.at(-1)?.children ?? top).push(node);
    trail.push(node);
  }
  const flat = (nodes) => {
    const sorted = [...nodes].sort((a, b) => compare(a.row, b.row));
    return sorted.flatMap((node) => [node.row, ...flat(node.children)]);
  };
  return flat(top);
}

// The rows without children.
export function leavesOf(rows, depthOf) {
  return rows.filter((row, i) => i + 1 === rows.length || depthOf(rows[i + 1]) <= depthOf(row));
}

// What a click on a column's head does next: the way that says most, the other way, then as it was.
export function nextDirection(direction, isNumeric) {
  const ways = isNumeric ? ["descending", "ascending"] : ["ascending", "descending"];
  return [...ways, undefined][direction ? ways.indexOf(direction) + 1 : 0];
}
