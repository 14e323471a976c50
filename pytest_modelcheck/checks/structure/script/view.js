// What of a picture is seen: arithmetic of scales and places. Sizes and places in the picture are
// in its own pixels, those on the screen are scaled.

export const STEP = 1.25; // of the buttons that zoom
const LEAST = 0.1;
const MOST = 3;
const READABLE = 0.7; // the least scale at which a picture opens
const EDGE = 40; // pixels of the picture that stay in sight, however far it is moved
const ROOM = 12; // around a picture that fits

// The scale at which all of a picture is seen, in both directions; no larger than life.
export function fitScale(size, room) {
  const across = Math.max(1, room.width - ROOM) / size.width;
  const down = Math.max(1, room.height - ROOM) / size.height;
  return Math.min(1, across, down);
}

// The scale to open with: text is read at it, even if not all is seen.
export function firstScale(size, room) {
  return Math.min(1, Math.max(READABLE, fitScale({ ...size, height: 1 }, room)));
}

// A scale within what makes sense: never so small that the whole picture is less than the room.
export function clampScale(scale, size, room) {
  return Math.min(MOST, Math.max(Math.min(LEAST, fitScale(size, room)), scale));
}

// How far around a picture one can scroll.
export function marginOf(room) {
  return {
    x: Math.max(0, room.width - EDGE),
    y: Math.max(0, room.height - EDGE),
  };
}

// Where to scroll so that a point of the picture lies at a place of the room.
export function scrollFor(point, place, scale, margin) {
  return {
    left: margin.x + point.x * scale - place.x,
    top: margin.y + point.y * scale - place.y,
  };
}

// The point of the picture at a place of the room.
export function pointAt(place, scroll, scale, margin) {
  return {
    x: (scroll.left + place.x - margin.x) / scale,
    y: (scroll.top + place.y - margin.y) / scale,
  };
}

// What part of the picture is seen, and `more` of the room's size on each side.
export function seen(room, scroll, scale, margin, more = 0) {
  const far = { x: room.width * more, y: room.height * more };
  const start = pointAt({ x: -far.x, y: -far.y }, scroll, scale, margin);
  const end = pointAt({ x: room.width + far.x, y: room.height + far.y }, scroll, scale, margin);
  return { left: start.x, top: start.y, right: end.x, bottom: end.y };
}

// Whether two rectangles have something in common.
export function meets(one, other) {
  return (
    one.left <= other.right &&
    one.right >= other.left &&
    one.top <= other.bottom &&
    one.bottom >= other.top
  );
}

// A rectangle from another origin.
export function from({ left, top, right, bottom }, x, y) {
  return { left: left - x, top: top - y, right: right - x, bottom: bottom - y };
}
