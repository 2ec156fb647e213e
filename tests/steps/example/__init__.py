"""A package of kinds, as `bot.steps.kinds` is one: an example of how a kind is added."""
