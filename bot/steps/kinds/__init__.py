"""One file a kind: its `BRINGS` says all that the rest of the bot must know of it.

To add a kind, write a file here; `all_kinds` finds it. What all kinds share is in `bot.steps`.
"""
