// A field that finds options while one types: local lists or /ui/suggest, one choice or chips.

import { h, reconcile } from "./dom.js";
import { plain } from "./mrkdwn.js";

const DEBOUNCE_MS = 300;
let count = 0;

const textOf = (option) => plain(option.text?.text ?? option.text ?? option.value);

/**
 * Make the field.
 *
 * `find(query)` answers a promise of options, `pick(list)` gets every change. A local list is
 * asked at once, a remote one after a pause in typing; late answers to old queries are dropped.
 */
export function combobox({ many, chosen, find, pick, placeholder, label, minimum = 0, remote = false, data }) {
  const id = `combo-${(count += 1)}`;
  let value = [...chosen];
  let found = [];
  let active = -1;
  let timer = 0;
  let asked = 0;

  const chips = h("span", { class: "chips" });
  const input = h("input", {
    type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "false",
    "aria-controls": id, "aria-autocomplete": "list", "aria-label": label, data,
  });
  const list = h("ul", { role: "listbox", id, class: "combo-list", hidden: true, "aria-label": label });
  const note = h("div", { class: "combo-note", hidden: true, role: "status" });
  const root = h("div", { class: "combo" }, h("div", { class: "combo-box" }, chips, input), list, note);
  root.addEventListener("click", (event) => {
    if (event.target.closest("button, li") === null) input.focus();
  });

  const draw = () => {
    reconcile(chips, value, (option) => option.value, (option) =>
      h("span", { class: "chip", data: { value: option.value } },
        h("span", {}, textOf(option)),
        h("button", { type: "button", "aria-label": `Remove ${textOf(option)}`, onclick: () => drop(option) }, "×")));
    input.placeholder = value.length ? (many ? "Add more…" : "") : placeholder || "Type to search…";
  };
  const close = () => {
    list.hidden = note.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const say = (text) => {
    close();
    note.textContent = text;
    note.hidden = false;
  };
  const change = (next) => {
    value = next;
    draw();
    pick(value);
  };
  const drop = (option) => {
    change(value.filter((each) => each.value !== option.value));
    input.focus();
  };
  const choose = (option) => {
    input.value = "";
    close();
    change(many ? [...value.filter((each) => each.value !== option.value), option] : [option]);
    input.focus();
  };
  const point = (place) => {
    active = place;
    [...list.children].forEach((node, each) => node.setAttribute("aria-selected", String(each === place)));
    const node = list.children[place];
    node?.scrollIntoView({ block: "nearest" });
    if (node) input.setAttribute("aria-activedescendant", node.id);
  };
  const show = (all) => {
    found = all.filter((option) => !value.some((each) => each.value === option.value));
    if (!found.length) return say(input.value ? "Nothing matches." : "Nothing to choose from.");
    note.hidden = true;
    list.replaceChildren(...found.map((option, place) =>
      h("li", {
        role: "option", id: `${id}-${place}`, "aria-selected": "false", data: { value: option.value },
        // The press must not take the focus away from the text field before the click lands.
        onmousedown: (event) => event.preventDefault(),
        onclick: () => choose(option),
      }, textOf(option), option.description ? h("small", {}, textOf({ text: option.description })) : null)));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point(0);
    return undefined;
  };
  const ask = async () => {
    const query = input.value.trim();
    const mine = (asked += 1);
    if (query.length < minimum) {
      const left = minimum - query.length;
      return say(`Type ${left} more ${left === 1 ? "letter" : "letters"}.`);
    }
    if (remote && list.hidden) say("Searching…");
    try {
      const all = await find(query);
      if (mine === asked && document.activeElement === input) show(all);
    } catch (error) {
      if (mine === asked) say(error.message);
    }
    return undefined;
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, remote ? DEBOUNCE_MS : 0);
  };

  input.addEventListener("input", later);
  input.addEventListener("focus", later);
  input.addEventListener("blur", () => {
    clearTimeout(timer);
    asked += 1;
    close();
  });
  input.addEventListener("keydown", (event) => {
    const open = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return void later();
      const step = event.key === "ArrowDown" ? 1 : -1;
      point((active + step + found.length) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (open && found[active]) choose(found[active]);
    } else if (event.key === "Escape" && (open || !note.hidden)) {
      // This Escape only closes the list; the next one may close the dialog around it.
      event.stopPropagation();
      clearTimeout(timer);
      asked += 1;
      close();
    } else if (event.key === "Backspace" && !input.value && value.length) {
      change(value.slice(0, -1));
    }
  });
  draw();
  return root;
}
