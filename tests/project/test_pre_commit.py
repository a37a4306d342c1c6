"""The hooks for pre-commit name commands that there are, run on what they are about, and fail where they should."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from launchplane_gate.cli import program
from tests.places import POLICIES, ROOT

pytestmark = pytest.mark.thorough  # loads and tests the policies, several times

HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
IDS = ["launchplane-gate-policy-check", "launchplane-gate-policy-test"]


@pytest.mark.parametrize("hook", HOOKS, ids=IDS)
def test_a_hook_passes_good_policies_and_fails_others(hook: dict[str, Any], tmp_path: Path) -> None:
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "data.json").write_text(json.dumps({"products": {}}))
    name, *command = shlex.split(hook["entry"])
    assert name == "launchplane-gate"
    assert CliRunner().invoke(program, [*command, str(tmp_path)]).exit_code == 0
    (tmp_path / "gate" / "rules" / "extra").mkdir(parents=True)
    (tmp_path / "gate" / "rules" / "extra" / "wanted.rego").write_text("package gate.rules.extra.wanted\n")
    assert CliRunner().invoke(program, [*command, str(tmp_path)]).exit_code != 0


def test_each_hook_looks_at_the_files_that_it_is_about() -> None:
    check, test = (re.compile(hook["files"]) for hook in HOOKS)
    assert [hook["id"] for hook in HOOKS] == IDS
    ours = [path.relative_to(ROOT).as_posix() for path in POLICIES.rglob("*") if path.is_file()]
    cases = [path for path in ours if "/cases/" in path]
    assert cases and [path for path in cases if not test.search(path) or check.search(path)] == []
    others = [path for path in ours if path not in cases and not path.endswith(".md")]
    assert [path for path in others if not (check.search(path) and test.search(path))] == []
    for path in ("config/data.json", "cases/stale.yml"):
        assert test.search(path)
    assert not test.search("package.json") and not test.search("src/app.py")
