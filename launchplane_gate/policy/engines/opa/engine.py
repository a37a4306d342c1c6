"""A real OPA server as the engine: believed only while it holds what we mean."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from launchplane_gate.errors import EngineError
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.decision import ALONE, ANSWER, Heard, ask_rules
from launchplane_gate.policy.engines.opa.examination import Examination, examine
from launchplane_gate.policy.engines.opa.server import NOTHING_THERE, OpaServer, Provenance, Said
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined
from launchplane_gate.settings import OpaSettings

BELIEVED_FOR_S = 60.0  # whoever may write to a server can change what it holds, and leave its revision as it is


class OpaEngine:
    """OPA, asked about one bundle; from any thread.

    Making one asks nothing: a server that is away is found out by the first question, which the ledger then has. The
    server is examined before the first question, after it was away or answered oddly, when an answer names another
    version or revision, and ``believed_for_s`` seconds after it last was.
    """

    def __init__(self, bundle: Bundle, settings: OpaSettings, *, believed_for_s: float = BELIEVED_FOR_S) -> None:
        """Raises SettingsError for certificates or a token that cannot be used."""
        self._server = OpaServer(settings)
        self._bundle, self._pinned, self._believed_for_s = bundle, settings.revision, believed_for_s
        self._timeout_s = settings.timeout_s
        self._examined: tuple[Examination, float] | None = None

    @property
    def name(self) -> str:
        examined = self._examined
        return f"opa {examined[0].provenance.version}" if examined else "opa"

    @property
    def revision(self) -> str:
        """That of the policies here: a server that holds others is not believed."""
        return self._bundle.revision

    def hear(self, roll_call: Sequence[str], policy_input: Mapping[str, Any]) -> Heard:
        """What each rule says, by documents that hold the nonce. Asked alone, all of them have the time of one."""
        until = None

        def ask(path: str, policy_input: Mapping[str, Any]) -> Any:
            nonlocal until
            if path == ANSWER:
                return self.ask(path, policy_input)
            until = until or time.monotonic() + self._timeout_s
            with self._server.until(until):
                return self.ask(path, policy_input)

        said = ask_rules(ask, roll_call, policy_input, over_a_wire=True)
        return Heard(self.name, said)

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        """Raises EngineError, as every engine does, and also where the server does not hold what we mean.

        Only such paths are asked for as hold the nonce of their question: a server could say anything of another one.
        """
        if path != ANSWER and not path.startswith(f"{ALONE}."):
            raise EngineError(f"a server is not asked for {path[:80]!r}: nothing there tells which question it answers")
        for _ in range(2):  # a server that took another bundle is asked once more, after its examination
            believed = self._believed()
            said = self._ask(path, policy_input)
            if said.provenance == believed:
                if said.value is NOTHING_THERE:
                    raise Undefined(f"{path} is undefined")
                return said.value
            self._examined = None
        raise EngineError(f"{self._server.where} changes its bundle with every question")

    def examine(self) -> Examination:
        """Examine the server now. Raises EngineError where it is not to be believed."""
        self._examined = None
        examination = examine(self._server, self._bundle, self._pinned)
        self._examined = (examination, time.monotonic())
        return examination

    def _believed(self) -> Provenance:
        examined = self._examined
        if examined and time.monotonic() - examined[1] < self._believed_for_s:
            return examined[0].provenance
        return self.examine().provenance

    def _ask(self, path: str, policy_input: Mapping[str, Any]) -> Said:
        try:
            return self._server.ask(path, policy_input)
        except EvaluationFailed:
            raise
        except EngineError:
            self._examined = None
            raise
