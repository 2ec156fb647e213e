// Who one is and where one reads: the switch between people, the channels, what is unread.

import { avatar, byId, h, reconcile } from "./dom.js";
import { recall, remember } from "./theme.js";

const KEY = "powerbot-read";

/** Remembers up to where each person has read each channel and thread. */
export class ReadMarks {
  #marks;

  constructor() {
    try {
      this.#marks = JSON.parse(recall(KEY) ?? "{}");
    } catch {
      this.#marks = {};
    }
  }

  #last(messages) {
    return messages.reduce((latest, { ts }) => (ts > latest ? ts : latest), "");
  }

  read(person, place, messages) {
    const last = this.#last(messages);
    if (!last || this.#marks[`${person}/${place}`] === last) return;
    this.#marks[`${person}/${place}`] = last;
    remember(KEY, JSON.stringify(this.#marks));
  }

  /** How many messages of others came after the mark. */
  unread(person, place, messages) {
    const mark = this.#marks[`${person}/${place}`] ?? "";
    return messages.filter(({ ts, user, deleted }) => ts > mark && user !== person && !deleted).length;
  }
}

const firstName = (person) => (person.real_name || person.name).split(/\s+/)[0];
export const isDirect = (channel) => Boolean(channel?.direct ?? channel?.id.startsWith("D"));

/** The part of a role that tells people apart in one word. */
const shortRole = (person) => (person.role || "").split(/[,;]/).at(-1).trim() || "member";

export function drawPeople(app) {
  const people = app.people.persons().filter((person) => !person.is_bot);
  reconcile(byId("people"), people, (person) => person.id, (person) =>
    h("button", { type: "button", class: "person", "data-testid": `person-${person.id}`, onclick: () => app.become(person.id) },
      avatar(person, "small"), h("span", { class: "person-words" }, h("strong"), h("small"))),
  (node, person) => {
    const me = person.id === app.as;
    if (me && node.getAttribute("aria-pressed") !== "true") node.scrollIntoView({ block: "nearest", inline: "center" });
    node.setAttribute("aria-pressed", String(me));
    node.title = `${person.real_name || person.name}: ${person.role || "member"}`;
    node.querySelector("strong").textContent = firstName(person);
    node.querySelector("small").textContent = shortRole(person);
  });
}

function entry(app, { id, testid, open }) {
  return h("button", { type: "button", class: "channel", "data-testid": testid ?? `channel-${id}`, onclick: open ?? (() => app.goTo(id)) },
    h("span", { class: "channel-mark", "aria-hidden": "true" }), h("span", { class: "channel-name" }),
    h("span", { class: "channel-note", hidden: true }), h("span", { class: "unread-count", hidden: true }));
}

function fill(node, { mark, name, note, title, current, count, dim }) {
  const [markNode, nameNode, noteNode, countNode] = node.children;
  markNode.textContent = mark;
  nameNode.textContent = name;
  noteNode.textContent = note ?? "";
  noteNode.hidden = !note;
  node.title = title ?? "";
  countNode.hidden = !count;
  countNode.replaceChildren(count > 99 ? "99+" : String(count), h("span", { class: "unseen" }, " unread"));
  node.classList.toggle("unread", count > 0);
  node.classList.toggle("dim", Boolean(dim));
  if (current) node.setAttribute("aria-current", "page");
  else node.removeAttribute("aria-current");
}

// What was current, and among how many, when it was last brought into sight.
let inSight = "";

/** A narrow page shows a part of the row only: bring what is current into it, when either changes. */
function bringCurrent(app, count) {
  const now = `${app.view} ${app.channel} ${count}`;
  if (now === inSight) return;
  inSight = now;
  byId("channels").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

export function drawChannels(app) {
  const bot = app.people.persons().find((person) => person.is_bot);
  const items = [
    ...app.state.channels.filter((channel) => !isDirect(channel)),
    ...app.state.channels.filter(isDirect),
    { id: "home", testid: "home-tab", open: () => app.goHome(), home: true },
  ];
  reconcile(byId("channels"), items, (item) => item.id, (item) => entry(app, item), (node, item) => {
    if (item.home) {
      fill(node, { mark: "⚡", name: "Home", current: app.view === "home", count: 0 });
      return;
    }
    const current = app.view === "channel" && app.channel === item.id;
    const messages = (app.state.messages[item.id] ?? []).filter(({ ts, thread_ts: root }) => !root || root === ts);
    const direct = isDirect(item);
    fill(node, {
      mark: direct ? "@" : "#",
      name: direct ? bot?.real_name ?? item.name : item.name,
      note: item.shared ? "shared" : item.member === false ? "no bot" : "",
      title: item.shared ? "Shared with another company" : item.member === false ? "The bot is not in this channel" : "",
      current, dim: item.member === false,
      count: current ? 0 : app.marks.unread(app.as, item.id, messages),
    });
  });
  bringCurrent(app, items.length);
}
