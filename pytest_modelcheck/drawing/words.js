// Numbers and names as text.

const SUFFIXES = [
  [1e9, 2, " G"],
  [1e6, 2, " M"],
  [1e3, 1, " k"],
];

// A count in few signs: 25.56 M.
export function short(count) {
  const [size, digits, suffix] = SUFFIXES.find(([least]) => count >= least) ?? [1, 0, ""];
  return (count / size).toFixed(digits) + suffix;
}

// A count with all of its digits.
export function exact(count) {
  return count.toLocaleString("en");
}

// A share: 34 %, 0.8 %.
export function percent(share) {
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

// At most so many signs of a text.
export function clip(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// Whether a name holds what somebody looks for; everything does where they look for nothing.
export function holds(name, wanted) {
  return name.toLowerCase().includes(wanted.trim().toLowerCase());
}
