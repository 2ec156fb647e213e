// Short notices in a corner, for errors and for what the workspace tells one person.

import { byId, h } from "./dom.js";

const SHOWN_MS = 7000;
const MOST = 4;

/** Show a notice, and return what takes it away; it also goes by itself, or when it is pressed. */
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
  return () => node.remove();
}

const newest = new Map();

/** Show one person's notices that came since the page first looked through that person's eyes. */
export function showToasts(person, toasts) {
  const last = Math.max(0, ...(toasts ?? []).map(({ id }) => Number(id) || 0));
  const before = newest.get(person);
  newest.set(person, last);
  if (before === undefined) return;
  // Numbers that fell back come from a server that was started anew.
  const shown = last < before ? 0 : before;
  for (const { id, text } of toasts ?? []) if (Number(id) > shown) toast(text);
}
