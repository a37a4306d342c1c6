"""HTTP for plugins that must know what happened: bounded in time and size, and blind to the environment."""

from launchplane_gate_http.exchange import Answer, NoAnswer, TooLarge, exchange
from launchplane_gate_http.hosts import is_this_machine
from launchplane_gate_http.words import why
from launchplane_gate_http.working_apart import run_apart

__all__ = ["Answer", "NoAnswer", "TooLarge", "exchange", "is_this_machine", "run_apart", "why"]
