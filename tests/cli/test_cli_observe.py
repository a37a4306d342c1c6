"""A product that is observed, on the command line: what is done all the same, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import NEW, OLD, Said, Site, clear, make_site

pytestmark = pytest.mark.thorough  # tests/line/test_observe asks the same below the command line

TABLE = f"[products.{PRODUCT}]\n"
OBSERVED = f"{PRODUCT} is observed, not enforced"


def observe(site: Site) -> None:
    site.settings.write_text(site.settings.read_text().replace(TABLE, f'{TABLE}mode = "observe"\n'))


@dataclass(frozen=True)
class Story:
    """What was said, and where."""

    site: Site
    deployed: Said
    promoted: Said
    half: Said


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """OLD was deployed; then NEW went to prod, where nothing proves it on testing. For tests that only read."""
    site = make_site(tmp_path_factory.mktemp("observed") / "site")
    observe(site)
    deployed = site.deploy(OLD)
    promoted = site.promote("--ref", NEW, "--artifact", site.artifacts[NEW])
    yield Story(site, deployed, promoted, site.promote("--ref", NEW))
    clear(site)


@pytest.fixture
def observed_site(story: Story) -> Site:
    return story.site


def test_a_run_says_that_it_was_observed_and_what_stood_against_it(story: Story) -> None:
    assert story.deployed.out.endswith("Observed, not enforced. The policies allowed it.\n")
    promoted = story.promoted
    assert (story.deployed.exit_code, promoted.exit_code) == (0, 0)
    steps = [line.split()[0] for line in promoted.out.splitlines()[:5]]
    assert steps == ["Promote", "observed", "deployed", "confirmed", "recorded"]
    against = "Observed, not enforced. Enforced policies would have refused it:\n  x   inventory.source_current"
    assert against in promoted.out
    assert "To enforced policies prod is unsettled, and 41620cf has not run there." in promoted.out
    assert promoted.out.endswith(f"launchplane-gate observe report {PRODUCT}\n")


def test_what_would_be_deployed_has_to_be_known_in_any_mode(story: Story) -> None:
    assert story.half.exit_code == 1
    assert "It was refused all the same: what it would deploy is not known." in story.half.out


def test_lanes_doctor_and_decisions_name_the_mode(observed_site: Site) -> None:
    lanes = observed_site.run("lanes")
    assert f"{OBSERVED}: what its policies refuse is done all the same." in lanes.out
    assert "because         its last run, a promotion of 41620cf, was only observed" in lanes.out
    document = observed_site.run("lanes", "--output", "json").document
    assert {lane["mode"] for lane in document["lanes"]} == {"observe"}
    doctor = observed_site.run("doctor")
    assert f"{PRODUCT} mode" in doctor.out and "observed, not enforced" in doctor.out
    listed = observed_site.run("decisions", "list").out
    assert "observed: inventory.source_current" in listed and "refused" not in listed
    decisions = observed_site.run("decisions", "list", "--output", "json").document["decisions"]
    assert {one["mode"] for one in decisions} == {"observe"}
    refused = next(one["decision_id"] for one in decisions if not one["allowed"])
    shown = observed_site.run("decisions", "show", refused).out
    assert f"{refused}  Would be refused, and is only observed: promote" in shown
    assert "mode       observe: nothing was refused" in shown


def test_a_check_says_what_would_be(observed_site: Site) -> None:
    said = observed_site.run("check", "deploy", PRODUCT, "--to", "prod", "--artifact", "any", "--ref", NEW)
    assert said.exit_code == 1
    assert said.out.startswith("Would be refused, and is only observed: deploy")


def test_the_report_is_told_to_people_and_to_programs(observed_site: Site) -> None:
    said = observed_site.run("observe", "report")
    assert said.exit_code == 0
    assert said.out.startswith(f"{OBSERVED}: what its policies refuse is done all the same.\n")
    assert "Of 2 requests that were observed, 1 request would have been refused." in said.out
    row = next(line for line in said.out.splitlines() if line.startswith("inventory.source_current"))
    assert "promotion testing -> prod   1" in row
    told = observed_site.run("observe", "report", PRODUCT, "--since", "1h", "--output", "json").document["products"]
    assert [(one["mode"], one["requests"], one["overlooked"]) for one in told] == [("observe", 2, 1)]
    assert (
        told[0]["refusals"][0] | {"code": "inventory.source_current", "times": 1, "cured_by": ""}
        == (told[0]["refusals"][0])
    )
    later = observed_site.run("observe", "report", "--since", "2099-01-01T00:00:00Z")
    assert "Nothing was asked while it was observed since 2099-01-01." in later.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--since", "yesterday"], "since: 'yesterday' is neither a moment"), (["nothing"], "unknown product 'nothing'")],
)
def test_a_report_of_nothing_there_is_names_what_is_wrong(observed_site: Site, arguments: list[str], says: str) -> None:
    said = observed_site.run("observe", "report", *arguments)
    assert (said.exit_code, says in said.err) == (2, True)
