"""The comment on a pull request: one, of the right one, of what the gate could have said and nothing else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from launchplane_gate.report.markdown import document
from launchplane_gate.report.points import Place, Point, Report
from tests.fakes.pull_requests import BOT, REPOSITORY, TOKEN, FakePullRequests, zipped
from tests.places import ROOT

FOLDER = ROOT / ".github" / "actions" / "policy-comment"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text())
HEAD = "9c1d2e0" + "0" * 33
OURS, FORK = 7, 8  # ids of repositories
POLICIES, PROMOTION = "launchplane-gate-policies", "launchplane-gate-promotion"
HOSTILE = "[x](https://evil.example.org) <img src=//evil> @everyone #1 ![y](z) `::error::` | www.evil.example | **b**"


def the_program() -> Any:
    found = importlib.util.spec_from_file_location("comment", ROOT / ".github" / "gate" / "comment.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


PROGRAM = the_program()


@pytest.fixture
def github() -> Iterator[FakePullRequests]:
    """Pull request 12 is open, of a branch of the repository itself; 13 of a fork."""
    with FakePullRequests() as made:
        made.open_pull(12, REPOSITORY, "tighter/hours&more", HEAD, OURS)
        made.open_pull(13, "mallory/shop", "tighter/hours&more", HEAD, FORK)
        yield made


def run_of(repository: str = REPOSITORY, number: int = OURS, **more: Any) -> dict[str, Any]:
    """What GitHub says of the run, ``pull_requests`` as it does of a fork."""
    owner = {"login": repository.partition("/")[0]}
    head = {"id": number, "full_name": repository, "owner": owner}
    told = {"id": 501, "event": "pull_request", "conclusion": "failure", "head_sha": HEAD, "pull_requests": []}
    return {**told, "head_branch": "tighter/hours&more", "head_repository": head, **more}


def commented(github: FakePullRequests, folder: Path, run: dict[str, Any], *, code: int = 0, token: str = TOKEN) -> str:
    """The step of the action, run as a runner runs it; what it says."""
    [step] = ACTION["runs"]["steps"]
    (folder / "event.json").write_text(json.dumps({"workflow_run": run}))
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_ACTION_PATH": str(FOLDER),
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_API_URL": github.url,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": REPOSITORY,
            "TOKEN": token,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code and "Traceback" not in done.stdout, done.stdout
    return done.stdout


def report(message: str) -> str:
    """Of the gate, about what others wrote."""
    point = Point(message, message, "fail", message, message, f"Type `{message}`", Place("a.yaml", 3))
    return "## The gate on this pull request, 1 of 1 did not pass\n\n" + document(
        Report("check", message, [point], [(message, message)]), 1
    )


def test_one_comment_is_written_and_brought_up_to_date(github: FakePullRequests, tmp_path: Path) -> None:
    for number in range(120):  # more than a page
        github.say(12, "alice", f"{PROGRAM.MARK} as the gate says, number {number}")
    first, second = report("1 test failed"), report("0 of 1 proposal allowed")
    github.upload(501, "logs", b"of somebody else")
    github.upload(501, POLICIES, zipped({"report.md": b"of the attempt before"}))
    github.upload(501, POLICIES, zipped({"report.md": first.encode()}))
    github.upload(501, PROMOTION, zipped({"report.md": second.encode()}))
    assert "A comment was written on #12." in commented(github, tmp_path, run_of())
    [body] = [one["body"] for one in github.comments[12] if one["user"]["login"] == BOT]
    link = "[this run](https://github.com/acme/shop/actions/runs/501)"
    assert body.startswith(f"{PROGRAM.MARK}\nWhat {link} says of 9c1d2e0.\n\n## The gate on")
    assert first in body and second in body and body.index(first) < body.index(second)
    github.upload(502, POLICIES, zipped({"report.md": report("all passed").encode()}))
    assert "brought up to date" in commented(github, tmp_path, run_of(id=502))
    [body] = [one["body"] for one in github.comments[12] if one["user"]["login"] == BOT]
    assert "all passed" in body and "1 test failed" not in body
    assert "brought up to date" in commented(github, tmp_path, run_of(id=503, conclusion="success"))
    assert "Nothing is changed here" in github.comments[12][-1]["body"] and github.comments[13] == []


def test_what_a_fork_proposes_is_told_on_its_own_pull_request(github: FakePullRequests, tmp_path: Path) -> None:
    github.upload(501, POLICIES, zipped({"report.md": report(HOSTILE).encode(), "number": b"12"}))
    commented(github, tmp_path, run_of("mallory/shop", FORK))
    [one] = github.comments[13]
    assert PROGRAM.OF_A_FORK in one["body"] and "everyone" in one["body"] and github.comments[12] == []


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (run_of(head_sha="a" * 40), "0 open pull requests"),  # pushed to since
        (run_of(number=99), "0 open pull requests"),  # a repository that took the name
        (run_of(head_repository=None), "0 open pull requests"),
        (run_of(head_branch="other"), "0 open pull requests"),
        (run_of(event="push"), "no run of a pull request"),
        (run_of(conclusion="success"), "changes nothing that is looked at"),
    ],
)
def test_nothing_is_written_where_it_is_not_known_on_what(
    github: FakePullRequests, tmp_path: Path, run: dict[str, Any], said: str
) -> None:
    assert said in commented(github, tmp_path, run) and github.writes == 0


def test_of_two_pull_requests_of_one_head_none_is_guessed(github: FakePullRequests, tmp_path: Path) -> None:
    github.open_pull(14, REPOSITORY, "tighter/hours&more", HEAD, OURS)
    assert "2 open pull requests" in commented(github, tmp_path, run_of()) and github.writes == 0


@pytest.mark.parametrize(
    "content",
    [
        zipped({"report.md": HOSTILE.encode()}),
        zipped({"report.md": b"## Fine\n" + b"a" * 200_000}),
        zipped({"report.md": b"x" * 50_000_000}),
        zipped({"report.md": b"\xff\xfe"}),
        zipped({"../report.md": b"## Fine\n"}),
        zipped({"report.md": b"## Fine\n"})[:-30],
        b"no archive",
        b"PK" + b"a" * 200_000,
    ],
    ids=["hostile", "long", "bomb", "no-text", "elsewhere", "cut", "none", "large"],
)
def test_what_the_gate_did_not_write_is_not_shown(github: FakePullRequests, tmp_path: Path, content: bytes) -> None:
    github.upload(501, POLICIES, content)
    commented(github, tmp_path, run_of("mallory/shop", FORK))
    [one] = github.comments[13]
    assert one["body"].endswith(f"\n\n{PROGRAM.UNTOLD}")


@pytest.mark.parametrize("code", [401, 403])
def test_what_github_does_not_take_is_told(github: FakePullRequests, tmp_path: Path, code: int) -> None:
    github.denied = True
    said = commented(github, tmp_path, run_of(), code=1, token=TOKEN if code == 403 else "ghs_of_another")
    assert said.startswith(f"::error::The comment was not written. GitHub answered {code} to ")
    assert "ghs_" not in said


@pytest.mark.parametrize("instead", [b"<html>", b"[{}]", b"null", b'{"a": 1}'])
def test_an_answer_in_another_form_is_told(github: FakePullRequests, tmp_path: Path, instead: bytes) -> None:
    github.instead = instead
    said = commented(github, tmp_path, run_of(), code=1)
    assert said.startswith("::error::The comment was not written. GitHub answered in a form of its own (")


def test_whatever_the_gate_can_say_of_others_texts_is_shown() -> None:
    for text in (
        HOSTILE,
        "a.b",
        "&#64;x",
        "![](x)",
        "x\u202e",
        "\\",
        "<!-- -->",
        "~~a~~",
        "a\n# b",
        "$x$",
        "|",
        "é ü 漢",
    ):
        assert PROGRAM.is_of_the_gate(report(text)), text


@pytest.mark.parametrize(
    "line",
    [
        "@everyone",
        "&#64;everyone",
        "&#064;everyone",
        "&#x40;everyone",
        "&commat;everyone",
        "&#35;1",
        "<b>x</b>",
        "<code onclick=x>",
        "<!-- launchplane-gate -->",
        "https://evil.example.org",
        "www.evil.example.org",
        "[x](y)",
        "![x](y)",
        "x `y`",
        "    code",
        "- a",
        "> a",
        "---",
        "#### a",
        "# a",
        "## # a",
        "a\u202eb",
        "a\tb",
        "a | b",
        "a@b.example",
        "**a**",
    ],
)
def test_a_line_that_it_cannot_write_is_none_of_its(line: str) -> None:
    assert not PROGRAM.is_of_the_gate(f"## Fine\n\n{line}\n")
    assert PROGRAM.is_of_the_gate("## Fine\n\n| passed | <code>policy check</code> | 34 rules |\n\nExit code 0.\n")
