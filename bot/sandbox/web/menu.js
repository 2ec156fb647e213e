// Small menus that open at a button: overflow, shortcuts, faults.

import { h } from "./dom.js";

let shut = null;

export function closeMenu() {
  shut?.();
}

/**
 * Open a menu at `anchor`.
 *
 * `items` are {label, note?, danger?, checked?, testid?, data?, run}; `head` is a node above them.
 */
export function openMenu(anchor, items, { head = null, label = "Menu" } = {}) {
  closeMenu();
  const buttons = items.map((item) =>
    h("button", {
      type: "button", role: item.checked === undefined ? "menuitem" : "menuitemradio", tabindex: "-1",
      class: `menu-item ${item.danger ? "danger" : ""}`, "data-testid": item.testid, data: item.data,
      "aria-checked": item.checked === undefined ? null : String(item.checked),
      onclick: () => {
        close();
        item.run();
      },
    }, h("span", {}, item.label), item.note ? h("small", {}, item.note) : null));
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, tabindex: "-1" }, head, buttons);
  const outside = (event) => {
    if (!menu.contains(event.target) && !anchor.contains(event.target)) close();
  };
  function close({ refocus = true } = {}) {
    if (shut !== close) return;
    shut = null;
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("resize", close);
    if (refocus && anchor.isConnected) anchor.focus({ preventScroll: true });
  }
  shut = close;
  menu.addEventListener("keydown", (event) => {
    const place = buttons.indexOf(document.activeElement);
    const moves = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: buttons.length - 1 };
    if (event.key in moves) {
      event.preventDefault();
      buttons.at(moves[event.key] % buttons.length)?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  document.body.append(menu);
  anchor.setAttribute("aria-expanded", "true");
  place(menu, anchor);
  document.addEventListener("pointerdown", outside, true);
  window.addEventListener("resize", close);
  (buttons.find((button) => button.getAttribute("aria-checked") === "true") ?? buttons[0] ?? menu).focus({ preventScroll: true });
}

function place(menu, anchor) {
  const box = anchor.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, innerWidth - size.width - 8));
  const below = box.bottom + 4;
  const top = below + size.height <= innerHeight - 8 ? below : Math.max(8, box.top - size.height - 4);
  menu.style.left = `${left}px`;
  menu.style.top = `${Math.max(8, Math.min(top, innerHeight - size.height - 8))}px`;
}
