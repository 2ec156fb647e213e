// The tail of the data centre's request log: what really went over the wire.

import { get } from "./api.js";
import { h } from "./dom.js";

const KEPT = 100;
const NEAR_PX = 30;

function timeOf(entry) {
  const given = entry.time ?? null;
  if (given === null) return "";
  const when = new Date(typeof given === "number" ? given * 1000 : given);
  return Number.isNaN(when.getTime()) ? String(given) : when.toLocaleTimeString([], { hour12: false });
}

export class RequestLog {
  #node;
  #count;
  #after = 0;
  #follows = true;

  constructor(node, count) {
    this.#node = node;
    this.#count = count;
    node.addEventListener("scroll", () => {
      if (node.clientHeight) this.#follows = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_PX;
    });
    // It grows while it is hidden, when nothing can be scrolled.
    new ResizeObserver(() => this.#toNewest()).observe(node);
  }

  async fetch() {
    const { entries = [], last } = await get("/centre/log", { after: this.#after });
    // A lower number means that the data centre was started anew.
    if (last !== undefined && last < this.#after) {
      this.#after = 0;
      this.#node.replaceChildren();
    }
    return entries;
  }

  draw(entries) {
    if (!entries.length) return;
    for (const entry of entries) {
      const number = entry.n ?? entry.seq ?? this.#after + 1;
      this.#after = Math.max(this.#after, number);
      this.#node.append(this.#line(entry, number));
    }
    while (this.#node.children.length > KEPT) this.#node.firstChild.remove();
    this.#count.textContent = this.#after.toLocaleString();
    this.#toNewest();
  }

  #toNewest() {
    if (this.#follows) this.#node.scrollTop = this.#node.scrollHeight;
  }

  #line(entry, number) {
    const { method, path, operation, status, action, error_code: code } = entry;
    const ids = entry.ids?.length ?? 0;
    const power = Boolean(action) || /power/i.test(operation ?? "");
    const bad = status === null || status >= 400;
    const named = operation ?? `${method ?? ""} ${path ?? ""}`;
    const words = [action, ids ? `${ids} ${ids === 1 ? "server" : "servers"}` : "", code].filter(Boolean).join(" · ");
    return h("li", { class: `${power ? "power" : ""} ${bad ? "bad" : ""}`, title: `${method ?? ""} ${path ?? ""}` },
      h("span", { class: "log-n" }, timeOf(entry) || `${number}`),
      h("span", { class: "log-status" }, status === null ? "cut" : String(status ?? "")),
      h("span", { class: "log-what" }, words ? [h("b", {}, words), ` · ${named}`] : named));
  }
}
