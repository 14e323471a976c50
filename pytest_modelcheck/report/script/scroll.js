// What is wider than the page scrolls by itself. This says so, and lets the keyboard reach it,
// while it is so.

const TITLES = ":scope > h2, :scope > h3, :scope > h4, :scope > summary, :scope > caption";
const labels = new Map(); // how often each is there: a region's name is its own

export function mount(root) {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      mark(target.closest(".scroll, pre"));
    }
  });
  for (const region of root.querySelectorAll(".scroll, pre")) {
    observer.observe(region);
    for (const child of region.children) {
      observer.observe(child);
    }
    region.addEventListener("scroll", () => mark(region), { passive: true });
  }
}

function mark(region) {
  const hidden = region.scrollWidth - region.clientWidth;
  const overflows = hidden > 1;
  region.classList.toggle("cut-left", overflows && region.scrollLeft > 1);
  region.classList.toggle("cut-right", overflows && region.scrollLeft < hidden - 1);
  if (overflows && !region.hasAttribute("tabindex")) {
    region.dataset.label ??= unique(titleOf(region));
    const names = { tabindex: 0, role: "region", "aria-label": region.dataset.label };
    for (const [name, value] of Object.entries({ ...names, title: "scrolls sideways" })) {
      region.setAttribute(name, value);
    }
  } else if (!overflows && region.dataset.label) {
    for (const name of ["tabindex", "role", "aria-label", "title"]) {
      region.removeAttribute(name);
    }
  }
}

// The nearest caption, summary or heading.
function titleOf(region) {
  const caption = region.querySelector("caption");
  for (let around = region; around && !caption; around = around.parentElement) {
    const title = [...around.querySelectorAll(TITLES)]
      .filter((one) => precedes(one, region))
      .at(-1);
    if (title) {
      return title.textContent.replace(/\s+/g, " ").trim();
    }
  }
  return caption?.textContent.trim() || "what is wider than the page";
}

function precedes(title, region) {
  return Boolean(title.compareDocumentPosition(region) & Node.DOCUMENT_POSITION_FOLLOWING);
}

function unique(label) {
  const count = (labels.get(label) ?? 0) + 1;
  labels.set(label, count);
  return count > 1 ? `${label} (${count})` : label;
}
