"""Powerbot: power control of physical servers from Slack, with approval and proof.

power/       what may be asked, who decides, what counts as done (no IO)
workflow     the story of a request, from the first word to the runner; each step in steps/
executor     an approved request, wave by wave; its parts in execution/
runner       who carries a request on: claims and leases
slack/       payloads in, cards out
clouddc/     the CloudDC client and the shared inventory
storage/     the record: requests, intents, outbox, audit chain
settings     the environment, read once
app          the one place where the parts are joined
doorway      the HTTP address: how many may hold it open, how long, how much they may send
serving      start, listen, sweep, stop (paces: how often and how long)
operations/  check, manifest, health, metrics, ship
sandbox/     a Slack and a data centre that run on this machine
cli          the `powerbot` command
"""

VERSION = "0.1.0"
