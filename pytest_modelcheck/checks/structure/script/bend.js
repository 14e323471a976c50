// Edges as paths.

// A path through points, its corners rounded.
export function bend(points) {
  const parts = [`M${points[0].join(" ")}`];
  for (let i = 1; i < points.length - 1; i++) {
    const corner = points[i];
    const before = toward(corner, points[i - 1]);
    const after = toward(corner, points[i + 1]);
    parts.push(`L${before.join(" ")}Q${corner.join(" ")} ${after.join(" ")}`);
  }
  return `${parts.join("")}L${points.at(-1).join(" ")}`;
}

// Some pixels from a corner to another point, at most half way.
function toward([x, y], [otherX, otherY]) {
  const distance = Math.hypot(otherX - x, otherY - y) || 1;
  const reach = Math.min(5, distance / 2);
  return [x + ((otherX - x) / distance) * reach, y + ((otherY - y) / distance) * reach];
}
