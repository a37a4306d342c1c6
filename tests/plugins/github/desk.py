"""A desk from which releases are published: a publisher on a fake GitHub, and the runs that it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Actor, Decision, Lane, Publication, ReleaseIdentity, RuleResult, Run, Waiver
from launchplane_gate.records import ProductImage, ProductProfile
from launchplane_gate_github.notes import marker
from launchplane_gate_github.options import read_options
from launchplane_gate_github.publisher import GitHubPublisher, read_templates
from tests.fakes.github import App, FakeGitHub, Release, Repository
from tests.fakes.github.stage import SECOND

V = "v0.2.10"
SHOP = "/repos/acme/shop"
DRAFT, TAG, PUBLISH = "POST */releases", "POST */git/refs", "PATCH */releases/*"
ARTIFACT = f"ghcr.io/acme/shop@sha256:{'a' * 64}"
NOW = datetime(2026, 5, 3, 16, tzinfo=UTC)
PROD = Lane(context="shop", instance="prod")
US, APP = "octo-author", "app-1"  # as whom tokens, and the first App, are shown


@dataclass
class Desk:
    """Where releases are published from; ``said`` is every line of progress, ``secrets`` what none may hold."""

    github: FakeGitHub
    folder: Path
    said: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    @cached_property
    def usual(self) -> GitHubPublisher:
        return self.publisher()

    def publisher(self, identity: Mapping[str, Any] | None = None, **options: Any) -> GitHubPublisher:
        if identity is None:
            identity = {"token": self.token()}
        table = {
            "base_url": self.github.url,
            "timeout_s": 1,
            "max_bytes": 1_000_000,
            "products": {"shop": {}},
            "release_identity": identity,
        } | options
        config = PluginConfig(
            name="github",
            options=table,
            targets={},
            base_dir=self.folder,
            state_dir=self.folder,
            now=lambda: datetime.now(UTC),
        )
        read, connection = read_options(config)
        return GitHubPublisher(read, connection, read_templates(config, read))

    def token(self, **rest: Any) -> SecretStr:
        permissions = rest.pop("permissions", {"contents": "write"})
        self.secrets.append(self.github.add_token({"acme/shop": permissions}, **rest))
        return SecretStr(self.secrets[-1])

    def app(self, **permissions: str) -> tuple[App, int, dict[str, Any]]:
        app = self.github.add_app()
        installation = app.install("acme/shop", permissions=permissions)
        self.secrets.append(app.private_key_pem)
        return app, installation, {"app_id": app.app_id, "private_key": SecretStr(app.private_key_pem)}

    def publish(
        self,
        run: Run | None = None,
        publisher: GitHubPublisher | None = None,
        assets: Mapping[str, bytes] = {},
        others: Sequence[Run] = (),
    ) -> Publication:
        run = run or recorded()
        ended = (publisher or self.usual).publish(profile(), run, self.said.append, assets, others)
        assert run.publication and ended.version == run.publication.version
        assert bool(ended.url) == ended.published
        told = "\n".join([ended.model_dump_json(), *self.said])
        assert not [secret for secret in self.secrets if secret in told]
        return ended

    def writes(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.github.requests if one.method not in ("GET", "HEAD")]


def profile(product: str = "shop", repository: str = "acme/shop") -> ProductProfile:
    return ProductProfile(
        product=product,
        display_name=product,
        repository=repository,
        driver_id="local",
        image=ProductImage(repository="ghcr.io/acme/shop"),
        runtime_port=3000,
        health_path="/health",
        lanes=(),
        updated_at="2026-05-03T16:10:06Z",
        source="tests",
    )


def decision(phase: Any = "admit", *results: RuleResult, waivers: tuple[Waiver, ...] = ()) -> Decision:
    return Decision(
        decision_id=f"d-{phase}",
        action="promote",
        phase=phase,
        product="shop",
        source=Lane(context="shop", instance="testing"),
        destination=PROD,
        release=ReleaseIdentity(artifact_id=ARTIFACT, source_git_ref=SECOND),
        actor=Actor(subject="repo:acme/shop:ref:refs/heads/main"),
        results=results,
        waivers=waivers,
        engine="embedded",
        policy_revision="0" * 64,
        input_digest="0" * 64,
        decided_at="2026-05-03T16:10:06Z",
    )


def recorded(version: str = V, commit: str = SECOND, run_id: str = "r-1", **rest: Any) -> Run:
    """A promotion that was recorded, and is to be published."""
    return Run.model_validate(
        {
            "run_id": run_id,
            "status": "recorded",
            "action": "promote",
            "product": "shop",
            "source": Lane(context="shop", instance="testing"),
            "destination": PROD,
            "release": ReleaseIdentity(artifact_id=ARTIFACT, source_git_ref=commit),
            "previous": None,
            "actor": Actor(subject="repo:acme/shop:ref:refs/heads/main", verified_by="github-oidc"),
            "reason": "the fix for the outage",
            "started_at": "2026-05-03T16:10:06Z",
            "admitted": decision(),
            "publication": Publication(version=version, published=False, authors=(US, f"{APP}[bot]")),
        }
        | rest
    )


def left(shop: Repository, run_id: str = "r-1", author: str = US, **rest: Any) -> Release:
    """A draft as a run left it."""
    return shop.release(V, rest.pop("commit", SECOND), draft=True, notes=marker(run_id), author=author, **rest)


def out(shop: Repository, version: str = V) -> list[str]:
    """The commits on which a version is out: one for each release."""
    return [shop.refs[f"refs/tags/{version}"] for one in shop.releases if one.tag_name == version and not one.draft]


def drafts(shop: Repository) -> list[int]:
    return [one.release_id for one in shop.releases if one.draft]
