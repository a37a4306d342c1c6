"""A process that is killed while it publishes leaves a recorded run, and what is missing is finished later, once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Literal, get_args

import pytest
from pydantic import SecretStr

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import PluginConfig, Question, hookimpl
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.runs import read_run
from launchplane_gate_github.options import read_options
from launchplane_gate_github.publisher import GitHubPublisher
from tests.cli.test_cli import NEW, clear, make_site
from tests.conftest import ACTOR, PRODUCT, PROFILE, A, bundle_in, deploy, open_gate, promote
from tests.fakes.github import FakeGitHub, Repository
from tests.fakes.github.breaks import Break
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # tests/line/test_publishing asks the same of one process

V = "v0.2.10"
REPOSITORY = PROFILE.repository
When = Literal["before", "after"]

# What is asked of GitHub for one release, in order. A draft, the tag and the publication are each looked at afterwards.
WHO = ["GET repository", "GET user"]  # before the journal notes that publishing begins
SIGHT = ["GET repository", "GET tag", "GET published"]
DRAFTED = ["GET repository", "GET tag", "GET draft", "GET published"]
REQUESTS = [
    *WHO,
    *(*SIGHT, "GET twin", "GET releases", "GET the tag before", "GET comparison", "POST draft"),
    *(*DRAFTED, "GET twin", "POST tag"),
    *(*DRAFTED, "GET releases", "PATCH draft"),
    *("GET repository", "GET tag", "GET draft", "GET releases", "GET latest"),
]


class DeadlyGitHub(FakeGitHub):
    """Kills whoever sends the request that is next but ``at``, on its arrival; ``after``: and does it all the same."""

    def __init__(self) -> None:
        super().__init__()
        self._trap: tuple[int, When] | None = None
        self._victim, self._named = 0, Event()

    def kill(self, at: int, when: When) -> None:
        self._trap = (len(self.requests) + at, when)
        self._named.clear()

    def name(self, pid: int) -> None:
        """Whom to kill: requests wait until that is known."""
        self._victim = pid
        self._named.set()

    def takes_break(self, method: str, path: str) -> Break | None:
        if self._trap:
            number, (at, when) = len(self.requests) - 1, self._trap
            assert self._named.wait(10)
            if number == at:
                self._trap = None
                os.kill(self._victim, signal.SIGKILL)
                return Break("drop_before" if when == "before" else "drop_after")
        return super().takes_break(method, path)


class Publishing:
    """The plugin, as far as it publishes: what it would gather is told without asking GitHub."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        table = {
            "base_url": url,
            "products": {PRODUCT: {}},
            "release_identity": {"token": SecretStr(token)},
        }
        config = PluginConfig("github", table, {}, folder, folder, lambda: datetime.now(UTC))
        self._publisher = GitHubPublisher(*read_options(config), {})
        self._says = FakePublisher((PRODUCT,))

    @hookimpl
    def gate_publishers(self) -> list[GitHubPublisher]:
        return [self._publisher]

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any] | None:
        return self._says.gate_evidence(question)


def gate_on(state: Path, bundle: Bundle, engine: EmbeddedEngine, url: str, token: str) -> Gate:
    platform = FakePlatform(runs={})
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": Publishing(url, token, state)})
    return open_gate(state, bundle, engine, platform, plugins=plugins)


def nursery() -> None:
    """Make a child for every line that is read, which promotes a release and publishes it; tell how each ends.

    The children are forks, since a program that starts anew takes most of a second to do so.
    """
    engine: EmbeddedEngine | None = None
    for line in sys.stdin:
        told: dict[str, Any] = json.loads(line)
        state = Path(told["state"])
        if engine is None:
            bundle = bundle_in(Path(told["policies"]))
            engine = EmbeddedEngine(bundle)
        pid = os.fork()
        if pid == 0:
            try:
                gate = gate_on(state, bundle, engine, told["url"], told["token"])
                gate.run(deploy(A), ACTOR)
                gate.run(promote(version=V), ACTOR)
            except BaseException:  # noqa: BLE001  # a fork must end here, and must not be taken for a killed one
                traceback.print_exc()
                os._exit(3)
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


class Nursery:
    def __init__(self, policies: Path) -> None:
        self._policies = policies
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.line.test_publishing_crashes import nursery; nursery()"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def promote(self, github: DeadlyGitHub, token: str, state: Path) -> int:
        """The exit code of a process that promotes and publishes; of a killed one, the signal below zero."""
        assert self._process.stdin and self._process.stdout
        told = {"state": str(state), "policies": str(self._policies), "url": github.url, "token": token}
        print(json.dumps(told), file=self._process.stdin, flush=True)
        github.name(int(self._process.stdout.readline()))
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(10) == 0


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("policies"))
    yield made
    made.close()


def shop_of(github: FakeGitHub) -> tuple[Repository, str]:
    shop = github.add_repository(REPOSITORY)
    first = shop.commit("Sell outboards")
    shop.commit("Show prices with tax", sha=A.source_git_ref)
    shop.release("v0.2.9", first)
    return shop, github.add_token({REPOSITORY: {"contents": "write"}}, kind="personal")


def kind(method: str, path: str) -> str:
    """A request, as it is called above."""
    below = path.partition("?")[0].removeprefix(f"/repos/{REPOSITORY}")
    for start, name in {
        "/user": "user",
        "/git/ref/tags/v0.2.9": "the tag before",
        "/git/ref/tags/0.2.10": "twin",
        "/git/ref": "tag",
        "/releases/tags/": "published",
        "/releases/latest": "latest",
        "/releases/": "draft",
        "/compare/": "comparison",
        "/releases": "draft" if method == "POST" else "releases",
    }.items():
        if below.startswith(start):
            return f"{method} {name}"
    return f"{method} repository"


def test_the_requests_are_these(children: Nursery, tmp_path: Path) -> None:
    with DeadlyGitHub() as github:
        shop, token = shop_of(github)
        assert children.promote(github, token, tmp_path) == 0
        assert [kind(one.method, one.path) for one in github.requests] == REQUESTS
        assert shop.refs[f"refs/tags/{V}"] == A.source_git_ref


WRITES = [at for at, name in enumerate(REQUESTS) if not name.startswith("GET")]

# Around every write; and of the reads between two, which change nothing, the outermost.
MOMENTS: list[tuple[int, When]] = [
    (0, "before"),
    *((at, when) for at in WRITES for when in get_args(When)),
    *((at + 1, "before") for at in WRITES),
    (len(REQUESTS) - 1, "after"),
]


@pytest.mark.parametrize(("at", "when"), MOMENTS, ids=[f"{when} {at} {REQUESTS[at]}" for at, when in MOMENTS])
def test_what_a_killed_process_left_is_finished_by_the_next(  # noqa: PLR0917  # fixtures
    children: Nursery, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, at: int, when: When
) -> None:
    with DeadlyGitHub() as github:
        shop, token = shop_of(github)
        github.kill(at, when)
        assert children.promote(github, token, tmp_path) == -signal.SIGKILL
        with gate_on(tmp_path, bundle, engine, github.url, token) as gate:
            run_id = gate.ledger.runs()[0]
            run = read_run(gate.ledger, run_id)
            assert run.status == "recorded" and run.publication and not run.publication.published
            begun = (at, when) >= (len(WHO), "") and "how it ended is not known"
            assert (begun or "it was not begun") in run.publication.detail
            for _ in range(2):
                finished = gate.publish(run_id, ACTOR)
                assert finished.publication and finished.publication.published, finished.publication
            assert gate.ledger.verify().wrong == ()
        assert [(one.tag_name, one.draft) for one in shop.releases] == [("v0.2.9", False), (V, False)]
        assert shop.refs[f"refs/tags/{V}"] == A.source_git_ref
        writes = [kind(one.method, one.path) for one in github.requests if one.method != "GET"]
        assert {name: writes.count(name) for name in writes} == {
            name: 2 if (REQUESTS[at], when) == (name, "before") else 1
            for name in ("POST draft", "POST tag", "PATCH draft")
        }
        assert github.violations == []


SETTINGS = """
[plugins.github]
base_url = "{url}"
token = {{ env = "SHOP_RELEASES" }}
release_identity = {{ token = {{ env = "SHOP_RELEASES" }} }}
[plugins.github.products.{product}]
"""


def test_the_program_says_what_is_missing_and_finishes_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promotion whose answer to the last step is lost, a `publish` that is killed, and two that find it done."""
    site = make_site(tmp_path / "site")
    with DeadlyGitHub() as github:
        shop = github.add_repository(REPOSITORY)
        shop.commit(sha=NEW)
        monkeypatch.setenv("SHOP_RELEASES", github.add_token({REPOSITORY: {"contents": "write"}}, kind="personal"))
        with site.settings.open("a") as settings:
            settings.write(SETTINGS.format(url=github.url, product=PRODUCT))
        try:
            assert site.deploy(NEW).exit_code == 0
            github.break_next("POST */releases", "502_after")
            github.break_next("POST */git/refs", "502")
            said = site.promote("--bump", "minor")
        finally:
            clear(site)
        assert said.exit_code == 6 and "the release v0.1.0 is not out" in said.out, said
        found = re.search(r"publish (r-\w+)", said.out)
        assert found and [(one.tag_name, one.draft) for one in shop.releases] == [("v0.1.0", True)]

        shown = site.run("runs", "show", found[1]).out
        assert "v0.1.0 is not out: " in shown and f"launchplane-gate publish {found[1]}" in shown

        github.kill(len(WHO) + 11, "before")  # the second write, as a draft is there
        process = site.process("publish", found[1])
        github.name(process.pid)
        process.communicate(timeout=20)
        assert process.returncode == -signal.SIGKILL and shop.refs["refs/tags/v0.1.0"] == NEW
        assert [one.draft for one in shop.releases] == [True]

        for _ in range(2):
            said = site.run("publish", found[1])
            assert said.exit_code == 0 and "Published: v0.1.0" in said.out, said
        assert [(one.tag_name, one.draft) for one in shop.releases] == [("v0.1.0", False)]
        assert "v0.1.0 is out, by octo-author  https://" in site.run("runs", "show", found[1]).out
        assert github.violations == []
