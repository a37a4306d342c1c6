"""The plugin ``github-oidc``: who asks is the subject of a token that GitHub Actions issued."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SecretStr

from launchplane_gate.errors import ActorUnproven, Undecided
from launchplane_gate.hookspecs import Answered, PluginConfig, Proven, hookimpl
from launchplane_gate.records import ProductProfile
from launchplane_gate_github_oidc.document import Asking
from launchplane_gate_github_oidc.issuer import Issuer
from launchplane_gate_github_oidc.options import read_options
from launchplane_gate_github_oidc.runner import ask_runner
from launchplane_gate_github_oidc.token import ends_at, proven, read

MAX_CHARACTERS = 1000  # what an actor may have
REQUIRE = "[plugins.github-oidc.require]"
KEPT = (
    "repository", "repository_id", "repository_owner_id", "ref", "ref_protected", "sha", "environment", "event_name",
    "workflow_ref", "job_workflow_ref", "job_workflow_sha", "run_id", "run_attempt", "actor", "actor_id",
    "runner_environment", "jti",
)  # fmt: skip


class GithubOidcPlugin:
    """Verifies tokens of one issuer. Raises SettingsError for settings it cannot use."""

    def __init__(self, config: PluginConfig) -> None:
        self._options, tls = read_options(config)
        self._now = config.now
        self._asking = Asking(tls, self._options.timeout_s)
        self._issuer = Issuer(self._options.issuer, self._asking)

    @hookimpl
    def gate_token(self) -> SecretStr | None:
        return ask_runner(self._options.audience, self._asking)

    @hookimpl
    def gate_actor(self, token: SecretStr) -> Proven | None:
        unverified = read(token)
        if unverified.issuer != self._options.issuer:
            return None
        key = self._issuer.key(unverified.key_id)
        if key is None:
            raise ActorUnproven(f"the token names a key that {self._options.issuer} does not have")
        claims = proven(
            unverified,
            key,
            audience=self._options.audience,
            issuer=self._options.issuer,
            leeway_s=self._options.leeway_s,
            now=self._now(),
        )
        self._hold_to_repositories(claims)
        self._hold_to_requirements(claims)
        return Proven(
            _subject(claims),
            _person(claims),
            claims=self._kept(claims),
            token_id=_line(claims, "jti"),
            until=ends_at(claims, leeway_s=self._options.leeway_s),
        )

    @hookimpl
    def gate_doctor(self, product: ProductProfile | None, deadline_s: float) -> Iterable[Answered]:
        """The keys, which are the same for every product; the two answers take twice ``timeout_s`` at most."""
        if product is not None:
            return ()
        try:
            wrong = "" if self._issuer.has_keys() else "it publishes no key, so no token of it proves anything"
        except Undecided as error:
            wrong = f"{error}; see that issuer in [plugins.github-oidc] is right, and can be reached from here"
        return [Answered(f"the keys of {self._options.issuer}", wrong)]

    def _hold_to_repositories(self, claims: Mapping[str, Any]) -> None:
        taken = self._options.repositories
        if taken is not None and claims.get("repository") not in taken:
            raise ActorUnproven("the token is of a repository that [plugins.github-oidc] repositories does not name")

    def _hold_to_requirements(self, claims: Mapping[str, Any]) -> None:
        for name, wanted in self._options.require.items():
            if claims.get(name) is None:
                raise ActorUnproven(f"the token lacks the claim {name}, which {REQUIRE} names")
            if claims[name] not in wanted:
                raise ActorUnproven(f"the claim {name} of the token is another than {REQUIRE} names")

    def _kept(self, claims: Mapping[str, Any]) -> dict[str, str]:
        """What is known of the job; of claims that GitHub adds one day only those that are required."""
        names = dict.fromkeys((*KEPT, *self._options.require))
        return {name: claims[name] for name in names if _is_line(claims.get(name))}


def _subject(claims: Mapping[str, Any]) -> str:
    """As GitHub makes it: repo:OWNER/NAME:ref:REF, repo:OWNER/NAME:environment:NAME or as the repository has it."""
    return _line(claims, "sub")


def _line(claims: Mapping[str, Any], name: str) -> str:
    if not _is_line(claim := claims[name]) or not claim:
        raise ActorUnproven(f"the claim {name} of the token is no line of text")
    return str(claim)


def _is_line(claim: object) -> bool:
    return isinstance(claim, str) and claim.isprintable() and len(claim) <= MAX_CHARACTERS


def _person(claims: Mapping[str, Any]) -> str:
    """Who started the run. Empty where that is not told: whoever runs it again is not named by the token."""
    person, attempt = claims.get("actor"), claims.get("run_attempt")
    return str(person) if attempt == "1" and _is_line(person) else ""
