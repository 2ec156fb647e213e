// Turns Slack's mrkdwn text into DOM nodes; nothing in a text can become markup of its own.

import { h } from "./dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", lock: "🔒", octagonal_sign: "🛑", zap: "⚡", arrows_counterclockwise: "🔄",
  rotating_light: "🚨", information_source: "ℹ️", no_entry: "⛔", eyes: "👀", bulb: "💡", snowflake: "❄️",
  large_green_circle: "🟢", red_circle: "🔴", white_circle: "⚪", black_circle: "⚫", mag: "🔍", wave: "👋",
};
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const LIVE = { here: "@here", channel: "@channel", everyone: "@everyone" };
// A marker opens only where no word touches it, and closes the same way, as in file_name_01.
const INLINE = new RegExp(
  [
    "<(?<angle>[^<>\\n]+)>",
    "`(?<code>[^`\\n]+)`",
    ...["*", "_", "~"].map((mark, place) => {
      const m = `\\${mark}`;
      const inner = `(?:<[^<>\\n]+>|[^${m}<\\n])`;
      return `(?<![\\p{L}\\p{N}${m}])${m}(?=[^\\s${m}])(?<s${place}>${inner}+)(?<!\\s)${m}(?![\\p{L}\\p{N}${m}])`;
    }),
    ":(?<emoji>[a-z0-9_+-]+):",
  ].join("|").replaceAll("\\_", "_").replaceAll("\\~", "~"),
  "gu",
);

export const decode = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

export const emoji = (name) => EMOJI[name] ?? `:${name}:`;

/** Plain text with its shortcodes drawn; no other markup counts. */
export const plain = (text) => String(text ?? "").replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name));

/** A text object of either type, as nodes. */
export function textNodes(object, people) {
  if (object === null || object === undefined) return [];
  if (typeof object === "string") return [plain(object)];
  return object.type === "mrkdwn" ? mrkdwn(object.text, people) : [plain(object.text)];
}

/** Only addresses that a browser opens harmlessly become links. */
export function link(address, label) {
  const safe = /^(https?:|mailto:)/i.test(address);
  const text = label || address;
  if (!safe) return h("span", { class: "dead-link", title: address }, text);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer", title: address }, text);
}

export function mention(id, people, fallback) {
  const person = people?.user?.(id);
  const name = person ? person.name : fallback || id;
  return h("span", { class: `mention ${people?.me === id ? "me" : ""}` }, `@${name}`);
}

export function channelMention(id, people, fallback) {
  return h("span", { class: "mention" }, `#${people?.channel?.(id)?.name ?? fallback ?? id}`);
}

/** A mention that would ring for many people: drawn loudly, so that one slipping through is seen. */
export function liveMention(word) {
  return h("span", { class: "mention live", title: "This notifies everybody" }, LIVE[word] ?? `@${word}`);
}

const DATE_STYLES = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: { year: "numeric", month: "long", day: "numeric" },
  date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  time: { hour: "2-digit", minute: "2-digit" },
  time_secs: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

function ago(when) {
  const seconds = Math.round((when - Date.now()) / 1000);
  const words = new Intl.RelativeTimeFormat([], { numeric: "auto" });
  if (Math.abs(seconds) < 60) return words.format(seconds, "second");
  if (Math.abs(seconds) < 3600) return words.format(Math.round(seconds / 60), "minute");
  if (Math.abs(seconds) < 86400) return words.format(Math.round(seconds / 3600), "hour");
  return words.format(Math.round(seconds / 86400), "day");
}

function nearDay(when, style) {
  const days = Math.round((new Date(when).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86400000);
  if (Math.abs(days) <= 1) return new Intl.RelativeTimeFormat([], { numeric: "auto" }).format(days, "day");
  return when.toLocaleDateString([], DATE_STYLES[style]);
}

/** A moment in the reader's own time zone, after Slack's format tokens. */
export function moment(epoch, format, address, fallback) {
  const when = new Date(Number(epoch) * 1000);
  if (Number.isNaN(when.getTime())) return h("span", {}, fallback || String(epoch));
  const text = (format || "{date_short} {time}").replace(/\{(\w+)\}/g, (token, name) => {
    if (name === "ago") return ago(when);
    if (name === "day_divider_pretty") return nearDay(when, "date");
    if (name.endsWith("_pretty")) return nearDay(when, name.slice(0, -7));
    const style = DATE_STYLES[name];
    if (!style) return token;
    return name.startsWith("time") ? when.toLocaleTimeString([], style) : when.toLocaleDateString([], style);
  });
  const node = h("time", { datetime: when.toISOString(), title: fallback || when.toString() }, text);
  return address ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, node) : node;
}

function angle(inner, people) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? "" : decode(inner.slice(bar + 1));
  if (target.startsWith("@")) return mention(target.slice(1), people, label);
  if (target.startsWith("#")) return channelMention(target.slice(1), people, label);
  if (target.startsWith("!date^")) {
    const [, epoch, format, address] = target.split("^");
    return moment(epoch, format && decode(format), address && decode(address), label);
  }
  if (target.startsWith("!subteam^")) return h("span", { class: "mention live" }, label || "@group");
  if (target.startsWith("!")) return liveMention(target.slice(1));
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return link(decode(target), label);
  return `<${inner}>`;
}

function inline(text, people) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > end) nodes.push(decode(text.slice(end, found.index)));
    end = found.index + found[0].length;
    const { angle: inner, code, s0, s1, s2, emoji: name } = found.groups;
    if (inner !== undefined) nodes.push(angle(inner, people));
    else if (code !== undefined) nodes.push(h("code", {}, decode(code)));
    else if (s0 !== undefined) nodes.push(h("strong", {}, inline(s0, people)));
    else if (s1 !== undefined) nodes.push(h("em", {}, inline(s1, people)));
    else if (s2 !== undefined) nodes.push(h("s", {}, inline(s2, people)));
    else nodes.push(emoji(name));
  }
  if (end < text.length) nodes.push(decode(text.slice(end)));
  return nodes;
}

function lines(text, people) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, place, all) => {
    const quoted = /^(?:&gt;|>) ?(.*)$/s.exec(line);
    if (quoted) {
      if (quote) quote.append(h("br"));
      else nodes.push((quote = h("blockquote")));
      quote.append(...inline(quoted[1], people));
      return;
    }
    const afterQuote = quote !== null;
    quote = null;
    if (place > 0 && !afterQuote) nodes.push(h("br"));
    // An empty last line after a quote or a fence would only be a gap.
    if (line || place < all.length - 1) nodes.push(...inline(line, people));
  });
  return nodes;
}

/** The nodes of a mrkdwn text; `people` names users and channels. */
export function mrkdwn(text, people) {
  const parts = String(text ?? "").split(/```([\s\S]+?)```/);
  return parts.flatMap((part, place) => {
    if (place % 2) return [h("pre", {}, h("code", {}, decode(part.replace(/^\n/, "").replace(/\n$/, ""))))];
    const trimmed = place > 0 ? part.replace(/^\n/, "") : part;
    return trimmed ? lines(place < parts.length - 1 ? trimmed.replace(/\n$/, "") : trimmed, people) : [];
  });
}
