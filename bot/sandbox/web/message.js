// One message: who, when, its blocks, its thread, and its shortcuts.

import { avatar, clockOf, h, plural } from "./dom.js";
import { drawBlocks } from "./blocks.js";
import { Fields } from "./fields.js";
import { openMenu } from "./menu.js";

const hidden = new Set();

export const keyOf = (message) => `${message.ts}${message.ephemeral ? "e" : ""}`;

/** What the list shows: no deleted messages, no ephemeral ones that were dismissed. */
export const visible = (message) => !message.deleted && !hidden.has(keyOf(message));

function contextOf(app, channel, ts) {
  const where = { channel, ts };
  return {
    people: app.people,
    fields: new Fields(),
    act: (block, element, choice) =>
      app.send("/ui/click", { ...where, block_id: block.block_id, action_id: element.action_id, ...choice }),
    suggest: (block, element, query) =>
      app.suggest({ ...where, block_id: block.block_id, action_id: element.action_id, query }),
  };
}

/** An empty message; `updateMessage` fills it. */
export function makeMessage(message, app, channel, inThread) {
  const parts = {
    who: h("strong"), badge: h("span", { class: "badge", hidden: true }, "APP"),
    time: h("time", { class: "when" }), edited: h("span", { class: "when", hidden: true }, "(edited)"),
    fresh: h("span", { class: "fresh-mark", hidden: true }, "new"),
    blocks: h("div", { class: "blocks" }), foot: h("div", { class: "message-foot" }),
    avatar: h("div", { class: "message-avatar" }),
  };
  const dismiss = () => {
    hidden.add(keyOf(message));
    app.render();
  };
  const only = message.ephemeral
    ? h("div", { class: "only-you" }, h("span", { "aria-hidden": "true" }, "◉ "), "Only visible to you ",
        h("button", { type: "button", class: "link-btn", onclick: dismiss }, "Dismiss"))
    : null;
  const node = h("article", {
    class: `message ${message.ephemeral ? "ephemeral" : ""}`, tabindex: "-1",
    "data-testid": message.ephemeral ? "ephemeral" : "message", data: { ts: message.ts },
  }, parts.avatar, h("div", { class: "message-body" }, only,
    h("div", { class: "message-head" }, parts.who, parts.badge, parts.time, parts.edited, parts.fresh),
    parts.blocks, parts.foot), message.ephemeral ? null : tools(message, app, channel, inThread));
  const context = contextOf(app, channel, message.ts);
  const settle = () => {
    parts.fresh.hidden = true;
    node.classList.remove("fresh");
  };
  node.addEventListener("pointerenter", settle);
  node.addEventListener("focusin", settle);
  Object.assign(node, { parts, context, look: "" });
  return node;
}

function tools(message, app, channel, inThread) {
  const root = message.thread_ts ?? message.ts;
  const reply = inThread ? null : h("button", {
    type: "button", class: "icon-btn", "aria-label": "Reply in thread", title: "Reply in thread",
    onclick: () => app.openThread(channel, root, { write: true }),
  }, "↩");
  const more = h("button", {
    type: "button", class: "icon-btn", "aria-label": "Message shortcuts", title: "Message shortcuts",
    "aria-haspopup": "menu", "data-testid": "message-menu",
    onclick: (event) => {
      const shortcuts = (app.state.shortcuts ?? []).filter((each) => each.type === "message");
      const items = shortcuts.map(({ callback_id: id, name }) => ({
        label: name, data: { callbackId: id }, run: () => app.send("/ui/shortcut", { callback_id: id, channel, ts: message.ts }),
      }));
      const reading = inThread ? [] : [{ label: "Reply in thread", run: () => app.openThread(channel, root, { write: true }) }];
      openMenu(event.currentTarget, [...items, ...reading], { label: "Message shortcuts" });
    },
  }, "⋯");
  return h("div", { class: "tools" }, reply, more);
}

export function markFresh(node) {
  node.classList.add("fresh");
  node.parts.fresh.hidden = false;
}

/** Bring a message up to date; nothing is touched when nothing has changed. */
export function updateMessage(node, message, app, channel, { inThread, unreadReplies }) {
  const person = app.people.user(message.user) ?? { id: message.user, name: message.username ?? (message.bot ? "Powerbot" : message.user), is_bot: message.bot };
  const look = JSON.stringify([message, person.name, unreadReplies, inThread]);
  if (node.look === look) return;
  node.look = look;
  const { parts } = node;
  const bot = Boolean(message.bot || person.is_bot);
  parts.avatar.replaceChildren(avatar({ ...person, is_bot: bot }));
  parts.who.textContent = person.real_name || person.name;
  parts.badge.hidden = !bot;
  parts.time.textContent = clockOf(message.ts);
  parts.time.title = new Date(Number(message.ts) * 1000).toLocaleString();
  parts.edited.hidden = !message.edited || bot;
  node.classList.toggle("from-bot", bot);
  const blocks = message.blocks?.length ? message.blocks : [{ type: "section", text: { type: "mrkdwn", text: message.text ?? "" } }];
  // A bot's notice of one line needs no frame; a card of several blocks gets one.
  parts.blocks.classList.toggle("card", bot && blocks.length > 1);
  drawBlocks(parts.blocks, blocks, node.context);
  drawFoot(parts.foot, message, app, channel, inThread, unreadReplies);
}

function drawFoot(foot, message, app, channel, inThread, unreadReplies) {
  if (inThread || !message.reply_count) {
    foot.replaceChildren();
    return;
  }
  const words = plural(message.reply_count, "reply", "replies");
  let button = foot.querySelector("button");
  if (!button) {
    button = h("button", {
      type: "button", class: "replies", "data-testid": "replies-button",
      onclick: () => app.openThread(channel, message.ts),
    });
    foot.replaceChildren(button);
  }
  button.textContent = words;
  button.classList.toggle("unread", unreadReplies);
  button.setAttribute("aria-label", unreadReplies ? `${words}, some new` : words);
}
