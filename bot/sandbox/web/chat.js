// The middle of the page: the channel or Home tab that is open, and the thread beside it.

import { byId } from "./dom.js";
import { composer } from "./composer.js";
import { openMenu } from "./menu.js";
import { MessageList } from "./messages.js";
import { Home } from "./modal.js";
import { isDirect } from "./sidebar.js";
import { toast } from "./toasts.js";

const isReply = ({ ts, thread_ts: root }) => Boolean(root) && root !== ts;

export class Chat {
  #app;
  #list;
  #threadList;
  #home;
  #box;
  #threadBox;
  #drafts = new Map();
  #draftKey = "";
  #threadKey = "";

  constructor(app) {
    this.#app = app;
    this.#list = new MessageList(app, byId("messages"));
    this.#threadList = new MessageList(app, byId("thread-messages"), { inThread: true });
    this.#home = new Home(app, byId("home"));
    this.#box = composer(byId("composer"), app, {
      commands: () => app.state?.commands ?? [],
      send: (text) => this.#send(text),
    });
    this.#threadBox = composer(byId("thread-composer"), app, { send: (text) => this.#reply(text) });
    byId("thread-close").addEventListener("click", () => app.closeThread());
    byId("thread").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) app.closeThread();
    });
    byId("shortcuts").addEventListener("click", (event) => this.#shortcuts(event.currentTarget));
  }

  #send(text) {
    const { channel } = this.#app;
    return this.#app.send(text.startsWith("/") ? "/ui/command" : "/ui/message", { channel, text });
  }

  #reply(text) {
    if (text.startsWith("/")) {
      toast("Slash commands don't work in threads. Type this one in the channel.");
      return false;
    }
    const { channel, ts } = this.#app.thread;
    return this.#app.send("/ui/message", { channel, text, thread_ts: ts });
  }

  #shortcuts(button) {
    const all = (this.#app.state?.shortcuts ?? []).filter((each) => each.type === "global");
    if (!all.length) return void toast("This app has no global shortcuts.", "info");
    return openMenu(button, all.map(({ callback_id: id, name }) => ({
      label: name, data: { callbackId: id }, run: () => this.#app.send("/ui/shortcut", { callback_id: id }),
    })), { label: "Shortcuts" });
  }

  /** Put words into the channel's composer and go there. */
  write(text) {
    this.#box.write(text);
    this.#box.focus();
  }

  writeReply() {
    this.#threadBox.focus();
  }

  show() {
    const app = this.#app;
    const home = app.view === "home";
    byId("channel-view").hidden = home;
    byId("home-view").hidden = !home;
    byId("messages-title").textContent = home ? "Powerbot home" : "";
    // The thread goes first, since what is read there is no longer new in the channel.
    this.#showThread();
    if (home) this.#home.show(app.state.home);
    else this.#showChannel();
  }

  #showChannel() {
    const app = this.#app;
    const channel = app.people.channel(app.channel);
    const all = app.state.messages[app.channel] ?? [];
    const top = all.filter((message) => !isReply(message));
    const roots = new Set(top.map(({ ts }) => ts));
    // A person who only sees an ephemeral reply in a thread would otherwise never find it.
    const lost = all.filter((message) => message.ephemeral && isReply(message) && !roots.has(message.thread_ts));
    const shown = lost.length ? [...top, ...lost].sort((one, other) => Number(one.ts) - Number(other.ts)) : top;
    const direct = isDirect(channel);
    const name = direct ? "Powerbot" : `#${channel?.name ?? app.channel}`;
    byId("messages-title").textContent = name;
    byId("channel-note").textContent = channel?.shared ? "shared with another company" : channel?.member === false ? "the bot is not in this channel" : "";
    this.#box.label(`Message ${name} as ${app.people.user(app.as)?.real_name ?? app.as}`);
    this.#swapDraft(`${app.as}/${app.channel}`);
    const replies = Map.groupBy(all.filter(isReply), (message) => message.thread_ts);
    this.#list.show(`${app.as}/${app.channel}`, app.channel, shown, {
      unreadReplies: ({ ts }) => app.marks.unread(app.as, `${app.channel}/${ts}`, replies.get(ts) ?? []) > 0,
    });
    if (!document.hidden) app.marks.read(app.as, app.channel, top);
  }

  #swapDraft(key) {
    if (key === this.#draftKey) return;
    if (this.#draftKey) this.#drafts.set(this.#draftKey, this.#box.text());
    this.#draftKey = key;
    this.#box.write(this.#drafts.get(key) ?? "");
  }

  #showThread() {
    const app = this.#app;
    const panel = byId("thread");
    const thread = app.thread;
    const all = thread ? app.state.messages[thread.channel] ?? [] : [];
    const root = thread && all.find(({ ts }) => ts === thread.ts);
    const replies = thread ? all.filter((message) => isReply(message) && message.thread_ts === thread.ts) : [];
    const open = Boolean(thread && app.view === "channel" && (root || replies.length));
    panel.hidden = !open;
    document.body.classList.toggle("with-thread", open);
    if (!open) {
      this.#threadKey = "";
      return;
    }
    const key = `${app.as}/${thread.channel}/${thread.ts}`;
    if (key !== this.#threadKey) this.#threadBox.write("");
    this.#threadKey = key;
    const channel = app.people.channel(thread.channel);
    byId("thread-title").textContent = channel ? `#${channel.name}` : "";
    this.#threadBox.label("Reply in this thread");
    this.#threadList.show(key, thread.channel, root ? [root, ...replies] : replies);
    if (!document.hidden) app.marks.read(app.as, `${thread.channel}/${thread.ts}`, replies);
  }
}
