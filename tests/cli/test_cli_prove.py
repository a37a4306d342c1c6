"""``prove`` at the command line: one lane, several, or all, each with an exit code that cron can rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from launchplane_gate.demo.workspace import PRODUCT, two_free_ports
from tests.cli.test_cli import OLD, Site, clear, make_site

pytestmark = pytest.mark.thorough  # tests/cli/test_prove asks the same below the command line

OTHER = """
[products.other]
repository = "cbusillo/other"
driver = "local"
image = "local/other"

[products.other.lanes.trial]
health_url = "http://127.0.0.1:{port}/health"
target = {{ port = {port} }}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """OLD runs on testing and prod of one product; of another, which is promoted nowhere, nothing runs."""
    made = make_site(tmp_path_factory.mktemp("proven") / "site")
    with made.settings.open("a") as settings:
        settings.write(OTHER.format(port=two_free_ports()[0]))
    for said in (made.deploy(OLD), made.promote()):
        assert said.exit_code == 0, said
    yield made
    clear(made)


def test_a_product_stands_for_the_lane_that_it_is_promoted_to(site: Site) -> None:
    alone = site.run("prove", PRODUCT, "--output", "json")
    assert alone.exit_code == 0
    assert (alone.document["lane"]["instance"], alone.document["verdict"]) == ("prod", "one")
    assert len(alone.document["by_commit"]) == 1
    for other in ([f"{PRODUCT}/prod"], [PRODUCT, "--lane", "prod"], [PRODUCT, f"{PRODUCT}/prod"]):
        assert site.run("prove", *other, "--output", "json").document.keys() == alone.document.keys()


def test_several_lanes_are_one_document_and_the_worst_of_them_counts(site: Site) -> None:
    said = site.run("prove", f"{PRODUCT}/testing", f"{PRODUCT}/prod", "--output", "json")
    assert (said.exit_code, said.document["verdict"]) == (0, "one")
    assert [proof["lane"]["instance"] for proof in said.document["proofs"]] == ["testing", "prod"]
    with_empty = site.run("prove", PRODUCT, "other", "--output", "json")
    assert (with_empty.exit_code, with_empty.document["verdict"]) == (8, "empty")


def test_an_empty_lane_says_that_nothing_runs_with_an_exit_code_of_its_own(site: Site) -> None:
    said = site.run("prove", "other")
    assert said.exit_code == 8
    assert said.out.startswith("Nothing runs: other/trial. No release was ever recorded there, and none is seen.")


def test_all_tells_of_an_empty_lane_and_passes_over_it(site: Site) -> None:
    said = site.run("prove", "--all")
    assert said.exit_code == 0
    assert "One: everything that names the release of sellyouroutboard/prod" in said.out
    assert "Nothing runs: other/trial." in said.out
    document = site.run("prove", "--all", "--output", "json").document
    assert document["verdict"] == "one"
    assert [proof["verdict"] for proof in document["proofs"]] == ["empty", "one"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--all", PRODUCT],
        ["--all", "--lane", "prod"],
        [PRODUCT, "other", "--lane", "prod"],
        [f"{PRODUCT}/prod", "--version", "v1"],
        [PRODUCT, "--lane", "prod", "--version", "v1"],
        [f"{PRODUCT}/nowhere"],
        [PRODUCT, "nobodys"],
    ],
)
def test_what_names_no_lane_is_bad_usage(site: Site, arguments: list[str]) -> None:
    assert site.run("prove", *arguments).exit_code == 2


def test_all_of_no_products_proves_nothing(site: Site) -> None:
    empty = site.folder / "empty.toml"
    empty.write_text('schema_version = 1\nstate_dir = "empty"\n')
    said = site.run("prove", "--all", "--config", str(empty))
    assert said.exit_code == 8
    assert "Nothing to prove" in said.out
