"""Powerbot: power control of physical servers from Slack, with approval and proof.

power/       what may be asked, who decides, what counts as done (no IO): the nouns, and in wings
             text, targets, command, policy, approval, planning, run and steps
workflow/    the story of a request, from the first word to the runner; who may is in rights/,
             what is looked up in questions/, what it asks of the world in sources/
execution/   an approved request, wave by wave; in steps/ what is done before and after one
steps/       who does a step: Alertmanager, Kubernetes, webhooks, probes; one file a kind
runtime/     clocks, paces, memory, the policy in force
runner       who carries a request on: claims and leases
slack/       the door, inbound payloads, outbound messages, what people see (render, blockkit)
clouddc/     the CloudDC client and the shared inventory
storage/     the record: engine, tables, migrations, admin
settings     the environment, read once
app          the one place where the parts are joined
http_limits  the HTTP address: how many may hold it open, how long, how much they may send
serving      start, listen, sweep, stop
operations/  check, manifest, health, metrics, ship
sandbox/     a Slack and a data centre that run on this machine
cli          the `powerbot` command
"""

VERSION = "0.1.0"
