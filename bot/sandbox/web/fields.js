// What input elements hold: their first value, what a person chose, and how both are sent.

const TEXTS = new Set(["plain_text_input", "number_input", "email_text_input", "url_text_input", "datepicker", "timepicker"]);
const MANY = new Set(["multi_static_select", "multi_external_select", "checkboxes"]);
const IDS = {
  channels_select: "channel", conversations_select: "conversation", users_select: "user",
  multi_channels_select: "channels", multi_conversations_select: "conversations", multi_users_select: "users",
};
const TEXT_KEYS = { datepicker: "date", timepicker: "time" };

/** True for elements whose value a view carries along; buttons and menus hold none. */
export const holdsValue = (element) =>
  TEXTS.has(element?.type) || MANY.has(element?.type) || element?.type in IDS ||
  ["static_select", "external_select", "radio_buttons"].includes(element?.type);

export const options = (element) => [
  ...(element.options ?? []),
  ...(element.option_groups ?? []).flatMap((group) => group.options ?? []),
];

/** The value that the server gave: text, an option, a list of options, or an id (or ids). */
export function initialOf(element) {
  const { type } = element;
  if (TEXTS.has(type)) return String(element.initial_value ?? element[`initial_${TEXT_KEYS[type]}`] ?? "");
  if (MANY.has(type)) return element.initial_options ?? [];
  if (type in IDS) return element[`initial_${IDS[type]}`] ?? (type.startsWith("multi_") ? [] : "");
  return element.initial_option ?? null;
}

/** The same from a view's `state`, so that a reload shows what the server last heard. */
function fromState(element, held) {
  if (!held) return undefined;
  if (TEXTS.has(element.type)) return held.value ?? held.selected_date ?? held.selected_time ?? undefined;
  if (MANY.has(element.type)) return held.selected_options ?? undefined;
  if (element.type in IDS) return held[`selected_${IDS[element.type]}`] ?? undefined;
  return held.selected_option ?? undefined;
}

/**
 * How a value goes to /ui/submit: strings, lists of strings, and whole options where a search made
 * them up. An emptied field is sent as empty, because a field left out counts as never touched.
 */
export function encode(element, value) {
  const { type } = element;
  if (MANY.has(type)) return type === "multi_external_select" ? value : value.map((option) => option.value);
  if (TEXTS.has(type) || Array.isArray(value)) return value ?? "";
  if (type === "external_select") return value ?? null;
  return (typeof value === "object" ? value?.value : value) || null;
}

/** How a choice goes to /ui/click. */
export function clicked(element, value) {
  if (MANY.has(element.type)) return { selected_options: value };
  if (["static_select", "external_select", "radio_buttons"].includes(element.type)) return { selected_option: value };
  return { value };
}

function elementsOf(block) {
  if (block.type === "input") return [block.element];
  if (block.type === "actions") return block.elements ?? [];
  return block.accessory ? [block.accessory] : [];
}

/** What a person typed and chose in one view; it outlives every re-render of that view. */
export class Fields {
  #touched = new Map();

  #key(blockId, actionId) {
    return `${blockId}\n${actionId}`;
  }

  get(block, element, state) {
    const key = this.#key(block.block_id, element.action_id);
    if (this.#touched.has(key)) return this.#touched.get(key);
    return fromState(element, state?.values?.[block.block_id]?.[element.action_id]) ?? initialOf(element);
  }

  set(block, element, value) {
    this.#touched.set(this.#key(block.block_id, element.action_id), value);
  }

  /** Every value of a view's blocks, in the shape that /ui/submit takes. */
  collect(view) {
    const values = {};
    for (const block of view.blocks ?? []) {
      for (const element of elementsOf(block)) {
        if (!holdsValue(element)) continue;
        (values[block.block_id] ??= {})[element.action_id] = encode(element, this.get(block, element, view.state));
      }
    }
    return values;
  }
}
