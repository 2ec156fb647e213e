// Draws Block Kit blocks, and redraws only those that changed.

import { h, keepFocus, reconcile } from "./dom.js";
import { drawElement } from "./elements.js";
import { mrkdwn, plain, textNodes } from "./mrkdwn.js";
import { cell, markdown, richText } from "./richtext.js";

const TASKS = {
  pending: ["○", "waiting"],
  in_progress: ["↻", "in progress"],
  complete: ["✓", "done"],
  error: ["✕", "failed"],
};
const ALERTS = { info: "ℹ", warning: "⚠", error: "✕", success: "✓", default: "•" };

function section(block, context) {
  const { people } = context;
  return h("div", { class: `section ${block.accessory ? "with-accessory" : ""}` },
    h("div", { class: "section-main" },
      block.text ? h("div", { class: "text" }, textNodes(block.text, people)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", {}, textNodes(field, people)))) : null),
    block.accessory ? h("div", { class: "accessory" }, drawElement(block.accessory, block, context)) : null);
}

function contextLine(block, context) {
  return h("div", { class: "context" }, (block.elements ?? []).map((part) =>
    part.type === "image"
      ? h("span", { class: "image-alt" }, `🖼 ${part.alt_text ?? ""}`)
      : h("span", {}, textNodes(part, context.people))));
}

function table(block, { people }) {
  const settings = block.column_settings ?? [];
  const [head = [], ...rows] = block.rows ?? [];
  const draw = (tag) => (content, place) => {
    const rule = settings[place] ?? {};
    const numeric = content?.type === "raw_number";
    return h(tag, { class: `${rule.align ?? (numeric ? "right" : "left")} ${rule.is_wrapped ? "wrapped" : ""}`, scope: tag === "th" ? "col" : null },
      cell(content, people));
  };
  // A group, for it can be scrolled by keys; a region would be a landmark, and there are many tables.
  return h("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Table" },
    h("table", {},
      h("thead", {}, h("tr", {}, head.map(draw("th")))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(draw("td")))))));
}

function task(card, { people }) {
  const [mark, word] = TASKS[card.status] ?? TASKS.pending;
  return h("li", { class: "task", data: { status: card.status ?? "pending" } },
    h("span", { class: "task-mark", role: "img", "aria-label": word, title: word }, mark),
    h("div", {},
      h("div", { class: "task-title" }, textNodes(card.title, people)),
      card.details ? h("div", { class: "task-more" }, richText(card.details, people)) : null,
      card.output ? h("div", { class: "task-more" }, richText(card.output, people)) : null,
      (card.sources ?? []).map((source) => h("div", { class: "task-more" }, plain(source.text ?? source.url)))));
}

function plan(block, context) {
  return h("div", { class: "plan" },
    h("div", { class: "plan-title" }, textNodes(block.title, context.people)),
    h("ul", {}, (block.tasks ?? []).map((card) => task(card, context))));
}

function input(block, context) {
  const error = context.errors?.[block.block_id];
  const id = `hint-${block.block_id}`;
  return h("div", { class: `input ${error ? "wrong" : ""}`, data: { blockId: block.block_id ?? "" } },
    h("div", { class: "input-label", "aria-hidden": "true" }, textNodes(block.label, context.people),
      block.optional ? h("small", {}, " (optional)") : null),
    drawElement(block.element, block, { ...context, describe: () => (error || block.hint ? id : null) }),
    h("div", { id, class: "input-notes" },
      error ? h("div", { class: "input-error", role: "alert" }, error) : null,
      block.hint ? h("small", {}, textNodes(block.hint, context.people)) : null));
}

function container(block, context) {
  const inner = h("div", { class: "blocks" }, (block.child_blocks ?? []).map((child) => drawBlock(child, context)));
  const title = block.rich_text_title ? richText(block.rich_text_title, context.people) : textNodes(block.title, context.people);
  if (!block.is_collapsible) return h("div", { class: "container" }, h("strong", {}, title), inner);
  return h("details", { class: "container", open: !block.default_collapsed }, h("summary", {}, title), inner);
}

const KINDS = {
  section, table, plan, input, container,
  header: (block) => h("div", { class: "header", role: "heading", "aria-level": "3" }, plain(block.text?.text ?? block.text)),
  divider: () => h("hr"),
  context: contextLine,
  actions: (block, context) => h("div", { class: "actions" }, (block.elements ?? []).map((element) => drawElement(element, block, context))),
  rich_text: (block, { people }) => richText(block, people),
  markdown: (block) => markdown(block.text),
  task_card: (block, context) => h("ul", { class: "plan" }, task(block, context)),
  image: (block) => h("div", { class: "image-alt" }, `🖼 ${block.alt_text ?? plain(block.title?.text) ?? "image"}`),
  alert: (block, { people }) => h("div", { class: "alert", data: { level: block.level ?? "default" } },
    h("span", { "aria-hidden": "true" }, ALERTS[block.level] ?? ALERTS.default), h("div", {}, textNodes(block.text, people))),
};

export function drawBlock(block, context) {
  const draw = KINDS[block.type];
  const node = draw ? draw(block, context) : h("div", { class: "unknown" }, `[${block.type ?? "unknown"} block]`);
  node.classList.add("block");
  return node;
}

/** What a block looks like; ids of blocks that nobody can press may change without a redraw. */
function looks(block, context) {
  const pressable = ["actions", "input", "container"].includes(block.type) || block.accessory;
  const { block_id: id, ...rest } = block;
  const error = context.errors?.[id] ?? "";
  return `${pressable ? id : ""}|${JSON.stringify(rest)}|${error}`;
}

/**
 * Make a container show these blocks.
 *
 * `context` has people, fields, state, errors, act(block, element, choice), suggest(block, element,
 * query), changed(block) and submit(). Unchanged blocks keep their nodes, and so focus and text.
 */
export function drawBlocks(parent, blocks, context) {
  keepFocus(parent, () => {
    reconcile(parent, blocks ?? [], (block) => looks(block, context), (block) => drawBlock(block, context));
  });
}

/** A message without blocks is its text. */
export function drawText(parent, text, people) {
  drawBlocks(parent, [{ type: "section", text: { type: "mrkdwn", text } }], { people });
}
