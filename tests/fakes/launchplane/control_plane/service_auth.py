"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from pydantic import Field

from .contracts.rules import Closed


@dataclass(frozen=True)
class GitHubActionsIdentity:
    repository: str
    repository_owner: str
    workflow_ref: str
    job_workflow_ref: str
    ref: str
    ref_type: str
    event_name: str
    environment: str
    subject: str
    sha: str
    raw_claims: dict[str, Any]


@dataclass(frozen=True)
class GitHubHumanIdentity:
    login: str
    github_id: int
    name: str
    email: str
    organizations: frozenset[str]
    teams: frozenset[str]
    role: Literal["read_only", "admin"]


LaunchplaneIdentity: TypeAlias = GitHubActionsIdentity | GitHubHumanIdentity


class TokenVerifier(Protocol):
    def verify(self, token: str) -> GitHubActionsIdentity: ...


class GitHubActionsPolicyRule(Closed):
    """What it leaves empty it does not ask for; it names a repository always."""

    repository: str
    workflow_refs: tuple[str, ...] = ()
    job_workflow_refs: tuple[str, ...] = ()
    event_names: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()

    def allows(self, *, identity: GitHubActionsIdentity, action: str, product: str, context: str) -> bool:
        asked = [
            (identity.workflow_ref, self.workflow_refs),
            (identity.job_workflow_ref, self.job_workflow_refs),
            (identity.event_name, self.event_names),
            (identity.ref, self.refs),
            (identity.environment, self.environments),
            (product, self.products),
            (context, self.contexts),
            (action, self.actions),
        ]
        return identity.repository == self.repository and all(is_in(value, names) for value, names in asked)


class GitHubHumanPolicyRule(Closed):
    logins: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    roles: tuple[Literal["read_only", "admin"], ...] = ()
    products: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()

    def allows(self, *, identity: GitHubHumanIdentity, action: str, product: str, context: str) -> bool:
        return (
            is_in(identity.login, self.logins)
            and is_in(identity.role, self.roles)
            and is_in(product, self.products)
            and is_in(context, self.contexts)
            and is_in(action, self.actions)
        )


class LaunchplaneAuthzPolicy(Closed):
    schema_version: int = Field(default=1, ge=1)
    github_actions: tuple[GitHubActionsPolicyRule, ...] = ()
    github_humans: tuple[GitHubHumanPolicyRule, ...] = ()

    def allows(self, *, identity: LaunchplaneIdentity, action: str, product: str, context: str) -> bool:
        if isinstance(identity, GitHubHumanIdentity):
            return any(
                rule.allows(identity=identity, action=action, product=product, context=context)
                for rule in self.github_humans
            )
        return any(
            rule.allows(identity=identity, action=action, product=product, context=context)
            for rule in self.github_actions
        )


def is_in(value: str, names: tuple[str, ...]) -> bool:
    return not names or value in names
