// The guided story: a few steps that tick themselves off as the person does them.

import { announce, byId, h } from "./dom.js";
import { recall, remember } from "./theme.js";

const KEY = "powerbot-story";
const OPS = "C0OPS";
const DANA = "U0DANA";
const SAM = "U0SAM";
const BROKEN = "web11";
const FIRST = "/power reboot web[01-06] because kernel panic after 6.8.4";
const SECOND = "/power reboot web[10-12] because firmware update";
const UNWELL = "web07";
const THIRD = "/power reboot web[07-09] because new certificates";
const ENDED = new Set(["succeeded", "partial", "failed", "stopped"]);
// What was denied or taken back was never approved, and the story waits for the next request.
const APPROVED = new Set(["approved", "running", ...ENDED]);

const messages = (app) => app.state?.messages[OPS] ?? [];

/** The cards of the channel, oldest first: each with its request's state, as its metadata has it. */
function cards(app) {
  return messages(app)
    .filter(({ bot, ephemeral, ts, thread_ts: root }) => bot && !ephemeral && (!root || root === ts))
    .map((message) => ({ message, state: message.metadata?.event_payload?.state }))
    .filter(({ state }) => state);
}

const has = (message, label) =>
  (message.blocks ?? []).some((block) => (block.elements ?? []).some((each) => each.text?.text === label));
const private_ = (app) => messages(app).filter(({ ephemeral, deleted }) => ephemeral && !deleted);

/** The card of the request whose server doesn't come back well, once it is there. */
const third = (app) => cards(app).findLast(({ message }) => JSON.stringify(message.blocks ?? []).includes("new certificates"));

/** Be somebody in the channel of the story. */
function be(app, person) {
  app.become(person);
  app.goTo(OPS);
}

function say(app, words) {
  be(app, DANA);
  app.write(words);
}

function openThread(app) {
  const card = cards(app)[0];
  if (!card) return;
  app.goTo(OPS);
  app.openThread(OPS, card.message.ts);
}

/** Become the one who acts next, or come to the channel; for who is there, point at the button. */
function act(app, person, label) {
  const name = app.people.user(person)?.name ?? "";
  const there = app.as === person && app.view === "channel" && app.channel === OPS;
  if (!there && app.as === person) return ["Go to #ops", () => be(app, person)];
  if (!there) return [`Be ${name.charAt(0).toUpperCase()}${name.slice(1)}`, () => be(app, person)];
  return [`Show ${label}`, () => {
    be(app, person);
    [...byId("messages").querySelectorAll("button")].findLast((each) => each.textContent === label)?.focus();
  }];
}

const code = (words) => h("code", {}, words);
const b = (words) => h("b", {}, words);

/** Each step: what to do, a button that helps, and how to see that it was done. */
const STEPS = [
  {
    title: "Ask", text: () => ["Six servers have panicked. As ", b("Dana"), ", ask for a reboot: ", code(FIRST)],
    help: () => ["Fill it in", (app) => say(app, FIRST)],
    done: (app) => cards(app).length > 0 || private_(app).some((message) => has(message, "Request")),
  },
  {
    title: "Read the plan", text: () => ["Only Dana sees this plan, and nothing has been requested yet. Press ", b("Request"), "."],
    help: (app) => act(app, DANA, "Request"),
    done: (app) => cards(app).length > 0,
  },
  {
    title: "Try to cheat", text: () => ["Still as Dana, press ", b("Approve"), " on the card: nobody approves their own request."],
    help: (app) => act(app, DANA, "Approve"),
    done: (app) => private_(app).some(({ text }) => /your own request/i.test(text ?? "")) || cards(app).some(({ state }) => APPROVED.has(state)),
  },
  {
    title: "Approve", text: () => ["Now become ", b("Sam"), ", who is in the group sre, and press ", b("Approve"), "."],
    help: (app) => act(app, SAM, "Approve"),
    done: (app) => cards(app).some(({ state }) => APPROVED.has(state)),
  },
  {
    title: "Kill the bot", text: () => ["Three servers go first, once their alerts are silenced (S), their pods drained (D) and the load balancer told (B). ", b("Kill the bot"), " in the middle."],
    help: () => ["Kill it now", () => byId("kill-bot").click()],
    done: (app) => app.demo.restarts > 0 || app.demo.bot === "stopped",
  },
  {
    title: "Watch it carry on", text: () => ["It comes back, reads what really happened and carries on. No server is rebooted twice, and what was taken out is put back: the thread and the racks show it."],
    help: () => ["Open the thread", openThread],
    done: (app) => cards(app).some(({ state }) => ENDED.has(state)) && app.demo.bot === "running",
  },
  {
    title: "Break a server", text: () => ["Press ", b(BROKEN), " in its rack and choose ", b("fails"), "."],
    help: () => [`Show ${BROKEN}`, (app) => app.showServer(BROKEN)],
    done: (app) => app.demo.faults > 0 || cards(app).some(({ state }) => ENDED.has(state) && state !== "succeeded"),
  },
  {
    title: "See it reported", text: () => ["As Dana, ask for ", code(SECOND), " and approve it as Sam: the server that failed is named, and you can retry it."],
    help: (app) => (private_(app).some((message) => has(message, "Request")) || !cards(app).some(({ state }) => state === "pending")
      ? ["Fill it in", () => say(app, SECOND)] : act(app, SAM, "Approve")),
    done: (app) => cards(app).some(({ state }) => ENDED.has(state) && state !== "succeeded"),
  },
  {
    title: "Break a service", text: () => ["A server can be on without being well. Press ", b(UNWELL), " and choose ", b("service unwell"), "."],
    help: () => [`Show ${UNWELL}`, (app) => app.showServer(UNWELL)],
    done: (app) => app.demo.services > 0 || Boolean(third(app)),
  },
  {
    title: "See it stay out", text: () => ["As Dana, ask for ", code(THIRD), " and approve it as Sam. It comes back on but doesn't answer, so ", b(UNWELL), " stays silenced, drained and out of the balancer."],
    help: (app) => (private_(app).some((message) => has(message, "Request")) || !cards(app).some(({ state }) => state === "pending")
      ? ["Fill it in", () => say(app, THIRD)] : act(app, SAM, "Approve")),
    done: (app) => ENDED.has(third(app)?.state) && has(third(app).message, "Put back"),
  },
  {
    title: "Put it back", text: () => ["A server that isn't well is never put back automatically. If you know better, press ", b("Put back"), " as Sam."],
    help: (app) => act(app, SAM, "Put back"),
    done: (app) => ENDED.has(third(app)?.state) && !has(third(app).message, "Put back"),
  },
  {
    title: "Look at Home", text: () => ["The bot's ", b("Home"), " shows what is waiting for you, what is running and what has ended."],
    help: () => ["Open Home", (app) => app.goHome()],
    done: (app) => app.view === "home" && Boolean(app.state?.home),
  },
];

export class Story {
  #app;
  #ticked = new Set();
  #look = "";
  #open = false;
  #hidden = recall(KEY) === "hidden";

  constructor(app) {
    this.#app = app;
    byId("story-toggle").addEventListener("click", () => {
      this.#open = !this.#open;
      this.draw();
    });
    byId("story-hide").addEventListener("click", () => this.#hide(true));
    byId("story-show").addEventListener("click", () => this.#hide(false));
    byId("story-help").addEventListener("click", () => this.#now()?.help(this.#app)[1](this.#app));
  }

  #hide(hidden) {
    this.#hidden = hidden;
    remember(KEY, hidden ? "hidden" : "shown");
    this.#look = "";
    this.draw();
    byId(hidden ? "story-show" : "story-toggle").focus();
  }

  #now() {
    return STEPS.find((_, place) => !this.#ticked.has(place));
  }

  /** Tick off what was done, in order, and show what is next. */
  draw() {
    if (!this.#app.state) return;
    const before = this.#ticked.size;
    STEPS.forEach((step, place) => {
      if (this.#ticked.size === place && step.done(this.#app)) this.#ticked.add(place);
    });
    const now = this.#now();
    const help = now?.help(this.#app)[0];
    const look = `${this.#ticked.size} ${help} ${this.#open} ${this.#hidden}`;
    if (look === this.#look) return;
    const moved = this.#look && this.#ticked.size > before;
    this.#look = look;
    byId("story").hidden = this.#hidden;
    byId("story-show").hidden = !this.#hidden;
    byId("story-count").textContent = `${this.#ticked.size}/${STEPS.length}`;
    byId("story-toggle").setAttribute("aria-expanded", String(this.#open));
    byId("story-all").hidden = !this.#open;
    byId("story-help").hidden = !now;
    byId("story-help").textContent = help ?? "";
    byId("story").dataset.step = String(this.#ticked.size + 1);
    byId("story-title").textContent = now?.title ?? "That was the story";
    byId("story-now").replaceChildren(...(now?.text() ?? ["Everything here was the real bot. ", "The README shows how to run it on your own servers."]));
    byId("story-all").replaceChildren(...STEPS.map((step, place) => this.#row(step, place)));
    byId("story").style.setProperty("--done", `${(100 * this.#ticked.size) / STEPS.length}%`);
    if (moved) announce(`Done: ${STEPS[this.#ticked.size - 1].title}. ${now ? `Next: ${now.title}` : "The story is over."}`);
  }

  #row(step, place) {
    const ticked = this.#ticked.has(place);
    const current = step === this.#now();
    return h("li", { class: ticked ? "ticked" : "", "aria-current": current ? "step" : null },
      h("span", { class: "tick", "aria-hidden": "true" }, ticked ? "✓" : String(place + 1)),
      h("span", {}, b(step.title), " ", ticked ? h("span", { class: "unseen" }, "(done)") : "", h("small", {}, step.text())));
  }
}
