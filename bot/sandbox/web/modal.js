// The open modal of one person: drawn once per view, then updated in place.

import { drawBlocks } from "./blocks.js";
import { focusFirst, showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { Fields } from "./fields.js";
import { plain, textNodes } from "./mrkdwn.js";

const MOST_KEPT = 20;

/** The context in which a view's blocks are drawn; its people, errors and state stay live. */
export function viewContext(app, view, submit) {
  const where = { view_id: view.id };
  const context = {
    view,
    people: app.people,
    fields: new Fields(),
    errors: {},
    state: view.state,
    submit,
    act: (block, element, choice) =>
      app.send("/ui/click", {
        ...where, block_id: block.block_id, action_id: element.action_id, ...choice, values: context.fields.collect(context.view),
      }),
    suggest: (block, element, query) =>
      app.suggest({ ...where, block_id: block.block_id, action_id: element.action_id, query }),
  };
  return context;
}

export class Modals {
  #app;
  #contexts = new Map();
  #shown = null;

  constructor(app) {
    this.#app = app;
  }

  /** Show the top of a stack of views, or nothing. */
  show(views) {
    const view = views?.at(-1) ?? null;
    if (this.#shown && this.#shown.id !== view?.id) {
      this.#shown.hide();
      this.#shown = null;
    }
    if (!view) return;
    if (!this.#shown) this.#open(view);
    this.#update(view, views.length);
  }

  #context(view) {
    if (!this.#contexts.has(view.id)) {
      this.#contexts.set(view.id, viewContext(this.#app, view, () => this.#submit()));
      // What was typed into views that are long gone need not be remembered.
      if (this.#contexts.size > MOST_KEPT) this.#contexts.delete(this.#contexts.keys().next().value);
    }
    return this.#contexts.get(view.id);
  }

  #open(view) {
    const close = () => this.#app.send("/ui/close", { view_id: view.id });
    const parts = {
      title: h("h2", { id: "modal-title" }), depth: h("small", { class: "muted" }), blocks: h("div", { class: "blocks" }),
      submit: h("button", { type: "submit", class: "primary", "data-testid": "modal-submit" }),
      close: h("button", { type: "button", "data-testid": "modal-close", onclick: close }),
    };
    const dialog = h("div", {
      class: "dialog", role: "dialog", "aria-modal": "true", "aria-labelledby": "modal-title", tabindex: "-1", "data-testid": "modal",
    }, h("form", {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        this.#submit();
      },
    },
    h("div", { class: "dialog-head" }, h("span", { class: "dialog-mark", "aria-hidden": "true" }, "⚡"), parts.title, parts.depth,
      h("button", { type: "button", class: "icon-btn", "aria-label": "Close", onclick: close }, "×")),
    h("div", { class: "dialog-body" }, parts.blocks),
    h("div", { class: "dialog-foot" }, parts.close, parts.submit)));
    const hide = showDialog(h("div", { class: "scrim" }, dialog), close);
    this.#shown = { id: view.id, view, parts, dialog, hide, busy: false, fresh: true };
  }

  #update(view, depth) {
    const shown = this.#shown;
    const { parts, dialog } = shown;
    const context = this.#context(view);
    shown.view = view;
    context.view = view;
    context.errors = view.errors ?? {};
    context.state = view.state;
    dialog.dataset.callbackId = view.callback_id ?? "";
    parts.title.replaceChildren(...textNodes(view.title));
    parts.depth.textContent = depth > 1 ? `step ${depth}` : "";
    parts.submit.hidden = !view.submit;
    parts.submit.replaceChildren(...textNodes(view.submit ?? "Submit"));
    parts.close.replaceChildren(...textNodes(view.close ?? (view.submit ? "Cancel" : "Close")));
    const before = JSON.stringify(shown.errors ?? {});
    shown.errors = context.errors;
    drawBlocks(parts.blocks, view.blocks, context);
    if (shown.fresh) {
      shown.fresh = false;
      focusFirst(dialog);
    } else if (before !== JSON.stringify(context.errors)) {
      const wrong = parts.blocks.querySelector(".input.wrong");
      wrong?.querySelector("input, textarea, select")?.focus();
      // The words stand under the field, which alone would be scrolled into view.
      wrong?.scrollIntoView({ block: "nearest" });
    }
  }

  async #submit() {
    const shown = this.#shown;
    if (!shown || shown.busy || !shown.view.submit) return;
    shown.busy = true;
    shown.parts.submit.classList.add("sending");
    await this.#app.send("/ui/submit", { view_id: shown.id, values: this.#context(shown.view).fields.collect(shown.view) });
    shown.busy = false;
    shown.parts.submit.classList.remove("sending");
  }
}

/** The app's Home tab, drawn like a view without a frame. */
export class Home {
  #app;
  #node;
  #context = null;
  #id = null;

  constructor(app, node) {
    this.#app = app;
    this.#node = node;
  }

  show(view) {
    if (!view) {
      this.#id = null;
      drawBlocks(this.#node, [{ type: "context", elements: [{ type: "plain_text", text: "The bot has not drawn this page yet." }] }], { people: this.#app.people });
      return;
    }
    if (this.#id !== view.id) {
      this.#id = view.id;
      this.#context = viewContext(this.#app, view, () => {});
    }
    this.#context.view = view;
    this.#context.errors = view.errors ?? {};
    this.#context.state = view.state;
    this.#node.setAttribute("aria-label", plain(view.title?.text ?? "Home"));
    drawBlocks(this.#node, view.blocks, this.#context);
  }
}
