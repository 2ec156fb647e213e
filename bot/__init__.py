"""Powerbot: power control of physical servers from Slack, with approval and proof.

power/       what may be asked, who decides, what counts as done (no IO)
workflow     the story of a request: submit, ask, review, cancel, stop (planner, reviewing, reading)
executor     an approved request: waves, check again, watch, stop; calling: one power call
runner       who carries a request on: claims and leases
slack/       payloads in, cards out
clouddc/     the CloudDC client and the shared inventory
storage/     the record: requests, intents, outbox, audit chain
settings     the environment, read once
app          the one place where the parts are joined
operations/  check, manifest, health, metrics
sandbox/     a Slack and a data centre that run on this machine
cli          the `powerbot` command
"""
