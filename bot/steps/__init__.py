"""What is done around a wave, one file a kind: each speaks to the outside, and decides nothing.

When a step is done, tried again or owed is `bot.power.steps`'s and the run's business.
"""
