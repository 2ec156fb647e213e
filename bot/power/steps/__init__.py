"""Steps around a wave: what they may be, what they are asked, what their answers mean. No IO.

The clients that do them are in `bot.steps`, one file a kind.
"""
