"""Powerbot: power control of physical servers from Slack, with approval and proof.

power/       what may be asked, who decides, what counts as done (no IO)
workflow     the story of a request, each step in a module: asking (planner, gathering),
             approving and reviewing (entitling, refusing), break_glass, nudging, stopping,
             advancing (ticking, rejudging), freezing; auditing: a row for each attempt
choosing     the request form: what it offers, what is wrong with it; lookups: questions, sharing;
             alarming: alarms beside a plan
executor     an approved request: wave (calls on their way), checking and barring (may it leave?),
             calling (one power call), watching (what became of it), bookkeeping
runner       who carries a request on: claims and leases
slack/       payloads in, cards out
clouddc/     the CloudDC client and the shared inventory
storage/     the record: requests, intents, outbox, audit chain
settings     the environment, read once
app          the one place where the parts are joined
serving      start, listen, sweep, stop (paces: how often and how long)
operations/  check, manifest, health, metrics
sandbox/     a Slack and a data centre that run on this machine
cli          the `powerbot` command
"""
