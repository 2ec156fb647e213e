// Draws Block Kit's interactive elements: buttons, selects, menus, inputs.

import { combobox } from "./combobox.js";
import { confirmed } from "./dialog.js";
import { h } from "./dom.js";
import { clicked, options } from "./fields.js";
import { openMenu } from "./menu.js";
import { plain, textNodes } from "./mrkdwn.js";

const labelOf = (text, otherwise) => plain(text?.text ?? text ?? otherwise);

/** What every kind needs: hooks for tests and focus, the value, and what to do with a change. */
function binding(element, block, context) {
  const input = block.type === "input";
  const label = labelOf(input ? block.label : element.placeholder, element.action_id);
  const sends = !input || block.dispatch_action;
  return {
    label,
    value: () => context.fields.get(block, element, context.state),
    data: { actionId: element.action_id ?? "", focus: `${block.block_id}/${element.action_id}` },
    describedBy: input && context.describe ? context.describe(block) : null,
    async change(value, { send = sends } = {}) {
      context.fields.set(block, element, value);
      context.changed?.(block);
      if (send && (await confirmed(element.confirm, context.people))) context.act(block, element, clicked(element, value));
    },
  };
}

function button(element, block, context) {
  const node = h("button", {
    type: "button", class: `btn ${element.style ?? ""}`, "aria-label": element.accessibility_label,
    data: { actionId: element.action_id ?? "", focus: `${block.block_id}/${element.action_id}` },
  }, textNodes(element.text, context.people));
  node.addEventListener("click", async () => {
    if (!(await confirmed(element.confirm, context.people))) return;
    if (/^https?:/i.test(element.url ?? "")) window.open(element.url, "_blank", "noopener");
    node.classList.add("sending");
    await context.act(block, element, element.value === undefined ? {} : { value: element.value });
    node.classList.remove("sending");
  });
  return node;
}

function overflow(element, block, context) {
  const choose = async (option) => {
    if (!(await confirmed(element.confirm, context.people))) return;
    if (/^https?:/i.test(option.url ?? "")) window.open(option.url, "_blank", "noopener");
    context.act(block, element, { selected_option: option });
  };
  return h("button", {
    type: "button", class: "btn overflow", "aria-label": "More actions", "aria-haspopup": "menu",
    data: { actionId: element.action_id ?? "", focus: `${block.block_id}/${element.action_id}` },
    onclick: (event) => openMenu(event.currentTarget, (element.options ?? []).map((option) => ({
      label: labelOf(option.text), note: option.description && labelOf(option.description),
      data: { value: option.value ?? "" }, run: () => choose(option),
    })), { label: "More actions" }),
  }, "⋯");
}

function textInput(element, block, context) {
  const bound = binding(element, block, context);
  const kinds = { number_input: "text", email_text_input: "email", url_text_input: "url", datepicker: "date", timepicker: "time" };
  const long = element.type === "plain_text_input" && element.multiline;
  const node = h(long ? "textarea" : "input", {
    type: long ? null : kinds[element.type] ?? "text", rows: long ? "4" : null,
    // A number field of the browser would swallow wrong input silently; the server has the say.
    inputmode: element.type === "number_input" ? (element.is_decimal_allowed ? "decimal" : "numeric") : null,
    minlength: element.min_length, maxlength: element.max_length, autocomplete: "off",
    placeholder: element.placeholder ? labelOf(element.placeholder) : null, "aria-label": bound.label,
    "aria-describedby": bound.describedBy, "data-autofocus": element.focus_on_load || null, data: bound.data,
    value: bound.value(),
  });
  const onTyping = element.dispatch_action_config?.trigger_actions_on?.includes("on_character_entered");
  node.addEventListener("input", () => bound.change(node.value, { send: Boolean(block.dispatch_action && onTyping) }));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || (long && !event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    if (block.dispatch_action) bound.change(node.value);
    else context.submit?.();
  });
  return node;
}

function nativeSelect(element, block, context, groups, same) {
  const bound = binding(element, block, context);
  const flat = groups.flatMap((group) => group.options);
  const draw = (option) => h("option", { value: String(flat.indexOf(option)) }, option.label);
  const node = h("select", { "aria-label": bound.label, "aria-describedby": bound.describedBy, data: bound.data },
    h("option", { value: "" }, element.placeholder ? labelOf(element.placeholder) : "Choose…"),
    groups.map((group) => (group.label ? h("optgroup", { label: group.label }, group.options.map(draw)) : group.options.map(draw))));
  const chosen = flat.findIndex((option) => same(option.value, bound.value()));
  node.value = chosen < 0 ? "" : String(chosen);
  node.addEventListener("change", () => bound.change(node.value === "" ? null : flat[Number(node.value)].value));
  return node;
}

function staticSelect(element, block, context) {
  const draw = (option) => ({ label: labelOf(option.text), value: option });
  const groups = element.option_groups
    ? element.option_groups.map((group) => ({ label: labelOf(group.label), options: (group.options ?? []).map(draw) }))
    : [{ options: (element.options ?? []).map(draw) }];
  return nativeSelect(element, block, context, groups, (option, held) => option.value === held?.value);
}

/** Channels and people, as options whose value is the bare id. */
function directory(element, { people }) {
  const channels = people.channels().map((channel) => ({ label: `#${channel.name}`, value: channel.id }));
  const persons = people.persons().filter((person) => !person.is_bot).map((person) => ({ label: person.real_name || person.name, value: person.id }));
  if (element.type.includes("users")) return persons;
  return element.type.includes("conversations") ? [...channels, ...persons] : channels;
}

function idSelect(element, block, context) {
  return nativeSelect(element, block, context, [{ options: directory(element, context) }], (id, held) => id === held);
}

const matching = (all) => async (query) => {
  const wanted = query.toLowerCase();
  return all.filter((option) => labelOf(option.text).toLowerCase().includes(wanted)).slice(0, 100);
};

function finder(element, block, context) {
  const bound = binding(element, block, context);
  const many = element.type.startsWith("multi_");
  const remote = element.type.endsWith("external_select");
  const ids = !remote && !element.type.endsWith("static_select");
  const listed = ids
    ? directory(element, context).map((entry) => ({ text: { text: entry.label }, value: entry.value }))
    : options(element);
  const held = bound.value();
  const list = (many ? held ?? [] : held ? [held] : []).map((each) => (ids ? listed.find((option) => option.value === each) : each));
  return combobox({
    many, remote, chosen: list.filter(Boolean), label: bound.label, data: bound.data,
    placeholder: element.placeholder && labelOf(element.placeholder),
    minimum: remote ? element.min_query_length ?? 3 : 0,
    find: remote ? (query) => context.suggest(block, element, query) : matching(listed),
    pick: (chosen) => bound.change(many ? chosen.map((option) => (ids ? option.value : option)) : chosen[0] ?? null),
  });
}

let groupCount = 0;

function choices(element, block, context) {
  const bound = binding(element, block, context);
  const many = element.type === "checkboxes";
  const name = `choice-${(groupCount += 1)}`;
  const is = (held, option) => (many ? held.some((each) => each.value === option.value) : held?.value === option.value);
  return h("div", { class: "choices", role: many ? "group" : "radiogroup", "aria-label": bound.label },
    (element.options ?? []).map((option) => {
      const box = h("input", {
        type: many ? "checkbox" : "radio", name, value: option.value,
        data: { ...bound.data, focus: `${bound.data.focus}/${option.value}` },
        onchange: () => {
          const rest = many ? bound.value().filter((each) => each.value !== option.value) : [];
          bound.change(many ? (box.checked ? [...rest, option] : rest) : option);
        },
      });
      box.checked = is(bound.value(), option);
      return h("label", { class: "choice" }, box,
        h("span", {}, textNodes(option.text, context.people),
          option.description ? h("small", {}, textNodes(option.description, context.people)) : null));
    }));
}

const KINDS = {
  button, overflow, static_select: staticSelect, external_select: finder, checkboxes: choices, radio_buttons: choices,
  channels_select: idSelect, conversations_select: idSelect, users_select: idSelect,
  multi_static_select: finder, multi_external_select: finder, multi_users_select: finder,
  multi_channels_select: finder, multi_conversations_select: finder,
  plain_text_input: textInput, number_input: textInput, email_text_input: textInput, url_text_input: textInput,
  datepicker: textInput, timepicker: textInput,
};

/** Draw one element; kinds that this page does not know say so. */
export function drawElement(element, block, context) {
  if (element?.type === "image") return h("span", { class: "image-alt" }, `🖼 ${element.alt_text ?? "image"}`);
  const draw = KINDS[element?.type];
  return draw ? draw(element, block, context) : h("span", { class: "unknown" }, `[${element?.type ?? "nothing"}]`);
}
