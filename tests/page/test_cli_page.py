"""``page``, as it is typed: in a workspace whose releases run, and where policies do not load."""

from __future__ import annotations

from pathlib import Path

from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import LYING, NEW, OLD, Site, busy_site, site
from tests.page.test_drawing import Read

__all__ = ["busy_site", "site"]


def pages(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.html")}


def test_it_is_typed_again_and_again(busy_site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    before = busy_site.files()
    said = busy_site.run("page", str(folder))
    assert said.exit_code == 0
    first, *rest = said.out.splitlines()
    assert first == f"Wrote {len(pages(folder))} pages, 0 are as they were: {folder}/index.html"
    assert rest == ["All 2 lanes are as recorded."]
    assert "41620cf" in Read(pages(folder)["index.html"]).text
    again = busy_site.run("page", str(folder), "--output", "json").document
    assert set(again["written"]) <= {"index.html"}  # unless it was within the same second
    assert again["unchanged"] + len(again["written"]) == len(pages(folder))
    assert again["in_trouble"] == [] and again["not_told"] == [] and again["folder"] == str(folder)
    assert busy_site.files() == before


def test_it_shows_which_lane_is_unsettled_and_why(site: Site, tmp_path: Path) -> None:
    assert site.deploy(OLD).exit_code == 0
    site.settings.write_text(site.settings.read_text().replace('/health"', '/health?token=s3cret"'))
    assert site.deploy(LYING).exit_code == 5
    said = site.run("page", str(tmp_path / "pages"))
    assert said.out.splitlines()[1:] == ["1 of 2 lanes needs a look.", f"  {PRODUCT}/testing   unsettled"]
    shown = pages(tmp_path / "pages")
    first = Read(shown["index.html"]).text
    assert "testing unsettled 215f71b ? which is not proven" in first
    assert "Its last run" not in first and "its last run, a deploy of e5a83b1, ended unconfirmed" in first
    assert not [name for name, page in shown.items() if "s3cret" in page]


def test_what_is_public_is_written_over_what_is_not(busy_site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    busy_site.run("page", str(folder))
    actor = busy_site.run("runs", "list", "--output", "json").document["runs"][0]["actor"]["subject"]
    assert actor in pages(folder)["index.html"]
    assert busy_site.run("page", "--public", str(folder)).exit_code == 0
    for page in pages(folder).values():
        assert actor not in page and "127.0.0.1" not in page


def test_it_shows_what_is_on_record_where_policies_do_not_load(site: Site, tmp_path: Path) -> None:
    site.deploy(OLD)
    decided = site.folder / "policies" / "config" / "data.json"
    kept = decided.read_text()
    decided.write_text("{")
    said = site.run("page", str(tmp_path / "pages"))
    assert said.exit_code == 0
    assert "Not told: what can be promoted, which waivers are in force" in said.out
    assert "policies/config/data.json" in said.out
    shown = pages(tmp_path / "pages")
    first = Read(shown["index.html"]).text
    assert "Not told: what can be promoted" in first and "testing settled 215f71b" in first
    assert "9 rules, none refuses" in "".join(Read(page).text for page in shown.values())
    public = site.run("page", "--public", str(tmp_path / "pages"))
    assert public.exit_code == 0 and "config/data.json" not in "".join(pages(tmp_path / "pages").values())
    decided.write_text(kept)
    assert "Not told" not in site.run("page", str(tmp_path / "pages")).out


def test_it_shows_what_is_on_record_while_the_engine_is_away(site: Site, tmp_path: Path) -> None:
    site.deploy(OLD)
    away = 'engine = "opa"\nopa.url = "http://127.0.0.1:1"'
    site.settings.write_text(site.settings.read_text().replace('engine = "embedded"', away))
    said = site.run("page", str(tmp_path / "pages"), "--output", "json")
    assert said.exit_code == 0, said
    first = Read(pages(tmp_path / "pages")["index.html"]).text
    assert "testing settled 215f71b" in first and "could not be asked" in first
    assert "Not told: what can be promoted." in first and "127.0.0.1:1" in first
    assert "127.0.0.1:1" in said.document["not_told"][0]["why"]
    told = site.run("page", "--public", str(tmp_path / "pages"))
    assert "Not told" in told.out
    assert "127.0.0.1" not in "".join(pages(tmp_path / "pages").values())


def test_a_folder_that_is_not_ours_is_bad_usage(busy_site: Site, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    said = busy_site.run("page", str(tmp_path))
    assert said.exit_code == 2 and said.out == ""
    assert said.err.splitlines()[-2:] == [
        f"launchplane-gate: {tmp_path} is not empty, and holds no pages that this wrote: notes.txt is there",
        "  Nothing was written. Name a new folder, or an empty one.",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_before_anything_has_run_there_is_a_page_too(site: Site, tmp_path: Path) -> None:
    assert site.run("page", str(tmp_path / "pages")).exit_code == 0
    assert "nothing has run here" in Read(pages(tmp_path / "pages")["index.html"]).text
    assert NEW not in pages(tmp_path / "pages")["index.html"]
