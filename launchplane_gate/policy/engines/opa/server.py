"""An OPA server as the gate asks it: through opa-python-client, over a session of our own."""

from __future__ import annotations

import importlib.metadata
import re
import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from opa_client.opa import OpaClient  # type: ignore[import-untyped]  # ships no type stubs

from launchplane_gate.errors import EngineError, SettingsError
from launchplane_gate.policy.engines.opa.answer import UNWELL, read
from launchplane_gate.policy.engines.opa.session import BoundedSession
from launchplane_gate.policy.engines.protocol import to_json
from launchplane_gate.settings import OpaSettings

CLIENT, CLIENT_VERSION = "opa-python-client", "3.0.0"  # the one whose session is known to be replaceable
OLDEST_OPA = (1, 21, 3)  # the ones before took a bundle that was stripped of its signature: GHSA-g2pf-6v5v-qcc8

TOO_OLD = "Nothing was deployed. Install OPA 1.21.3 or newer."
NO_BUNDLE = (
    "Nothing was deployed. Let OPA load what `launchplane-gate policy bundle` writes, as a bundle that has a name; "
    "where it does, its log says why the bundle is not active (yet)."
)
NOTHING_THERE = object()
PROVENANCE = frozenset({"version", "build_commit", "build_timestamp", "build_hostname", "bundles", "revision"})

_PATH = re.compile(r"data(\.[a-z_][a-z0-9_]*)+")
_ASKED = {"strict-builtin-errors": "true", "provenance": "true"}


class Provenance(NamedTuple):
    """Who answered, and out of what: the version of OPA, and the revision of each bundle by its name."""

    version: str
    revisions: tuple[tuple[str, str], ...]


class Said(NamedTuple):
    """``value`` is NOTHING_THERE where the path is undefined."""

    value: Any
    provenance: Provenance


class ServedModule(NamedTuple):
    """A module that a server has. ``root`` is the first name of its package; None where it could not be read."""

    id: str
    root: str | None
    text: str


class OpaServer:
    """Making one asks nothing. It may be used from several threads.

    Every method raises EngineError where the server gives no answer that can be believed to be one.
    """

    def __init__(self, settings: OpaSettings) -> None:
        """Raises SettingsError for certificates or a token that cannot be used."""
        _check_client()
        _check_files(settings)
        self.where = f"OPA at {settings.url}"
        self._client = _Client(settings, self.where)

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Said:
        """What stands at a path such as ``data.gate.decision.answer``; errors of built-in functions end it.

        Raises EvaluationFailed where evaluating it fails.
        """
        if not _PATH.fullmatch(path):
            raise EngineError(f"not the path of a rule: {path[:80]!r}")
        to_json(policy_input)
        document = self._client.query_rule(policy_input, path.removeprefix("data."), query_params=_ASKED)
        return Said(document.get("result", NOTHING_THERE), self._provenance(document))

    def query(self, query: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The variables of a Rego query, which may say ``with``; built-in functions that fail are undefined in it."""
        match self._client.ad_hoc_query(query, given):
            case {"result": [dict() as variables]}:
                return variables
        raise EngineError(f"{self.where} gave no answer to a query", hint=UNWELL)

    def until(self, moment: float) -> AbstractContextManager[None]:
        """Let no question of this thread last beyond a moment of ``time.monotonic``, however many there are."""
        return self._client.until(moment)

    def modules(self) -> list[ServedModule]:
        match self._client.policies():
            case {"result": list() as modules}:
                return [self._module(module) for module in modules]
        raise EngineError(f"{self.where} does not tell its policies", hint=UNWELL)

    def _module(self, module: Any) -> ServedModule:
        match module:
            case {"id": str(name), "raw": str(text), "ast": {"package": {"path": [_, {"value": str(root)}, *_]}}}:
                return ServedModule(name, root, text)
            case {"id": str(name), "raw": str(text)}:
                return ServedModule(name, None, text)
        raise EngineError(f"{self.where} tells of a policy without its text", hint=UNWELL)

    def _provenance(self, document: Mapping[str, Any]) -> Provenance:
        told = document.get("provenance")
        if isinstance(told, dict) and (unknown := told.keys() - PROVENANCE):
            what = f"{self.where} says of itself what OPA does not: {sorted(unknown)[0][:80]!r}"
            raise EngineError(what, hint=UNWELL)
        match told:
            case {"version": str(version), "bundles": {**bundles}}:
                revisions = tuple(sorted(_revision(name, said) for name, said in bundles.items()))
            case {"version": str(version)}:  # so says OPA where there is no bundle, or one without a name
                revisions = ()
            case _:
                raise EngineError(f"{self.where} does not say what it is: its answer has no provenance", hint=UNWELL)
        if not _is_new_enough(version):
            raise EngineError(f"{self.where} is OPA {version[:40]}; the gate asks 1.21.3 and newer", hint=TOO_OLD)
        if not any(revision for _, revision in revisions):
            raise EngineError(f"{self.where} has no active bundle with a revision", hint=NO_BUNDLE)
        return Provenance(version, revisions)


class _Client(OpaClient):  # type: ignore[misc]  # untyped, as said above
    """The client, with a session of ours in place of its own: that one follows redirects, proxies and netrc."""

    def __init__(self, settings: OpaSettings, where: str) -> None:
        self._settings, self._where = settings, where
        parts = urlsplit(settings.url)
        host = parts.hostname or ""
        super().__init__(
            host=f"[{host}]" if ":" in host else host,
            port=parts.port or (443 if parts.scheme == "https" else 80),
            ssl=parts.scheme == "https",
            timeout=settings.timeout_s,
        )

    def _init_session(self) -> BoundedSession:
        session = BoundedSession(self._where, self._settings.timeout_s, lambda raw: read(raw, self._where))
        if self._settings.token:
            session.headers["Authorization"] = f"Bearer {self._settings.token.get_secret_value()}"
        if self._settings.ca_file:
            session.verify = str(self._settings.ca_file)
        if self._settings.cert_file:
            session.cert = (str(self._settings.cert_file), str(self._settings.key_file or self._settings.cert_file))
        return session

    def until(self, moment: float) -> AbstractContextManager[None]:
        return self._session.until(moment)  # type: ignore[no-any-return]  # it is ours, which an untyped client holds

    def policies(self) -> Any:
        """Every module with its text: what the client's own methods leave out, or ask for one by one."""
        return self._session.get(f"{self.root_url}/policies").json(any_integer=True)  # syntax trees have some


def _revision(name: Any, said: Any) -> tuple[str, str]:
    match said:
        case {"revision": str(revision)}:
            return str(name), revision
    return str(name), ""


def _is_new_enough(version: str) -> bool:
    found = re.fullmatch(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", version)
    if not found:
        return False
    numbers = tuple(int(part) for part in found.groups()[:3])
    return numbers > OLDEST_OPA or (numbers == OLDEST_OPA and not found[4])


def _check_client() -> None:
    version = importlib.metadata.version(CLIENT)
    if version != CLIENT_VERSION:
        raise EngineError(
            f"{CLIENT} is installed as {version}; the gate knows {CLIENT_VERSION}",
            hint="Nothing was done. Install launchplane-gate again, into an environment of its own.",
        )


def _check_files(settings: OpaSettings) -> None:
    """Try certificates and token before anything is asked: later they would fail in the words of a library."""
    if settings.token and not re.fullmatch(r"[\x21-\x7e]+", settings.token.get_secret_value()):
        raise SettingsError("settings: opa.token: the secret is not one word of plain characters")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, path in (("ca_file", settings.ca_file), ("cert_file", settings.cert_file)):
        if not path:
            continue
        try:
            if name == "ca_file":
                context.load_verify_locations(path)
            else:
                context.load_cert_chain(path, settings.key_file, password="")  # nosec B106  # none is asked for at a terminal
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
            fault = reason or "it is not PEM, is encrypted, or does not fit its key"
            place = path if name == "ca_file" or not settings.key_file else f"{path} with {settings.key_file}"
            raise SettingsError(f"settings: opa.{name}: {place} cannot be used: {fault}") from None
