"""What came of something that a person did."""

from dataclasses import dataclass, field

from bot.sandbox.workspace.base.json_types import Json


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the app took it; `errors` are a modal's, by block id, and `answer` is the ack's."""

    ok: bool = True
    error: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    answer: Json = field(default_factory=dict)

    def as_json(self) -> Json:
        """Shape the outcome like an answer of the page's API."""
        if self.ok:
            return {"ok": True, **({"answer": self.answer} if self.answer else {})}
        return {"ok": False, "error": self.error, "errors": self.errors}
