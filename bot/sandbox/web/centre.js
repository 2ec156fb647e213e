// The data centre: racks of servers with their live state, faults to switch on, the request log.

import { get, post } from "./api.js";
import { byId, h, inWords } from "./dom.js";
import { openMenu } from "./menu.js";
import { RequestLog } from "./requests.js";
import { marksOf, Surroundings } from "./surroundings.js";
import { toast } from "./toasts.js";

const POLL_MS = 1000;
const NAMED_MOST = 400;
const KINDS = {
  on: ["●", "on"],
  off: ["○", "off"],
  busy: ["↻", "busy"],
  failed: ["✕", "failed"],
  unknown: ["?", "unknown"],
};

/** One word for what a person wants to know at a glance. */
function kindOf(server) {
  if (server.busy) return "busy";
  if (/(fail|error)/i.test(`${server.operation ?? ""} ${server.power ?? ""}`)) return "failed";
  const power = String(server.power ?? "").toLowerCase();
  if (power === "on" || power === "off") return power;
  return /^power(ing|ed)?-?(on|off)|ing$/.test(power) ? "busy" : "unknown";
}

const VISITS = [["power off", "Somebody powers it off"], ["power on", "Somebody powers it on"], ["rebooting", "Somebody reboots it"]];
const CHOICES = { null: "no limit", true: "yes", false: "no" };

const faultList = (answer) => (answer?.servers ?? answer?.faults ?? []).map((fault) => ({
  kind: fault.kind ?? fault.fault ?? String(fault), what: fault.what ?? fault.description ?? "",
}));

export class Centre {
  #tiles = new Map();
  #racks = new Map();
  #servers = new Map();
  #layout = "";
  #filter = "";
  #timer = 0;
  #down = false;
  #log = new RequestLog(byId("request-log"), byId("request-count"));
  #around = new Surroundings();

  #onFaults;

  constructor(onFaults) {
    this.#onFaults = onFaults;
  }

  /** Bring one server into view and give it the focus. */
  find(name) {
    const tile = this.#tiles.get(name);
    if (!tile) return;
    byId("server-filter").value = this.#filter = "";
    this.#applyFilter();
    tile.scrollIntoView({ block: "center" });
    this.#walkTo(tile);
  }

  start() {
    byId("server-filter").addEventListener("input", (event) => {
      this.#filter = event.target.value.trim().toLowerCase();
      this.#applyFilter();
    });
    byId("racks").addEventListener("click", (event) => {
      const tile = event.target.closest(".tile");
      if (tile) this.#menu(tile, this.#servers.get(tile.dataset.name));
    });
    byId("racks").addEventListener("keydown", (event) => this.#move(event));
    byId("call-faults").addEventListener("click", (event) => this.#callMenu(event.currentTarget));
    byId("centre-switches").addEventListener("click", (event) => this.#switchMenu(event.currentTarget));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#now();
    });
    this.#now();
  }

  #now() {
    clearTimeout(this.#timer);
    this.#poll();
  }

  async #poll() {
    const started = performance.now();
    if (!document.hidden) {
      try {
        const [answer, entries, around] = await Promise.all([get("/centre/servers"), this.#log.fetch(), this.#around.fetch(this.#tiles.size)]);
        this.#draw(answer, around);
        this.#log.draw(entries);
        this.#trouble("");
      } catch (error) {
        this.#trouble(error.message);
      }
    }
    clearTimeout(this.#timer);
    const spent = performance.now() - started;
    this.#timer = setTimeout(() => this.#poll(), Math.max(250, POLL_MS - spent) * (this.#down ? 3 : 1));
  }

  #trouble(text) {
    this.#down = text !== "";
    byId("centre").classList.toggle("stale", this.#down);
    byId("centre-trouble").textContent = text && `No news from the data centre. ${text}`;
    byId("centre-trouble").hidden = !text;
  }

  #draw({ servers = [], count, generation }, around) {
    const layout = servers.map(({ name, rack, dc }) => `${dc}/${rack}/${name}`).join();
    if (layout !== this.#layout) {
      this.#layout = layout;
      this.#build(servers);
    }
    const totals = { on: 0, off: 0, busy: 0, failed: 0, unknown: 0 };
    let faults = 0;
    for (const server of servers) {
      const kind = kindOf(server);
      totals[kind] += 1;
      if (server.fault) faults += 1;
      this.#servers.set(server.name, server);
      this.#paint(this.#tiles.get(server.name), server, kind, marksOf(around.get(server.name)));
    }
    byId("centre-count").textContent = `${(count ?? servers.length).toLocaleString()} servers`;
    byId("centre-count").title = generation ? `API generation: ${generation}` : "";
    this.#legend(totals, faults);
    this.#onFaults(faults, [...around.values()].filter(({ fault }) => fault).length);
  }

  #build(servers) {
    this.#tiles.clear();
    this.#servers.clear();
    this.#racks.clear();
    const named = servers.length <= NAMED_MOST;
    for (const { name, rack, dc } of servers) {
      const key = `${dc ?? ""} ${rack ?? ""}`;
      if (!this.#racks.has(key)) {
        const box = h("div", { class: "tiles" });
        const node = h("section", { class: "rack", "aria-label": `Rack ${rack}, ${dc}` },
          h("h3", {}, h("span", {}, rack ?? "?"), h("small", {}, dc ?? "")), box);
        this.#racks.set(key, { node, box });
      }
      const tile = h("button", {
        type: "button", class: "tile", tabindex: "-1", "aria-haspopup": "menu", "data-testid": `server-${name}`, data: { name },
      }, h("span", { class: "glyph", "aria-hidden": "true" }), named ? h("span", { class: "tile-name" }, name) : null);
      this.#tiles.set(name, tile);
      this.#racks.get(key).box.append(tile);
    }
    const root = byId("racks");
    root.classList.toggle("compact", !named);
    root.replaceChildren(...[...this.#racks.values()].map(({ node }) => node));
    this.#tiles.values().next().value?.setAttribute("tabindex", "0");
    this.#applyFilter();
  }

  #paint(tile, server, kind, marks) {
    const around = marks.map(({ words }) => words);
    const look = `${kind}|${server.power}|${server.operation}|${server.fault}|${server.reboots}|${server.busy}|${around}`;
    if (!tile || tile.look === look) return;
    const changed = tile.look !== undefined && tile.dataset.kind !== kind;
    tile.look = look;
    tile.dataset.kind = kind;
    tile.dataset.power = server.power ?? "";
    tile.dataset.busy = String(Boolean(server.busy));
    if (server.fault) tile.dataset.fault = server.fault;
    else delete tile.dataset.fault;
    tile.firstChild.textContent = KINDS[kind][0];
    tile.querySelector(".marks")?.remove();
    if (marks.length) tile.append(h("span", { class: "marks", "aria-hidden": "true" }, ...marks.map(({ kind: mark }) => h("b", { data: { mark } }))));
    const words = [server.name, KINDS[kind][1], server.operation, server.fault && `fault: ${inWords(server.fault)}`, ...around].filter(Boolean);
    tile.setAttribute("aria-label", words.join(", "));
    tile.title = words.join(" · ");
    if (changed) tile.animate?.([{ filter: "brightness(2.2)" }, { filter: "none" }], 900);
  }

  #legend(totals, faults) {
    const parts = Object.entries(totals).filter(([kind, count]) => count || kind === "on" || kind === "off" || kind === "busy");
    const marks = this.#around.legend();
    const words = [...parts.map(([kind, count]) => `${kind} ${count}`), faults, ...marks.map(({ kind, count }) => `${kind} ${count}`)].join();
    const legend = byId("legend");
    if (legend.look === words) return;
    legend.look = words;
    legend.replaceChildren(
      ...parts.map(([kind, count]) => h("span", { class: "legend-item", data: { kind } },
        h("span", { class: "glyph", "aria-hidden": "true" }, KINDS[kind][0]), ` ${KINDS[kind][1]} `, h("b", {}, count.toLocaleString()))),
      faults ? h("span", { class: "legend-item", data: { kind: "fault" } }, "⚑ faults ", h("b", {}, String(faults))) : "",
      ...marks.map(({ kind, words: meaning, count }) => h("span", { class: "legend-item", data: { mark: kind } },
        h("span", { class: "marks", "aria-hidden": "true" }, h("b", { data: { mark: kind } })), ` ${meaning} `, h("b", {}, count.toLocaleString()))),
    );
  }

  #applyFilter() {
    for (const { node, box } of this.#racks.values()) {
      let any = false;
      for (const tile of box.children) {
        tile.hidden = !tile.dataset.name.toLowerCase().includes(this.#filter);
        any ||= !tile.hidden;
      }
      node.hidden = !any;
    }
  }

  /** One tab stop for all tiles; the arrow keys walk. */
  #move(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const from = event.target.closest(".tile");
    if (!step || !from) return;
    event.preventDefault();
    const all = [...byId("racks").querySelectorAll(".tile:not([hidden])")];
    const to = all[(all.indexOf(from) + step + all.length) % all.length];
    this.#walkTo(to);
  }

  #walkTo(tile) {
    byId("racks").querySelector(".tile[tabindex='0']")?.setAttribute("tabindex", "-1");
    tile.setAttribute("tabindex", "0");
    tile.focus();
  }

  async #faults() {
    try {
      return await get("/centre/faults");
    } catch (error) {
      toast(`The faults can't be listed. ${error.message}`);
      return null;
    }
  }

  async #order(body, address = "/centre/faults") {
    try {
      await post(address, body);
      this.#now();
    } catch (error) {
      toast(error.message);
    }
  }

  async #menu(tile, server) {
    const answer = await this.#faults();
    if (!answer || !server) return;
    const set = (fault) => () => this.#order({ server: server.name, fault });
    const head = h("div", { class: "menu-head" }, h("strong", {}, server.name),
      h("small", {}, `${server.dc ?? ""} ${server.rack ?? ""} · power ${server.power ?? "?"} · ${server.operation ?? "no operation yet"} · reboots ${server.reboots ?? 0}`));
    openMenu(tile, [
      { label: "No fault", note: "The server behaves.", checked: !server.fault, data: { fault: "" }, run: set(null) },
      ...faultList(answer).map(({ kind, what }) => ({ label: inWords(kind), note: what, checked: server.fault === kind, data: { fault: kind }, run: set(kind) })),
      ...await this.#around.choices(server.name),
      ...VISITS.map(([action, note]) => ({ label: note, note: "From the vendor's console, without the bot.", data: { visit: action }, run: () => this.#order({ server: server.name, action }, "/centre/visits") })),
    ], { head, label: `Faults of ${server.name}` });
  }

  /** How fast time passes, and how the service behaves where its documents leave it open. */
  async #switchMenu(button) {
    const answer = await get("/centre/switches").catch((error) => void toast(`The switches can't be listed. ${error.message}`));
    if (!answer) return;
    const head = h("div", { class: "menu-head" }, h("strong", {}, "The whole data centre"));
    openMenu(button, answer.switches.flatMap(({ name, description, choices, value }) => choices.map((choice) => ({
      label: `${name.replaceAll("_", " ")}: ${CHOICES[choice] ?? choice}`, note: choice === value ? description : "", checked: choice === value,
      data: { switch: name, value: String(choice) }, run: () => this.#order({ switch: name, value: choice }, "/centre/switches"),
    }))), { head, label: "Switches of the data centre" });
  }

  /** Faults of whole calls, where the data centre has them. */
  async #callMenu(button) {
    const answer = await this.#faults();
    if (!answer) return;
    if (!answer.calls?.length) return void toast("This data centre has no call faults.", "info");
    const waiting = answer.active?.calls?.length ?? 0;
    const head = h("div", { class: "menu-head" }, h("strong", {}, "Make the next power call go wrong"),
      h("small", {}, waiting ? `${waiting} still to come` : "Each happens once."));
    openMenu(button, answer.calls.map(({ kind, what, description }) => ({
      label: inWords(kind), note: what ?? description ?? "", data: { fault: kind },
      run: () => this.#order({ call: kind, operation: "power", times: 1 }),
    })), { head, label: "Faults of calls" });
  }
}
