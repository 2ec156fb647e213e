"""Stand-ins for what surrounds servers: Alertmanager, Kubernetes, a load balancer, services.

They speak HTTP as the real ones do, break on request, and share no code with the bot.
"""

from bot.sandbox.surroundings.cluster import Cluster, Node, Pace, PodKind
from bot.sandbox.surroundings.faults import Fault, Part
from bot.sandbox.surroundings.receiver import Hook
from bot.sandbox.surroundings.serve import Running, start
from bot.sandbox.surroundings.services import ServiceFault, Standing
from bot.sandbox.surroundings.silences import Matcher, Silence
from bot.sandbox.surroundings.surroundings import Racks, Secrets, Surroundings

__all__ = [
    "Cluster",
    "Fault",
    "Hook",
    "Matcher",
    "Node",
    "Pace",
    "Part",
    "PodKind",
    "Racks",
    "Running",
    "Secrets",
    "ServiceFault",
    "Silence",
    "Standing",
    "Surroundings",
    "start",
]
