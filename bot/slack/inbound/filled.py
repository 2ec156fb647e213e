"""What is wrong with a small form, while it is still open."""

from __future__ import annotations

from bot.power import inputs, ports
from bot.power.text import typography
from bot.slack import action_ids
from bot.slack.blockkit import modals

# As long as the input of the form lets words be; a program that sends forms may not.
MOST_WORDS = modals.REASON_CHARS


def problems(sent: inputs.FormSent, found: ports.Request | None) -> dict[str, str]:
    """Return what is wrong with a form, by input; the stored request is what counts."""
    field = action_ids.FIELDS[sent.do]
    typed = sent.count or sent.reason or sent.comment
    if found is None:
        return {field.value: "This request doesn't exist any more."}
    wants_count = sent.do is inputs.Form.CONFIRM_COUNT or (found.plan.terms.confirm_count)
    count = str(len(found.order.targets))
    if field is action_ids.Field.COUNT and wants_count and typography.plain(typed) != count:
        return {field.value: "That isn't the number of servers in the plan."}
    needed = found.plan.terms.deny_reason
    if field is action_ids.Field.REASON and needed and not typed:
        return {field.value: "A reason is needed."}
    if field is action_ids.Field.COMMENT and not typed:
        return {field.value: "Write a few words."}
    if field is not action_ids.Field.COUNT and len(typed) > MOST_WORDS:
        return {field.value: f"At most {MOST_WORDS} characters; these are {len(typed):,}."}
    return {}
