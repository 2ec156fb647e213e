// Puts the page together: who one is, where one looks, and one state from the server for all.

import { follow, post } from "./api.js";
import { Centre } from "./centre.js";
import { Chat } from "./chat.js";
import { followBot } from "./demo.js";
import { byId, plural } from "./dom.js";
import { closeMenu } from "./menu.js";
import { Modals } from "./modal.js";
import { afterPress } from "./press.js";
import { drawChannels, drawPeople, isDirect, ReadMarks } from "./sidebar.js";
import { Story } from "./story.js";
import { startTheme } from "./theme.js";
import { showToasts, toast } from "./toasts.js";

// Who one is at first; a server that does not know her chooses somebody itself.
const FIRST_PERSON = "U0DANA";

const hash = () => new URLSearchParams(location.hash.slice(1));

class App {
  state = null;
  as = hash().get("as") || FIRST_PERSON;
  channel = hash().get("in") ?? "";
  view = "channel";
  thread = null;
  /** What the demo tells beside the chat: the bot's process, and the faults that are switched on. */
  demo = { bot: "", restarts: 0, faults: 0, services: 0 };
  marks = new ReadMarks();
  #stop = () => {};

  /** Names for ids; it reads the newest state, so it may be kept by whoever draws. */
  people = {
    user: (id) => this.state?.people.find((person) => person.id === id),
    channel: (id) => this.state?.channels.find((channel) => channel.id === id),
    persons: () => this.state?.people ?? [],
    channels: () => this.state?.channels ?? [],
  };

  start() {
    Object.defineProperty(this.people, "me", { get: () => this.as });
    startTheme(byId("theme"));
    this.chat = new Chat(this);
    this.modals = new Modals(this);
    this.story = new Story(this);
    this.centre = new Centre((faults, services) => this.#news({ faults, services }));
    this.#tabs();
    this.centre.start();
    followBot(({ bot, restarts }) => this.#news({ bot, restarts }));
    document.addEventListener("click", (event) => this.#followLink(event));
    addEventListener("hashchange", () => {
      const wanted = hash();
      if (wanted.get("as") && wanted.get("as") !== this.as) this.become(wanted.get("as"));
      if (wanted.get("in") && wanted.get("in") !== this.channel) this.goTo(wanted.get("in"));
    });
    document.addEventListener("visibilitychange", () => this.render());
    this.#follow();
  }

  #news(part) {
    Object.assign(this.demo, part);
    this.story.draw();
  }

  /** A link to a message opens its thread here, as it would in Slack. */
  #followLink(event) {
    const link = event.target.closest?.("a[href*='/archives/']");
    const found = /\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(link?.href ?? "");
    if (!found || !this.people.channel(found[1])) return;
    event.preventDefault();
    this.goTo(found[1]);
    this.openThread(found[1], `${found[2]}.${found[3]}`);
  }

  /** Show one server in its rack. */
  showServer(name) {
    this.#tab("centre");
    this.centre.find(name);
  }

  #follow() {
    this.#stop();
    this.#stop = follow(this.as || undefined, (state) => this.#take(state), (error) => this.#trouble(error));
  }

  #take(state) {
    this.state = { messages: {}, people: [], channels: [], ...state };
    this.as ||= state.me?.id ?? this.people.persons().find((person) => !person.is_bot)?.id ?? "";
    if (!this.people.channel(this.channel)) this.channel = this.firstChannel();
    this.#keepHash();
    const { as } = this;
    afterPress(() => {
      this.render();
      if (as === this.as) showToasts(as, state.toasts);
    });
  }

  #trouble(error) {
    if (error?.status === 404 && this.state === null && this.as) {
      // The person in the address may not exist here.
      this.as = this.as === FIRST_PERSON ? "" : FIRST_PERSON;
      this.#follow();
      return;
    }
    byId("reconnecting").hidden = !error;
  }

  firstChannel() {
    const channels = this.people.channels();
    return (channels.find((channel) => channel.member && !isDirect(channel)) ?? channels[0])?.id ?? "";
  }

  #keepHash() {
    const words = new URLSearchParams({ as: this.as, in: this.channel }).toString();
    if (location.hash.slice(1) !== words) history.replaceState(null, "", `#${words}`);
  }

  render() {
    if (!this.state) return;
    byId("app").dataset.ready = "true";
    const team = this.state.team?.name;
    byId("team").textContent = team ?? "";
    drawPeople(this);
    this.chat.show();
    drawChannels(this);
    this.modals.show(this.state.views);
    this.story.draw();
    const unread = byId("channels").querySelectorAll(".unread").length;
    document.title = `${unread ? `(${unread}) ` : ""}${this.people.user(this.as)?.name ?? ""} · Powerbot demo`;
    byId("tab-chat").setAttribute("aria-label", unread ? `Chat, ${plural(unread, "unread channel")}` : "Chat");
  }

  become(person) {
    if (person === this.as) return;
    closeMenu();
    this.as = person;
    this.#keepHash();
    // Another person's modals, ephemeral messages and Home tab must not be seen for a moment.
    if (this.state) {
      const messages = Object.fromEntries(Object.entries(this.state.messages).map(([id, list]) => [id, list.filter((each) => !each.ephemeral)]));
      this.state = { ...this.state, messages, views: [], home: null, toasts: [] };
      this.render();
    }
    this.#follow();
    if (this.view === "home") this.send("/ui/home");
  }

  goTo(channel) {
    if (!channel) return;
    if (channel !== this.channel) this.thread = null;
    this.view = "channel";
    this.channel = channel;
    this.#keepHash();
    this.#tab("chat");
    this.render();
  }

  goHome() {
    this.view = "home";
    this.#tab("chat");
    this.render();
    this.send("/ui/home");
  }

  openThread(channel, ts, { write = false } = {}) {
    this.thread = { channel, ts, from: document.activeElement };
    this.render();
    if (write) this.chat.writeReply();
    else byId("thread-close").focus();
  }

  closeThread() {
    const { from } = this.thread ?? {};
    this.thread = null;
    this.render();
    if (from?.isConnected) from.focus({ preventScroll: true });
  }

  write(text) {
    this.#tab("chat");
    this.chat.write(text);
  }

  /** Wait, not for ever, until the bot listens for the first time. */
  async #started() {
    if (this.demo.bot !== "starting" || this.demo.restarts) return;
    const takeAway = toast("The bot is still starting; your command will wait a moment.", "info");
    for (let tries = 0; tries < 40 && this.demo.bot === "starting"; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    takeAway();
  }

  /** Post as the person one is; says what went wrong, and answers whether it worked. */
  async send(path, body = {}) {
    if (path === "/ui/command") await this.#started();
    try {
      await post(path, { as: this.as, ...body });
      return true;
    } catch (error) {
      if (!error.told) toast(error.message);
      return false;
    }
  }

  async suggest(body) {
    return (await post("/ui/suggest", { as: this.as, ...body })).options ?? [];
  }

  #tabs() {
    for (const name of ["chat", "centre"]) byId(`tab-${name}`).addEventListener("click", () => this.#tab(name));
    this.#tab("chat");
  }

  /** On narrow pages only one of the two halves is shown. */
  #tab(name) {
    document.body.dataset.tab = name;
    for (const each of ["chat", "centre"]) byId(`tab-${each}`).setAttribute("aria-pressed", String(each === name));
  }
}

new App().start();
