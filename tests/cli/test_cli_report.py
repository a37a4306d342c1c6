"""``inventory report``: what somebody else deployed, as a person reports it and reads what became of that."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from launchplane_gate.demo.release import release_program
from tests.cli.test_cli import NEW, OLD, Said, Site, clear, make_site
from tests.conftest import PRODUCT

pytestmark = pytest.mark.thorough  # tests/line/test_evidence asks the same below the command line


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Testing runs OLD."""
    made = make_site(tmp_path / "site")
    assert made.deploy(OLD).exit_code == 0
    yield made
    clear(made)


def report(site: Site, commit: str, *more: str, lane: str = "testing", artifact: str = "") -> Said:
    named = ["--artifact", artifact or site.artifacts[commit], "--ref", commit]
    return site.run("inventory", "report", f"{PRODUCT}/{lane}", *named, *more)


def test_a_false_report_changes_nothing_and_says_where_it_is_kept(site: Site) -> None:
    said = report(site, NEW)
    assert said.exit_code == 5
    assert said.out.startswith("Not confirmed: that testing runs 41620cf is not proven.")
    assert "Nothing was changed on testing; the inventory says 215f71b." in said.out
    run = site.run("runs", "list", "--output", "json").document["runs"][0]
    kept = next((site.folder / "state").rglob(f"deployment-*{run['run_id'][2:].lower()}.json"))
    assert f"The report is kept as {kept.stem}." in " ".join(said.out.split())
    assert site.promote().exit_code == 0
    refused = report(site, NEW, lane="prod")
    assert refused.exit_code == 1
    assert refused.out.startswith(f"Refused: report {PRODUCT} prod, release 41620cf. Nothing was deployed.")
    assert "x   evidence.approved" in refused.out and "arrives by promotion" in " ".join(refused.out.split())
    assert "prod was seen to be as recorded, and stands as before." in " ".join(refused.out.split())
    assert site.run("inventory", "drift").exit_code == 0


def test_what_is_recorded_already_is_unchanged(site: Site) -> None:
    said = report(site, OLD)
    assert said.exit_code == 0 and said.out.startswith("testing runs 215f71b already")


def test_what_is_seen_to_run_is_recorded(site: Site) -> None:
    """Of a deploy that nobody saw to its end: it came up late."""
    told = site.folder / "told"
    told.write_text(OLD)
    program = release_program(NEW).replace('"revision": REPORTS', f'"revision": open({str(told)!r}).read()', 1)
    (site.folder / "releases" / "late.py").write_text(program)
    artifact = f"local/{PRODUCT}@sha256:{sha256(program.encode()).hexdigest()}"
    late = ["--to", "testing", "--artifact", artifact, "--ref", NEW]
    assert site.run("deploy", PRODUCT, *late).exit_code == 5
    early = report(site, NEW, artifact=artifact)
    assert early.exit_code == 5 and "testing is unsettled" in early.out
    assert f"look again:   launchplane-gate inventory reconcile {PRODUCT}/testing" in early.out
    told.write_text(NEW)
    said = report(site, NEW, artifact=artifact)
    assert said.exit_code == 0
    assert said.out.startswith(f"Reported: {PRODUCT} 41620cf on testing\n")
    assert "testing runs 41620cf (was 215f71b)" in said.out
    assert site.promote().exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["inventory", "report", PRODUCT, "--artifact", "a", "--ref", "b"], "name one lane: PRODUCT/LANE"),
        (["inventory", "report", f"{PRODUCT}/Prod", "--artifact", "a", "--ref", "b"], "PRODUCT/LANE: 'Prod' is not"),
        (["inventory", "report", f"{PRODUCT}/staging", "--artifact", "a", "--ref", "b"], "has no lane 'staging'"),
        (["inventory", "report", f"{PRODUCT}/testing", "--artifact", "a"], "Missing option '--ref'"),
        (["inventory", "report", "nothing/testing", "--artifact", "a", "--ref", "b"], "unknown product 'nothing'"),
    ],
)
def test_bad_usage_names_what_is_wrong(site: Site, arguments: list[str], says: str) -> None:
    said = site.run(*arguments)
    assert said.exit_code == 2 and says in said.err
