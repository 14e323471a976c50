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
  const text = hash.replace(/^#/, "");
  const whole = text.includes("/") ? text : decoded(text); // some tools encode the slashes too
  const [slug = "", tab = "", ...rest] = whole.split("/");
  return { slug: decoded(slug), tab: decoded(tab), place: decoded(rest.join("/")) };
}

export function address(slug, tab, place) {
  const parts = [slug, tab, place && encodeURIComponent(place)];
  return `#${parts.filter(Boolean).join("/")}`;
}
