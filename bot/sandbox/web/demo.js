// What belongs to the demo and to no chat: the hints for newcomers, and the end of a bot.

import { get, post } from "./api.js";
import { byId, h } from "./dom.js";
import { toast } from "./toasts.js";
import { recall, remember } from "./theme.js";

const POLL_MS = 2000;
const EXAMPLE = "/power reboot web[01-03] because kernel panic";
const KEY = "powerbot-hints";

const firstName = (person) => (person.real_name || person.name).split(/\s+/)[0];

/** Find who asks and who approves by their roles, or take the first two people. */
function actors(people) {
  const persons = people.persons().filter((person) => !person.is_bot);
  const asks = persons.find(({ role }) => /request/i.test(role ?? "")) ?? persons[0];
  const approves = persons.find((person) => person !== asks && /approve/i.test(person.role ?? "")) ?? persons[1] ?? asks;
  return { asks, approves };
}

export function startHints(app) {
  const strip = byId("hints");
  strip.open = (recall(KEY) ?? (matchMedia("(max-width: 759px)").matches ? "closed" : "open")) === "open";
  strip.addEventListener("toggle", () => remember(KEY, strip.open ? "open" : "closed"));
  byId("fill").addEventListener("click", () => {
    app.become(actors(app.people).asks.id);
    app.goTo(app.firstChannel());
    app.write(EXAMPLE);
  });
  byId("be-approver").addEventListener("click", () => {
    app.become(actors(app.people).approves.id);
    app.goTo(app.firstChannel());
  });
}

export function drawHints(app) {
  const { asks, approves } = actors(app.people);
  if (!asks) return;
  byId("hint-asks").textContent = firstName(asks);
  byId("hint-approves").textContent = firstName(approves);
  byId("be-approver").textContent = `Be ${firstName(approves)}`;
  byId("hint-example").textContent = EXAMPLE;
}

/** Follow the bot's process, where the demo runs one. */
export async function followBot() {
  const box = byId("bot-process");
  let gone = false;
  byId("kill-bot").addEventListener("click", async () => {
    try {
      await post("/demo/kill-bot");
      toast("The bot was killed. It comes back and finds out what really happened.", "info");
    } catch (error) {
      toast(error.message);
    }
  });
  while (!gone) {
    try {
      if (!document.hidden) draw(box, await get("/demo/status"));
    } catch (error) {
      gone = error.status === 404;
      box.hidden = gone || box.hidden;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function draw(box, { bot, pid, restarts }) {
  const running = bot === "running";
  box.hidden = false;
  box.dataset.bot = bot ?? "";
  byId("bot-state").replaceChildren(
    h("span", { class: "bot-dot", "aria-hidden": "true" }, running ? "●" : "○"),
    h("span", {}, running ? "Bot running" : "Bot stopped"),
  );
  byId("bot-state").title = [pid ? `process ${pid}` : "", `${restarts ?? 0} restarts`].filter(Boolean).join(", ");
  byId("bot-restarts").textContent = restarts ? `↻ ${restarts}` : "";
  byId("kill-bot").disabled = !running;
}
