// Commands get a button that copies them.

import { makeButton } from "../../drawing/dom.js";

async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return "copied";
  } catch {
    getSelection().selectAllChildren(code); // no clipboard here: selected, one key press away
    return "selected";
  }
}

export function mount(root) {
  for (const code of root.querySelectorAll(".command code")) {
    const button = makeButton("copy command", async () => {
      button.textContent = await copied(code);
      setTimeout(() => {
        button.textContent = "copy command";
      }, 1500);
    });
    code.parentNode.prepend(button);
  }
}
