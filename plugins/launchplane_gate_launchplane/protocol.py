"""How the host and a gate speak to each other: the shapes of its ``control_plane/gate.py``, as this side sees them.

The host's own classes fit the protocols here, and what is answered from here fits the host's, so that neither imports
the other. Only a denial must be the host's own exception, since one of its except clauses catches it: see ``Deny``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel

# A write of the host that is not an HTTP route is named by its command.
COMMANDS = frozenset(
    {
        "launchplane ship execute",
        "launchplane promote execute",
        "launchplane promote record",
        "launchplane deployments write",
        "launchplane promotions write",
        "launchplane inventory write-from-deployment",
        "launchplane inventory write-from-promotion",
        "launchplane release-tuples write-from-promotion",
        "launchplane odoo-rollbacks execute",
        "launchplane storage import-core-records",
    }
)


class Call(Protocol):
    """One authorized write that the host is about to make: an executor's, one of evidence, or a context cutover."""

    @property
    def route(self) -> str:
        """The path of the HTTP route ("/v1/drivers/generic-web/deploy"), or one of COMMANDS."""

    @property
    def driver_id(self) -> str:
        """The driver that the caller addressed by the route; "" where it addresses none."""

    @property
    def product(self) -> str:
        """The product of the profile, where the route read it, else the one that the caller claims; "" for commands."""

    @property
    def request(self) -> BaseModel | None:
        """The typed request, or the record that is handed in. None for an import, which has none."""

    @property
    def identity(self) -> object:
        """Whom the host verified: a workflow or a human. None for a command, where nobody was."""

    @property
    def trace_id(self) -> str:
        """Of the request in the host; "" for a command."""

    @property
    def idempotency_key(self) -> str:
        """As the caller sent it; "" for none."""

    @property
    def fingerprint(self) -> str:
        """Of the request's body, as the host makes it: the same key with another one is a key used again."""

    @property
    def scope(self) -> str:
        """Within which a key is one key: the caller, as the host tells callers apart."""

    @property
    def record_store(self) -> Any: ...

    @property
    def control_plane_root(self) -> Path: ...

    @property
    def execute(self) -> Callable[[Any], Any]:
        """Run the host's executor, unchanged, with the record store that it is given; returns its result.

        That of a command raises the host's GateDenied: it writes through stores of its own, which nothing keeps back.
        """


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the host answers with: what the executor would have returned, a model or, for evidence, ids of records.

    ``original_trace_id``: of the request that did it, where this is a replay; else "".
    """

    result: Any
    original_trace_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is read from the gate by a route of the host, which shows it to those who may read in ``context``."""

    context: str
    payload: dict[str, object]


class Denied(Protocol):
    """The host's GateDenied, which becomes the answer of this status, with this code and message in its envelope."""

    status: int
    code: str
    message: str


class Deny(Protocol):
    """Makes the host's GateDenied, to be raised. The class itself fits."""

    def __call__(self, *, status: int, code: str, message: str) -> Exception: ...


class HostGate(Protocol):
    """What the host's ``install`` takes. Called from any of its threads."""

    def run(self, call: Any) -> Answer | None:
        """Take an authorized call over; it is a Call.

        None: what the call is about is not governed. The host then goes on as if there were no gate, with its own
        idempotency records. Otherwise the gate owns the key, and the host neither looks up nor stores anything under
        it; only that of a context cutover stays the host's, since it tells of nothing that the gate did. Raises the
        host's GateDenied.
        """

    def change(
        self,
        *,
        method: str,
        path: str,
        payload: Any,
        query: Any,
        timeout_s: float,
        send: Callable[[Any, float], Any],
    ) -> Any:
        """Stand around a request to the provider, reads too; ``send(payload, timeout_s)`` makes it.

        ``path`` begins with a slash. What it returns is what the provider answered to the host. Raises the host's
        GateDenied; what ``send`` raises is the host's own and passes through.
        """

    def read(self, action: Literal["gate_decision.read", "gate_lane.read"], params: Mapping[str, str]) -> Reading:
        """Answer a GET: of a decision (``decision_id``), or of a lane (``context``, ``instance``).

        With ``from``, an instance of the same context: all that promoting that one to the lane would be decided on.

        The host asks whether the caller may do ``action`` in the reading's context before it shows anything of it.
        Raises FileNotFoundError for what there is not, which is the host's 404, and the host's GateDenied.
        """
