// The page is complete without its script, which only adds to it.

import { mount as mountScroll } from "./scroll.js";
import { mount as mountTables } from "./tables.js";

export function start(mounts) {
  for (const mount of [mountTables, mountScroll, ...mounts]) {
    mount(document.body);
  }
}
