// Draws rich_text blocks, and the simple Markdown of markdown blocks.

import { h } from "./dom.js";
import { channelMention, emoji, link, liveMention, mention, moment, plain } from "./mrkdwn.js";

const STYLE_TAGS = [["bold", "strong"], ["italic", "em"], ["strike", "s"], ["code", "code"]];

function styled(node, style) {
  return STYLE_TAGS.reduce((inner, [name, tag]) => (style?.[name] ? h(tag, {}, inner) : inner), node);
}

function leaf(part, people) {
  switch (part.type) {
    case "text":
      return styled(part.text ?? "", part.style);
    case "link":
      return styled(link(part.url ?? "", part.text), part.style);
    case "user":
      return styled(mention(part.user_id, people), part.style);
    case "channel":
      return channelMention(part.channel_id, people);
    case "usergroup":
      return h("span", { class: "mention live" }, "@group");
    case "broadcast":
      return liveMention(part.range);
    case "emoji":
      return emoji(part.name);
    case "date":
      return moment(part.timestamp, part.format, part.url, part.fallback);
    case "color":
      return h("code", {}, part.value ?? "");
    default:
      return part.text ?? part.fallback ?? "";
  }
}

const leaves = (parts, people) => (parts ?? []).map((part) => leaf(part, people));

function element(part, people) {
  switch (part.type) {
    case "rich_text_list": {
      const items = (part.elements ?? []).map((item) => h("li", {}, leaves(item.elements, people)));
      const list = h(part.style === "ordered" ? "ol" : "ul", { start: part.offset ? part.offset + 1 : null }, items);
      list.dataset.indent = String(Math.min(part.indent ?? 0, 4));
      return list;
    }
    case "rich_text_preformatted":
      return h("pre", {}, h("code", {}, leaves(part.elements, people)));
    case "rich_text_quote":
      return h("blockquote", {}, leaves(part.elements, people));
    default:
      return h("div", { class: "rich-section" }, leaves(part.elements, people));
  }
}

export function richText(block, people) {
  return h("div", { class: "rich-text" }, (block?.elements ?? []).map((part) => element(part, people)));
}

const MARKDOWN = /\*\*(?<bold>[^*\n]+)\*\*|`(?<code>[^`\n]+)`|\[(?<label>[^\]\n]+)\]\((?<address>[^)\s]+)\)|(?<![\w*])[*_](?<em>[^*_\n]+)[*_](?!\w)|~~(?<strike>[^~\n]+)~~|:(?<emoji>[a-z0-9_+-]+):/g;

function markdownInline(text) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(MARKDOWN)) {
    nodes.push(text.slice(end, found.index));
    end = found.index + found[0].length;
    const { bold, code, label, address, em, strike, emoji: name } = found.groups;
    if (bold !== undefined) nodes.push(h("strong", {}, markdownInline(bold)));
    else if (code !== undefined) nodes.push(h("code", {}, code));
    else if (label !== undefined) nodes.push(link(address, label));
    else if (em !== undefined) nodes.push(h("em", {}, em));
    else if (strike !== undefined) nodes.push(h("s", {}, strike));
    else nodes.push(emoji(name));
  }
  nodes.push(text.slice(end));
  return nodes;
}

function markdownLine(line) {
  const heading = /^(#{1,6})\s+(.*)$/.exec(line);
  if (heading) return h("div", { class: "md-heading", role: "heading", "aria-level": "4" }, markdownInline(heading[2]));
  const item = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/.exec(line);
  if (item) return h("div", { class: "md-item" }, item[1] ? `${item[1]}. ` : "• ", markdownInline(item[2]));
  const quote = /^>\s?(.*)$/.exec(line);
  if (quote) return h("blockquote", {}, markdownInline(quote[1]));
  if (/^(-{3,}|\*{3,})$/.test(line.trim())) return h("hr");
  return h("div", { class: "md-line" }, line ? markdownInline(line) : h("br"));
}

/** The part of Markdown that bots write: headings, lists, quotes, fences, inline styles, links. */
export function markdown(text) {
  const parts = String(text ?? "").split(/```[a-z]*\n?([\s\S]*?)```/);
  const nodes = parts.flatMap((part, place) =>
    place % 2
      ? [h("pre", {}, h("code", {}, part.replace(/\n$/, "")))]
      : part.replace(/^\n|\n$/g, "").split("\n").filter((line, i, all) => line || all.length > 1).map(markdownLine),
  );
  return h("div", { class: "markdown" }, nodes);
}

/** A table cell's content: raw text, a number, or rich text. */
export function cell(content, people) {
  if (!content) return "";
  if (content.type === "rich_text") return richText(content, people);
  return plain(content.text ?? content.value ?? content.number ?? "");
}
