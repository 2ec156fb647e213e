"""Random people, requests, faults, kills and outages in real processes, and a reckoning.

`python -m tests.soak --seconds N --requests N --seed S --database sqlite|postgresql --replicas N`

`--factor F` is the one number by which time is scaled: every wait of the bot is divided by it
(settings of `POWERBOT_*`, and `bot.runtime.clocks`), servers switch F times faster, and the
limits of the Slack stand-in let F times as much pass.
"""
