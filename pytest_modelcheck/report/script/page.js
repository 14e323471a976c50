// The page is complete without its script, which only adds to it.

import { mount as mountTables } from "./tables.js";

export function start(mounts) {
  for (const mount of [mountTables, ...mounts]) {
    mount(document.body);
  }
}
