// The bot's process, where the demo runs one: how it is, and its end at the press of a button.

import { get, post } from "./api.js";
import { byId, h } from "./dom.js";
import { toast } from "./toasts.js";

const POLL_MS = 1500;

/** Follow the bot's process, where the demo runs one. */
export async function followBot(onNews) {
  const box = byId("bot-process");
  let gone = false;
  byId("kill-bot").addEventListener("click", async () => {
    try {
      await post("/demo/kill-bot");
      toast("The bot was killed. It will come back and find out what really happened.", "info");
    } catch (error) {
      toast(error.message);
    }
  });
  while (!gone) {
    try {
      if (!document.hidden) {
        const news = await get("/demo/status");
        draw(box, news);
        onNews(news);
      }
    } catch (error) {
      gone = error.status === 404;
      box.hidden = gone || box.hidden;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function draw(box, { bot, pid, restarts }) {
  const running = bot !== "stopped";
  const words = { running: "Bot running", starting: "Bot starting…" }[bot] ?? "Bot stopped";
  box.hidden = false;
  box.dataset.bot = bot ?? "";
  byId("bot-state").replaceChildren(
    h("span", { class: "bot-dot", "aria-hidden": "true" }, running ? "●" : "○"),
    h("span", {}, words),
  );
  byId("bot-state").title = [pid ? `process ${pid}` : "", `${restarts ?? 0} restarts`].filter(Boolean).join(", ");
  byId("bot-restarts").textContent = restarts ? `↻ ${restarts}` : "";
  byId("kill-bot").disabled = !running;
}
