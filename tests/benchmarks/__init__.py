"""How quick the bot is and what it costs, beside its peers, in the same run.

`python -m tests.benchmarks --profile ci` runs everything small, `--profile full` everything. A
ratio is the median over rounds in which peer and bot take turns; timings are never tests.
"""
