"""A package of kinds, as `bot.around.kinds` is one: an example of how a kind is added."""
