"""HTTP for plugins that must know what happened: bounded in time and size, and blind to the environment."""

from launchplane_gate_http.exchange import Address, Answer, NoAnswer, TooLarge, WrongAddress, exchange
from launchplane_gate_http.hosts import is_this_machine
from launchplane_gate_http.requested import requested
from launchplane_gate_http.tls import tls_trusting, usual_tls
from launchplane_gate_http.unlogged import unlogged
from launchplane_gate_http.words import why
from launchplane_gate_http.working_apart import run_apart

__all__ = [
    "Address",
    "Answer",
    "NoAnswer",
    "TooLarge",
    "WrongAddress",
    "exchange",
    "is_this_machine",
    "requested",
    "run_apart",
    "tls_trusting",
    "unlogged",
    "usual_tls",
    "why",
]
