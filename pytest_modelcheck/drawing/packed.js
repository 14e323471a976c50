// Data of the page, as `packed` of html.py wrote them: JSON, compressed, as base64.

export function canUnpack() {
  return typeof DecompressionStream === "function";
}

export async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(plain).json();
}
