// Dialogs on top of the page: a stack with focus trap and Escape, and the confirm question.

import { byId, h } from "./dom.js";
import { textNodes } from "./mrkdwn.js";

const FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex='0']";
const stack = [];

/**
 * Only the topmost dialog can be reached, the notices, and the bar with the people: a dialog belongs to one
 * person, and whoever plays several must be able to leave it open and be somebody else.
 */
function settle() {
  for (const part of byId("app").children) part.inert = stack.length > 0 && !part.matches(".top, .toasts");
  stack.forEach((entry, place) => {
    entry.node.inert = place < stack.length - 1;
  });
}

/** Put a dialog on top; returns the function that takes it away and gives the focus back. */
export function showDialog(node, onEscape) {
  const entry = { node, onEscape, before: document.activeElement };
  stack.push(entry);
  byId("layers").append(node);
  settle();
  return () => {
    const place = stack.indexOf(entry);
    if (place < 0) return;
    stack.splice(place, 1);
    node.remove();
    settle();
    if (entry.before?.isConnected) entry.before.focus({ preventScroll: true });
  };
}

export function focusFirst(node) {
  const field = node.querySelector("[data-autofocus]") ??
    [...node.querySelectorAll(".dialog-body :is(input, textarea, select):not(:disabled)")][0] ??
    node.querySelector(".dialog-foot button.primary, .dialog-foot button");
  (field ?? node).focus({ preventScroll: true });
}

const bar = document.querySelector(".top");
new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);

document.addEventListener("keydown", (event) => {
  const top = stack.at(-1);
  if (!top || event.defaultPrevented) return;
  if (event.key === "Escape") {
    event.preventDefault();
    top.onEscape();
  } else if (event.key === "Tab") {
    const all = [...top.node.querySelectorAll(FOCUSABLE)].filter((each) => each.offsetParent !== null && each.tabIndex >= 0);
    const [first, last] = [all[0], all.at(-1)];
    const at = document.activeElement;
    if (!first) event.preventDefault();
    else if (event.shiftKey && (at === first || !top.node.contains(at))) {
      event.preventDefault();
      last.focus();
    } else if (!event.shiftKey && (at === last || !top.node.contains(at))) {
      event.preventDefault();
      first.focus();
    }
  }
});

/** Ask Block Kit's `confirm` question; answers true or false. */
export function confirmed(question, people) {
  if (!question) return Promise.resolve(true);
  return new Promise((resolve) => {
    const answer = (value) => {
      hide();
      resolve(value);
    };
    const danger = question.style === "danger";
    const node = h("div", { class: "scrim" },
      h("div", { class: "dialog small", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text", tabindex: "-1" },
        h("div", { class: "dialog-head" }, h("h2", { id: "confirm-title" }, textNodes(question.title, people))),
        h("div", { class: "dialog-body", id: "confirm-text" }, textNodes(question.text, people)),
        h("div", { class: "dialog-foot" },
          // The harmless answer has the focus, so that a stray Enter does nothing.
          h("button", { type: "button", "data-testid": "confirm-cancel", "data-autofocus": true, onclick: () => answer(false) },
            textNodes(question.deny ?? "Cancel", people)),
          h("button", { type: "button", class: danger ? "danger" : "primary", "data-testid": "confirm-ok", onclick: () => answer(true) },
            textNodes(question.confirm ?? "Yes", people)))));
    const hide = showDialog(node, () => answer(false));
    focusFirst(node);
  });
}
