"""A folder of one's own with cases in it, on the shipped policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from launchplane_gate.authoring.cases.case import Case
from launchplane_gate.authoring.cases.reading import read_cases
from launchplane_gate.authoring.cases.running import run_cases
from launchplane_gate.authoring.rego_tests import TestResult
from launchplane_gate.authoring.schema import shipped_schema
from launchplane_gate.policy import BadForm, load_bundle, shipped_policies

Run = Callable[[str], TestResult]
Refused = Callable[[str], list[str]]


def read(folder: Path, files: Mapping[str, str]) -> list[Case]:
    """The cases of a folder with these files, below the shipped policies; those of the shipped ones left out."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    bundle = load_bundle([shipped_policies(), folder])
    return [case for case in read_cases(bundle, shipped_schema("authoring")) if case.file.startswith(str(folder))]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the one case that a text is, on the embedded engine."""

    def result_of(text: str) -> TestResult:
        [result] = run_cases(read(tmp_path, {"cases/one.yaml": text}))
        return result

    return result_of


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """What is wrong with a text, as ``LINE: MESSAGE. REMEDY``."""

    def findings_in(text: str) -> list[str]:
        with pytest.raises(BadForm) as error:
            read(tmp_path, {"cases/one.yaml": text})
        assert {finding.file for finding in error.value.findings} == {str(tmp_path / "cases/one.yaml")}
        return [f"{finding.line}: {finding.message}. {finding.remedy}" for finding in error.value.findings]

    return findings_in
