"""A simulated CloudDC data centre with its IAM, faithful to the API down to its faults.

It shares no code with the bot that talks to it, so that a misunderstanding on one side shows on
the other. The core does no IO: `DataCentre.handle` takes a request and a clock's time and gives an
answer. `serve` puts it on a socket, `simulate` runs it alone, `control` lets a page break things.
"""

from bot.sandbox.data_centre.api.call_faults import CallFault, CallFaultKind, RetryAfter
from bot.sandbox.data_centre.api.exchange import Dropped, HttpRequest, HttpResponse
from bot.sandbox.data_centre.api.journal import LogEntry
from bot.sandbox.data_centre.api.routing import CallKind, Operation
from bot.sandbox.data_centre.centre import DataCentre, Switches
from bot.sandbox.data_centre.iam.iam import Account
from bot.sandbox.data_centre.machines.actions import Action, Generation, Phase, Power
from bot.sandbox.data_centre.machines.fleet import Server, build
from bot.sandbox.data_centre.machines.inventory import UnknownServer
from bot.sandbox.data_centre.machines.machine import Machine, Pace
from bot.sandbox.data_centre.machines.machine_faults import MachineFault, MachineFaultKind
from bot.sandbox.data_centre.machines.record_oddities import RecordOddity

__all__ = [
    "Account",
    "Action",
    "CallFault",
    "CallFaultKind",
    "CallKind",
    "DataCentre",
    "Dropped",
    "Generation",
    "HttpRequest",
    "HttpResponse",
    "LogEntry",
    "Machine",
    "MachineFault",
    "MachineFaultKind",
    "Operation",
    "Pace",
    "Phase",
    "Power",
    "RecordOddity",
    "RetryAfter",
    "Server",
    "Switches",
    "UnknownServer",
    "build",
]
