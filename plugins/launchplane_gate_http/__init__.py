"""HTTP for plugins that must know what happened: bounded in time and size, and blind to the environment."""

from launchplane_gate_http.exchange import Answer, NoAnswer, TooLarge, WrongAddress, exchange
from launchplane_gate_http.hosts import is_this_machine
from launchplane_gate_http.requested import requested
from launchplane_gate_http.tls import tls_trusting, usual_tls
from launchplane_gate_http.unlogged import unlogged
from launchplane_gate_http.wire import Address, Wire
from launchplane_gate_http.words import NOT_ASKED, why
from launchplane_gate_http.working_apart import all_at_once, run_apart

__all__ = [
    "NOT_ASKED",
    "Address",
    "Answer",
    "NoAnswer",
    "TooLarge",
    "Wire",
    "WrongAddress",
    "all_at_once",
    "exchange",
    "is_this_machine",
    "requested",
    "run_apart",
    "tls_trusting",
    "unlogged",
    "usual_tls",
    "why",
]
