// Small helpers to build and update the page's elements; data only ever becomes text nodes.

/** Make an element: `on…` keys are listeners, `data` is the dataset, the rest are attributes. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(node.dataset, value);
    else if (name === "value") node.value = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

const known = new WeakMap();

/**
 * Make a parent's children match `items` and keep the node of every key that stays.
 *
 * Nodes that stay are not touched when their order holds, so focus and scrolling survive.
 */
export function reconcile(parent, items, keyOf, make, update) {
  const old = known.get(parent) ?? new Map();
  const next = new Map();
  items.forEach((item, place) => {
    let key = String(keyOf(item, place));
    while (next.has(key)) key += "+";
    next.set(key, { item, node: old.get(key) });
  });
  for (const [key, node] of old) if (!next.has(key)) node.remove();
  let cursor = parent.firstChild;
  const kept = new Map();
  for (const [key, { item, node: found }] of next) {
    const node = found ?? make(item);
    if (update) update(node, item);
    kept.set(key, node);
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
  }
  known.set(parent, kept);
}

/** Run `change`; when it took the focused element away, focus its successor with the same hook. */
export function keepFocus(root, change) {
  const before = document.activeElement;
  const inside = root.contains(before) && before !== root;
  const hook = inside ? before.closest("[data-focus]")?.dataset.focus : null;
  const caret = inside && "selectionStart" in before ? [before.selectionStart, before.selectionEnd] : null;
  change();
  if (!inside || before.isConnected) return;
  const heir = hook && [...root.querySelectorAll("[data-focus]")].find((node) => node.dataset.focus === hook);
  const target = heir || root.closest("[tabindex]") || root;
  target.focus?.({ preventScroll: true });
  if (heir && caret?.[0] !== null && caret && heir.setSelectionRange) {
    try {
      heir.setSelectionRange(...caret);
    } catch {
      // Number inputs have no caret to set.
    }
  }
}

/** The clock time of a message, with the day in front when it is not today. */
export function clockOf(ts) {
  const when = new Date(Number(ts) * 1000);
  const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const today = new Date().toDateString() === when.toDateString();
  return today ? time : `${when.toLocaleDateString([], { month: "short", day: "numeric" })}, ${time}`;
}

/** One or two letters for a person, and a hue that stays the same for the same id. */
export function avatar(person, size = "") {
  const bot = Boolean(person?.is_bot);
  const words = (person?.real_name || person?.name || "?").trim().split(/\s+/);
  const letters = bot ? "⚡" : words.slice(0, 2).map((word) => word[0]).join("").toUpperCase();
  let sum = 7;
  for (const char of person?.id ?? "?") sum = (sum * 31 + char.codePointAt(0)) % 360;
  const node = h("span", { class: `avatar ${size} ${bot ? "bot" : ""}`, "aria-hidden": "true" }, letters);
  node.style.setProperty("--hue", String(sum));
  return node;
}

/** Say something to screen readers without showing it. */
export function announce(text) {
  const region = byId("announcer");
  region.append(h("p", {}, text));
  while (region.children.length > 5) region.firstChild.remove();
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const SHORT = /\b(bmc|json|ids)\b/g;

/** A kind of fault as people say it: `dead-bmc` is "dead BMC". */
export const inWords = (kind) => kind.replaceAll("-", " ").replace(SHORT, (word) => (word === "ids" ? "IDs" : word.toUpperCase()));
