"""A folder of policies may have cases in it; they are tests for tools, and no part of what decides."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from launchplane_gate.policy import BadForm, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.packing import packed
from tests.opa import needs_opa, run


def test_cases_change_neither_the_revision_nor_what_is_packed(tmp_path: Path) -> None:
    plain = load_bundle([shipped_policies(), tmp_path])
    (tmp_path / "cases/deep").mkdir(parents=True)
    (tmp_path / "cases/deep/one.yaml").write_text("no case at all: [")  # what decides does not read it
    (tmp_path / "cases/README.md").write_text("Notes.")
    (tmp_path / "cases/.schema.json").write_text("{}")
    bundle = load_bundle([shipped_policies(), tmp_path])
    assert bundle.revision == plain.revision
    assert packed(bundle) == packed(plain)
    with tarfile.open(fileobj=io.BytesIO(packed(bundle))) as archive:
        assert not [name for name in archive.getnames() if "cases/" in name]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("one.yml", r"one.yml:1: cases/ holds \*.yaml and \*.md. Call it \*.yaml."),
        ("one.rego", r"one.rego:1: cases/ holds \*.yaml and \*.md. Move it elsewhere."),
        ("data.yaml", r"data.yaml:1: OPA takes a file of this name for data of the policies. Call it otherwise."),
    ],
)
def test_whatever_else_stands_among_cases_is_refused(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / name).write_text("")
    with pytest.raises(BadForm, match=says):
        load_bundle([shipped_policies(), tmp_path])


def test_a_case_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/one.yaml").symlink_to("/etc/hostname")
    with pytest.raises(BadForm, match="is a link, and may show another file tomorrow"):
        load_bundle([shipped_policies(), tmp_path])


@needs_opa
def test_opa_takes_the_folder_with_its_cases_as_it_is(tmp_path: Path) -> None:
    done = run("eval", "--bundle", shipped_policies(), "--format", "raw", "object.keys(data)")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.strip("[]\n").replace('"', "").replace(" ", "").split(",")) == [
        "config",
        "gate",
        "gate_test",
    ]
