"""A simulated CloudDC data centre with its IAM, faithful to the API down to its faults.

It shares no code with the bot that talks to it, so that a misunderstanding on one side shows on
the other. The core does no IO: `DataCentre.handle` takes a request and a clock's time and gives an
answer. `serve` puts it on a socket, `simulate` runs it alone, `control` lets a page break things.
"""

from bot.sandbox.data_centre.actions import Action, Generation, Phase, Power
from bot.sandbox.data_centre.call_faults import CallFault, CallFaultKind, RetryAfter
from bot.sandbox.data_centre.centre import DataCentre, Switches
from bot.sandbox.data_centre.exchange import Dropped, HttpRequest, HttpResponse
from bot.sandbox.data_centre.fleet import Server, build
from bot.sandbox.data_centre.iam import Account
from bot.sandbox.data_centre.inventory import UnknownServer
from bot.sandbox.data_centre.journal import LogEntry
from bot.sandbox.data_centre.machine import Machine, Pace
from bot.sandbox.data_centre.machine_faults import MachineFault, MachineFaultKind
from bot.sandbox.data_centre.record_oddities import RecordOddity
from bot.sandbox.data_centre.routing import CallKind, Operation

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
