// The box to type into: Enter sends, a slash offers commands, an @ offers names.

import { h } from "./dom.js";

const TALLEST_PX = 160;

/**
 * Turn a form with a textarea into a composer.
 *
 * `send(text)` answers whether it worked; only then the box is emptied. Slash commands are only
 * offered when `commands` is given, because they do not work in threads.
 */
export function composer(form, app, { send, commands = null }) {
  const box = form.querySelector("textarea");
  const list = h("div", { class: "offers", role: "listbox", id: `${box.id}-offers`, "aria-label": "Suggestions", hidden: true });
  const hint = h("div", { class: "usage", hidden: true });
  form.prepend(list, hint);
  box.setAttribute("aria-controls", list.id);
  let offers = [];
  let active = 0;
  let busy = false;

  const grow = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + 2, TALLEST_PX)}px`;
  };
  const before = () => box.value.slice(0, box.selectionStart ?? box.value.length);
  const wanted = () => {
    const text = before();
    if (commands && /^\/\S*$/.test(text)) {
      return commands().filter(({ command }) => command.startsWith(text)).map((each) => ({
        label: each.command, note: each.description, from: 0, insert: `${each.command} `, exact: each.command === text,
      }));
    }
    const at = /(?:^|\s)@([\p{L}\p{N}._-]*)$/u.exec(text);
    if (!at) return [];
    const begun = at[1].toLowerCase();
    return app.people.persons().filter((person) => person.name.toLowerCase().startsWith(begun)).map((person) => ({
      label: `@${person.name}`, note: person.real_name, from: text.length - at[1].length - 1, insert: `@${person.name} `,
      exact: person.name.toLowerCase() === begun,
    }));
  };
  const pick = (offer) => {
    const end = before().length;
    box.setRangeText(offer.insert, offer.from, end, "end");
    draw();
    box.focus();
  };
  const point = (place) => {
    active = place;
    [...list.children].forEach((node, each) => node.setAttribute("aria-selected", String(each === place)));
    box.setAttribute("aria-activedescendant", list.children[place]?.id ?? "");
  };
  const shut = () => {
    list.hidden = true;
    offers = [];
    box.removeAttribute("aria-activedescendant");
  };
  function draw() {
    grow();
    offers = wanted();
    list.hidden = offers.length === 0;
    list.replaceChildren(...offers.map((offer, place) =>
      h("div", {
        role: "option", class: "offer", id: `${list.id}-${place}`, onmousedown: (event) => event.preventDefault(), onclick: () => pick(offer),
      }, h("strong", {}, offer.label), h("small", {}, offer.note ?? ""))));
    if (offers.length) point(0);
    const used = commands?.().find(({ command }) => box.value.startsWith(`${command} `));
    hint.hidden = !used?.usage_hint || offers.length > 0;
    hint.textContent = used ? `${used.command} ${used.usage_hint}` : "";
  }
  const go = async () => {
    const text = box.value.trim();
    if (!text || busy) return;
    busy = true;
    shut();
    const worked = await send(text);
    busy = false;
    if (worked && box.value.trim() === text) {
      box.value = "";
      draw();
    }
  };

  box.addEventListener("input", draw);
  box.addEventListener("blur", shut);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = offers.length > 0;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      point((active + (event.key === "ArrowDown" ? 1 : -1) + offers.length) % offers.length);
    } else if (open && event.key === "Escape") {
      event.stopPropagation();
      shut();
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && !offers[active].exact)) && !event.shiftKey) {
      event.preventDefault();
      pick(offers[active]);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      go();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
  return {
    text: () => box.value,
    write(text) {
      box.value = text;
      draw();
      shut();
    },
    focus: () => box.focus(),
    label(text) {
      box.placeholder = text;
      box.setAttribute("aria-label", text);
    },
  };
}
