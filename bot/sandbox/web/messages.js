// A scrolling list of messages that keeps its place, its focus, and says what is new.

import { announce, h, reconcile } from "./dom.js";
import { keyOf, makeMessage, markFresh, updateMessage, visible } from "./message.js";
import { mrkdwn } from "./mrkdwn.js";

const NEAR_PX = 60;

/** A message as it is read aloud: names instead of ids, and no marks. */
const heard = (text, people) => (text ?? "").split("\n").map((line) => h("p", {}, mrkdwn(line, people)).textContent).join(" ");

export class MessageList {
  #app;
  #node;
  #pill;
  #inThread;
  #place = "";
  #known = new Set();
  #stuck = true;
  #top = 0;

  constructor(app, node, { inThread = false } = {}) {
    this.#app = app;
    this.#node = node;
    this.#inThread = inThread;
    this.#pill = h("button", { type: "button", class: "new-pill", hidden: true, onclick: () => this.toBottom() }, "New messages ↓");
    node.after(this.#pill);
    node.addEventListener("scroll", () => {
      // Only who scrolls up has left the end: it may also be far because the list has just shrunk.
      if (this.#atBottom()) {
        this.#stuck = true;
        this.#top = node.scrollTop;
        this.#pill.hidden = true;
      } else if (node.scrollTop < this.#top - NEAR_PX) this.#stuck = false;
    });
    // A composer that grows takes room from the list; whoever read the end still wants to see it.
    new ResizeObserver(() => {
      if (this.#stuck) this.toBottom();
    }).observe(node);
  }

  #atBottom() {
    const { scrollHeight, scrollTop, clientHeight } = this.#node;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  toBottom() {
    this.#node.scrollTop = this.#node.scrollHeight;
    this.#top = this.#node.scrollTop;
    this.#stuck = true;
    this.#pill.hidden = true;
  }

  /** Show these messages; `place` names the channel or thread, and whose eyes see it. */
  show(place, channel, messages, { unreadReplies = () => false } = {}) {
    const moved = place !== this.#place;
    if (moved) {
      this.#place = place;
      this.#known = new Set();
      reconcile(this.#node, [], keyOf);
    }
    let follow = moved || this.#stuck;
    const app = this.#app;
    const shown = messages.filter(visible);
    const inThread = this.#inThread;
    const arrived = [];
    reconcile(this.#node, shown, keyOf, (message) => makeMessage(message, app, channel, inThread), (node, message) => {
      updateMessage(node, message, app, channel, { inThread, unreadReplies: unreadReplies(message) });
      if (this.#known.has(keyOf(message))) return;
      this.#known.add(keyOf(message));
      if (message.user === app.as) follow = true;
      if (moved || message.user === app.as) return;
      arrived.push(message);
      if (message.bot) markFresh(node);
    });
    this.#node.classList.toggle("empty", shown.length === 0);
    for (const message of arrived) {
      const name = app.people.user(message.user)?.real_name ?? "Powerbot";
      announce(`${name}: ${heard(message.text, app.people) || "a new message"}`);
    }
    if (follow) this.toBottom();
    else if (arrived.length) this.#pill.hidden = false;
  }
}
