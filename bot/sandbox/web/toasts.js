// Short notices in a corner, for errors and for what the workspace tells one person.

import { byId, h } from "./dom.js";

const SHOWN_MS = 7000;
const MOST = 4;

/** Show a notice; it goes by itself, or when it is pressed. */
export function toast(text, kind = "error") {
  const box = byId("toasts");
  const node = h("div", { class: `toast ${kind}`, "data-testid": "toast", role: kind === "error" ? "alert" : "status" },
    h("span", { class: "toast-mark", "aria-hidden": "true" }, kind === "error" ? "!" : "i"),
    h("span", {}, text),
    h("button", { type: "button", class: "icon-btn", "aria-label": "Dismiss", onclick: () => node.remove() }, "×"));
  box.append(node);
  while (box.children.length > MOST) box.firstChild.remove();
  let timer = setTimeout(() => node.remove(), SHOWN_MS);
  node.addEventListener("pointerenter", () => clearTimeout(timer));
  node.addEventListener("pointerleave", () => {
    timer = setTimeout(() => node.remove(), SHOWN_MS / 2);
  });
}

const seen = new Set();
let first = true;

/** Show the workspace's notices that are new since the page was opened. */
export function showToasts(person, toasts) {
  for (const { id, text } of toasts ?? []) {
    const key = `${person}/${id}`;
    if (!first && !seen.has(key)) toast(text);
    seen.add(key);
  }
  first = false;
}
