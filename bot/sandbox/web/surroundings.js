// What surrounds the servers: their alerts, nodes, load balancer and services, and faults of these.

import { get, post } from "./api.js";
import { byId, h, inWords } from "./dom.js";
import { openMenu } from "./menu.js";
import { toast } from "./toasts.js";

const MANY = 2000;
const SELDOM_MS = 5000;
const MARKS = [
  { is: (row) => row.silenced, kind: "silenced", words: () => "alerts silenced" },
  { is: (row) => row.cordoned, kind: "drained", words: (row) => (row.pods ? `draining, ${row.pods} pods left` : "drained") },
  { is: (row) => row.out, kind: "out", words: () => "out of the load balancer" },
  { is: (row) => row.down, kind: "down", words: (row) => (row.firing ? "not answering, alert firing" : "not answering") },
];
const LEGEND = { silenced: "silenced", drained: "drained", out: "out of the balancer", down: "not answering" };
const PARTS = { alertmanager: "Alertmanager", kubernetes: "Kubernetes", balancer: "Load balancer", prometheus: "Prometheus" };

/** The marks of one server with their words; the style sheet has their letters. */
export const marksOf = (row) => (row ? MARKS.filter(({ is }) => is(row)).map(({ kind, words }) => ({ kind, words: words(row) })) : []);

export class Surroundings {
  #rows = new Map();
  #due = 0;
  #there = true;
  #button = byId("surroundings-faults");

  constructor() {
    this.#button.addEventListener("click", () => this.#menu());
  }

  /** How things stand around each server that isn't as always; of a large fleet not every time. */
  async fetch(servers) {
    if (!this.#there || performance.now() < this.#due) return this.#rows;
    try {
      const { servers: rows } = await get("/surroundings/state");
      this.#rows = new Map(rows.map((row) => [row.name, row]));
      this.#due = servers > MANY ? performance.now() + SELDOM_MS : 0;
      this.#button.hidden = false;
    } catch (error) {
      this.#there = error.status !== 404;
    }
    return this.#rows;
  }

  /** What the letters on the tiles mean, where any is shown. */
  legend() {
    const counts = {};
    for (const row of this.#rows.values()) for (const { kind } of marksOf(row)) counts[kind] = (counts[kind] ?? 0) + 1;
    return MARKS.filter(({ kind }) => counts[kind]).map(({ kind }) => ({ kind, words: LEGEND[kind], count: counts[kind] }));
  }

  /** The choices for one server's service, for its menu. */
  async choices(name) {
    if (!this.#there) return [];
    const answer = await get("/surroundings/faults").catch(() => null);
    const active = answer?.active.services.find(({ server }) => server === name)?.fault ?? null;
    return (answer?.services ?? []).map(({ kind, description }) => ({
      label: `service ${inWords(kind)}`, note: description, checked: kind === active, data: { service: kind },
      run: () => this.#order({ server: name, fault: kind === active ? null : kind }),
    }));
  }

  async #menu() {
    const answer = await get("/surroundings/faults").catch((error) => void toast(`The faults can't be listed. ${error.message}`));
    if (!answer) return;
    const waiting = answer.active.calls.length;
    const head = h("div", { class: "menu-head" }, h("strong", {}, "Make the next call to one of them go wrong"),
      h("small", {}, waiting ? `${waiting} still to come` : "Each happens once."));
    openMenu(this.#button, [
      ...(waiting ? [{ label: "Fix all", note: "Nothing is set to go wrong any more.", data: { fault: "" }, run: () => this.#mend(Object.keys(answer.parts)) }] : []),
      ...Object.entries(answer.parts).flatMap(([part, kinds]) => answer.calls.filter(({ kind }) => kinds.includes(kind)).map(({ kind, description }) => ({
        label: `${PARTS[part] ?? part}: ${inWords(kind)}`, note: description, data: { part, fault: kind }, run: () => this.#order({ part, fault: kind, times: 1 }),
      }))),
    ], { head, label: "Faults of the surroundings" });
  }

  async #mend(parts) {
    for (const part of parts) await this.#order({ part, fault: null });
  }

  async #order(body) {
    try {
      await post("/surroundings/faults", body);
      this.#due = 0;
    } catch (error) {
      toast(error.message);
    }
  }
}
