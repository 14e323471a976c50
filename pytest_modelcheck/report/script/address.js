// Addresses within the page, as people paste them: `#SmallCNN/graph/body.0` is a subject, a tab,
// and a place in it.

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign
  }
}

// Its parts; each empty where it is missing. Only the place may hold a slash.
export function parsed(hash) {
  const [slug = "", tab = "", ...rest] = hash.replace(/^#/, "").split("/");
  return { slug: decoded(slug), tab: decoded(tab), place: decoded(rest.join("/")) };
}

export function address(slug, tab, place) {
  const parts = [slug, tab, place && encodeURIComponent(place)];
  return `#${parts.filter(Boolean).join("/")}`;
}
