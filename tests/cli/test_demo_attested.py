"""The demo is told to its end, on a GitHub of its own: a page of what came of it, a release, and an attestation."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from launchplane_gate.attestation import PROMOTION
from launchplane_gate.demo.workspace import PRODUCT
from launchplane_gate.strictjson import sha256
from tests.fakes.github import FakeGitHub
from tests.fakes.github.stage import RELEASED, REPOSITORY, SECOND, set_up
from tests.keys import verified
from tests.picture import PAGE, WIDTH, demo, drawn

pytestmark = pytest.mark.thorough  # it takes as long as it is told


def test_the_demos_release_carries_one_attestation_and_its_page_tells_what_came_of_each_step(tmp_path: Path) -> None:
    kept = tmp_path / "story"
    with FakeGitHub() as github:
        stage = tmp_path / "github.toml"
        stage.write_text(set_up(github, tmp_path / "app.pem").toml())
        told = demo("--keep", str(kept), "--github-stage", str(stage))
        assert told.returncode == 0, told.stdout + told.stderr
        [before, release] = github.repositories[REPOSITORY].releases
        assert (before.tag_name, release.tag_name, release.draft) == (RELEASED, "v0.2.10", False)
        [asset] = release.assets
        assert github.violations == []
    content = (kept / "state" / "attestations" / asset.name).read_bytes()
    assert asset.digest == f"sha256:{sha256(content)}"
    key = load_pem_public_key((kept / "attest.pub").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    predicate = verified(content, key)["predicate"][PROMOTION]
    assert (predicate["version"], predicate["sourceGitRef"]) == ("v0.2.10", SECOND)
    assert asset.name == f"{predicate['run']}.intoto.json"
    assert (kept / "attest.pem").stat().st_mode & 0o777 == 0o600
    drawn(told.stdout, tmp_path / "demo.svg")
    picture = (tmp_path / "demo.svg").read_text()
    assert SECOND[:7] in picture and "v0.2.10" in picture
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told.stdout)
    see_that_it_is_short(plain)
    see_that_the_page_is_true(plain, kept)


def see_that_it_is_short(told: str) -> None:
    """A line or two a step, but for those that did not end well."""
    steps = re.split(r"^(?= ?\d+  )", told.partition("What was tried")[0], flags=re.MULTILINE)[1:]
    assert len(steps) == 15
    for step in steps:
        lines = step.strip("\n").splitlines()
        assert "$ " in step or (len(lines) <= 5 and all(len(line) <= WIDTH for line in lines)), step
        assert lines[-1].endswith(".") or re.search(r"recorded: \w+ runs [0-9a-f]{7}", lines[-1]) or "$ " in step, step
    assert [step[:2].strip() for step in steps if "$ " in step] == ["4", "5", "6", "7", "8", "12"]


def see_that_the_page_is_true(told: str, kept: Path) -> None:
    """It is held to what the records say that this story has left."""
    found = PAGE.search(told)
    assert found
    page = [line for line in found[0].splitlines() if "   " in line]
    assert all(len(line) <= WIDTH for line in page)
    rows = [re.split(r" {3,}", line.strip()) for line in page[1:]]
    runs = [run for run in reversed(listed(kept, "runs", "list")["runs"]) if run["action"] in ("deploy", "promote")]
    said = {"denied": "refused: ", "stale": "refused: no longer true", "fail": "failed", "unconfirmed": "not confirmed"}
    for row, run in zip(rows[:-1], runs, strict=True):
        ended = str(run["status"])
        assert row[2].startswith(said.get(ended, "it runs there" if ended == "unchanged" else "recorded")), (row, run)
    lanes = listed(kept, "lanes", PRODUCT)["lanes"]
    assert rows[-1] == ["as the lanes stand now", *(lane["runs"]["source_git_ref"][:7] for lane in lanes)]


def listed(kept: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "launchplane_gate", *arguments, "--output", "json"]
    return json.loads(subprocess.run(command, cwd=kept, capture_output=True, check=True).stdout)


def test_a_demo_that_is_told_to_end_stops_what_it_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "launchplane_gate", "demo", "--keep", str(tmp_path / "story")]
    environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as told:
        assert told.stdout
        next(line for line in told.stdout if "prod runs" in line)
        started = psutil.Process(told.pid).children(recursive=True)
        serving = [json.loads(path.read_text())["pid"] for path in (tmp_path / "story").rglob("process.json")]
        told.send_signal(signal.SIGTERM)
        assert told.wait(60) == 130
    _, left = psutil.wait_procs(started, timeout=10)
    assert left == [] and len(serving) == 2
    end = time.monotonic() + 10
    while any(map(psutil.pid_exists, serving)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(psutil.pid_exists, serving))
