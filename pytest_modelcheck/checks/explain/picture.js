// A picture of the page: an image, or, where it is shown more than once, a drawing of the stored one.

export const PICTURE = "img, svg.picture";

export function nameOf(picture) {
  return picture.getAttribute("alt") ?? picture.getAttribute("aria-label") ?? "";
}
