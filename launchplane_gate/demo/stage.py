"""Where the story is told: with processes of this machine, or on a Dokploy server that was prepared for it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal, TypeVar, get_args

from pydantic import ConfigDict, Field, ValidationError, model_validator

from launchplane_gate.attesting import library
from launchplane_gate.demo.release import release_program
from launchplane_gate.demo.workspace import (
    PRODUCT,
    Platform,
    Publisher,
    two_free_ports,
    write_settings,
    write_workspace,
)
from launchplane_gate.errors import UsageError
from launchplane_gate.model import Contract, ReleaseIdentity
from launchplane_gate.private import read_regular, write_anew

Role = Literal["first", "second", "missing", "rebuild", "lying"]

COMMITS: Mapping[Role, str] = {
    "first": "215f71bc1a58639fe4bcd3b3609a4e68304184ab",
    "second": "41620cf13151d1a12f09d06007d67bdf791d200c",
    "lying": "e5a83b1f20c94d67a8b5e3f1c7d29064ab81f35e",
}
MAX_BYTES = 64 * 1024  # of a stage file
KEY_VARIABLE = "DOKPLOY_API_KEY"

_GENERIC_WEB = Template("""\
[plugins.generic-web]\t# deploys through Dokploy
url = $url
api_key = { env = "$variable" }\t# a key without a rate limit
poll_s = 0.5\t# how often a deployment is looked at

""")

_GITHUB = Template("""\
[plugins.github]\t# what GitHub says of a commit and a version
base_url = $url
app = { $app }

[plugins.github.release_identity]\t# who publishes releases there: named here, never who is logged in
$publisher

[plugins.github.products.$product]

[attestation]\t# what signs that a promotion was recorded
key = { file = "$key" }

""")
KEY = "attest.pem"


@dataclass(frozen=True)
class Stage:
    """A working folder that was written, and what the story needs to know of it.

    ``missing``, where there is such a release, fails to deploy; ``rebuild`` is another artifact of the commit of
    ``second``, and exits at once; ``exit_fails``: the deploy always fails then, where other platforms may call it done.
    ``strike`` stops what the story started.
    """

    where: str
    releases: Mapping[Role, ReleaseIdentity]
    exit_fails: bool
    prod_url: str
    publishes: str  # where the releases are published; empty where they are not
    strike: Callable[[], object]


def local_stage(folder: Path, actor: str, *, github: Path | None = None) -> Stage:
    """``github``: the file of a GitHub stage. Raises UsageError where that cannot be used."""
    ports, published = two_free_ports(), _read(github, GitHubFile) if github else None
    commits = dict(COMMITS)
    if published:
        commits |= {"first": published.commits.first, "second": published.commits.second}
    commits["rebuild"] = commits["second"]
    programs = {
        "first": release_program(commits["first"]),
        "second": release_program(commits["second"]),
        "rebuild": release_program(commits["rebuild"], crashes=True),
        "lying": release_program(commits["lying"], reports=commits["second"]),
    }
    files = {f"{role}.py": text for role, text in programs.items()}
    artifacts = write_workspace(
        folder,
        releases=files,
        ports=ports,
        actor=actor,
        publisher=published.publisher() if published else None,
        confirm_timeout_s=2.0,
        confirm_interval_s=0.2,
    )
    if published:
        _make_key(folder / KEY)
    return Stage(
        where="on this machine",
        releases={
            role: ReleaseIdentity(artifact_id=artifacts[f"{role}.py"], source_git_ref=commit)
            for role, commit in commits.items()
        },
        exit_fails=True,
        prod_url=f"http://127.0.0.1:{ports[1]}/health",
        publishes=f"{published.repository} at {published.api_url}" if published else "",
        strike=lambda: _stop_processes(folder),
    )


def _make_key(path: Path) -> None:
    """One to sign with, for this story alone, and the public half beside it. Raises SettingsError without the extra."""
    private, public = library().new_key()
    with write_anew(path) as file:
        file.write(private)
    path.with_suffix(".pub").write_bytes(public)


def _stop_processes(folder: Path) -> None:
    """Stop what the local driver started for a workspace, whatever state it is in."""
    from launchplane_gate_local import stop_all  # noqa: PLC0415  # a plugin, and needed only here

    stop_all(folder / "state" / "plugins" / "local")


class _App(Contract):
    app_id: int
    installation_id: int | None = None
    key_file: str

    def toml(self) -> str:
        at = f"installation_id = {self.installation_id}, " if self.installation_id else ""
        return f"app_id = {self.app_id}, {at}private_key = {{ file = {json.dumps(self.key_file)} }}"


class _Commits(Contract):
    model_config = ConfigDict(extra="ignore")

    first: str
    second: str


class GitHubFile(Contract):
    """What was prepared on GitHub: a repository, two commits on its ``branch``, and an App that may publish there."""

    model_config = ConfigDict(extra="ignore")

    api_url: str = "https://api.github.com"
    repository: str
    branch: str = "main"
    app: _App
    commits: _Commits

    def publisher(self) -> Publisher:
        words = {"url": json.dumps(self.api_url), "app": self.app.toml(), "product": PRODUCT, "key": KEY}
        words["publisher"] = self.app.toml().replace(", ", "\n")
        return Publisher(
            plugin=_GITHUB.substitute(words),
            repository=self.repository,
            branches=(self.branch,),
            rules=("release.commit_on_branch", "release.version_free", "release.publisher_ready"),
        )


class _Lane(Contract):
    target_type: Literal["application", "compose"]
    target_id: str
    variable: str | None = None
    health_url: str

    def target(self) -> str:
        """Its table ``target``, as TOML."""
        words = self.model_dump(exclude={"health_url"}, exclude_none=True)
        return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in words.items()) + " }"


class _Lanes(Contract):
    testing: _Lane
    prod: _Lane


class _Release(Contract):
    artifact: str
    commit: str

    def identity(self) -> ReleaseIdentity:
        return ReleaseIdentity(artifact_id=self.artifact, source_git_ref=self.commit)


class StageFile(Contract):
    """What was prepared on a Dokploy server: two targets of one product, and five releases of its image.

    ``lying`` reports the commit of ``second``; ``missing`` is in no registry; ``rebuild`` is of the commit of
    ``second``, and exits at once. The API key has to show which digest runs.
    """

    image: str
    lanes: _Lanes
    releases: dict[str, _Release]
    confirm_timeout_s: float = Field(default=60, gt=0, le=3600)

    @model_validator(mode="after")
    def _has_every_role(self) -> StageFile:
        if missing := [role for role in get_args(Role) if role not in self.releases]:
            raise ValueError(f"releases lacks {', '.join(missing)}")
        if self.releases["rebuild"].commit != self.releases["second"].commit:
            raise ValueError("releases.rebuild is not of the commit of second")
        return self


def dokploy_stage(folder: Path, actor: str, *, url: str, file: Path) -> Stage:
    """Raises UsageError for a stage file that cannot be used."""
    stage = _read(file, StageFile)
    lanes = (stage.lanes.testing, stage.lanes.prod)
    platform = Platform(
        driver="generic-web",
        plugin=_GENERIC_WEB.substitute(url=json.dumps(url), variable=KEY_VARIABLE),
        image=stage.image,
        urls=(lanes[0].health_url, lanes[1].health_url),
        targets=(lanes[0].target(), lanes[1].target()),
    )
    write_settings(folder, platform, actor=actor, product=PRODUCT, confirm_timeout_s=stage.confirm_timeout_s)
    return Stage(
        where=f"on the Dokploy server at {url}",
        releases={role: stage.releases[role].identity() for role in get_args(Role)},
        exit_fails=False,
        prod_url=stage.lanes.prod.health_url,
        publishes="",
        strike=lambda: None,
    )


FileT = TypeVar("FileT", bound=Contract)


def _read(file: Path, form: type[FileT]) -> FileT:
    """Raises UsageError."""
    hint = "Nothing was done. The fakes in tests/fakes write such files: python -m tests.fakes.dokploy, or .github."
    try:
        return form.model_validate(tomllib.loads(read_regular(file, MAX_BYTES).decode()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint=hint) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{file}: {place}: {first['msg']}", hint=hint) from None
