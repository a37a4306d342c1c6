"""What is written into a folder, and what is left alone there."""

from __future__ import annotations

import fcntl
import json
import os
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launchplane_gate.errors import UsageError
from launchplane_gate.page.drawing import INDEX, WRITTEN
from launchplane_gate.page.folder import MANIFEST, write

AT = datetime(2026, 5, 7, 14, 2, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PAGES = {INDEX: "first", "products/shop.html": f"shop, written {WRITTEN}", "decisions/d-1.html": "decided"}


def content(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_a_new_folder_gets_every_page(tmp_path: Path) -> None:
    done = write(tmp_path / "a" / "site", PAGES, AT)
    assert content(tmp_path / "a" / "site") == PAGES | {"products/shop.html": "shop, written 2026-05-07 14:02 UTC"}
    assert set(done.written) == set(PAGES) and not done.unchanged and not done.removed
    assert not list(tmp_path.rglob("*.tmp"))


def test_only_what_changed_is_written_again(tmp_path: Path) -> None:
    write(tmp_path, PAGES, AT)
    before = {name: (tmp_path / name).stat().st_ino for name in PAGES}
    done = write(tmp_path, PAGES | {INDEX: "second"}, LATER)
    assert done.written == (INDEX,) and set(done.unchanged) == set(PAGES) - {INDEX}
    assert "14:02" in (tmp_path / "products/shop.html").read_text()
    assert {name for name in PAGES if (tmp_path / name).stat().st_ino != before[name]} == {INDEX}
    write(tmp_path, PAGES | {"products/shop.html": f"moved, written {WRITTEN}"}, LATER)
    assert (tmp_path / "products/shop.html").read_text() == "moved, written 2026-05-07 15:02 UTC"


def test_a_page_that_somebody_changed_is_written_anew(tmp_path: Path) -> None:
    write(tmp_path, PAGES, AT)
    (tmp_path / "products/shop.html").write_text("defaced")
    (tmp_path / "decisions/d-1.html").unlink()
    assert set(write(tmp_path, PAGES, LATER).written) == {"products/shop.html", "decisions/d-1.html"}
    assert "15:02" in (tmp_path / "products/shop.html").read_text()


def test_pages_of_what_is_gone_are_taken_away_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, PAGES, AT)
    others = {"CNAME": "x", "decisions/d-2.html": "mine", "products/notes.txt": "mine"}
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    done = write(tmp_path, {INDEX: "first"}, LATER)
    assert set(done.removed) == {"products/shop.html", "decisions/d-1.html"}
    assert content(tmp_path) == {INDEX: "first", **others}


@pytest.mark.parametrize(
    "named", ["../victim.html", "/victim.html", "a/b/victim.html", "other/victim.html", "victim.txt"]
)
def test_a_manifest_leads_to_nothing_that_is_no_page(tmp_path: Path, named: str) -> None:
    site = tmp_path / "site"
    write(site, PAGES, AT)
    victim = tmp_path / "victim.html" if named.startswith(("..", "/")) else site / named
    victim.parent.mkdir(parents=True, exist_ok=True)
    victim.write_text("mine")
    named = str(victim) if named.startswith("/") else named
    told = json.loads((site / MANIFEST).read_text())
    told["files"][named] = "2026-05-07 14:02 UTC"
    (site / MANIFEST).write_text(json.dumps(told))
    write(site, PAGES, LATER)
    assert victim.read_text() == "mine"


def test_a_folder_with_hidden_files_alone_is_as_good_as_empty(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path, PAGES, AT)
    assert (tmp_path / INDEX).read_text() == "first"


def refused(folder: Path, *, says: str) -> None:
    """Nothing is changed where it is refused."""
    root = folder.parent
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=says) as error:
        write(folder, PAGES, LATER)
    assert error.value.hint
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    refused(tmp_path / "site", says="is not empty, and holds no pages that this wrote: index.html is there")


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", says="file is no folder")
    (tmp_path / "below").mkdir()
    refused(tmp_path / "file" / "site", says="cannot be written: Not a directory")


def test_what_cannot_be_written_is_told_and_no_page_is_half_written(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site, PAGES, AT)
    before = content(site)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))  # as on a disk that is full
    try:
        with pytest.raises(UsageError, match="cannot be written: File too large"):
            write(site, PAGES | {INDEX: "x" * 500}, LATER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert content(site) == before and not list(site.rglob("*.tmp"))


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"files": []}', '{"files": {"index.html"', "\0"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: str) -> None:
    site = tmp_path / "site"
    write(site, PAGES, AT)
    (site / MANIFEST).write_text(manifest)
    refused(site, says="does not say which pages are ours")


def test_what_stands_where_a_page_is_to_stand_is_left_there(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site, {INDEX: "first"}, AT)
    (site / "decisions").mkdir(exist_ok=True)
    (site / "decisions" / "d-1.html").write_text("mine")
    refused(site, says=r"d-1.html is there, and nothing that this wrote")
    (site / "decisions" / "d-1.html").unlink()
    (site / "decisions" / "d-1.html").mkdir()
    refused(site, says="is a folder, where a page is to stand")


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(site, {INDEX: "first"}, AT)
    (site / "products").symlink_to(elsewhere)
    refused(site, says="is no folder of ours")
    (site / "products").unlink()
    write(site, PAGES, AT)
    (tmp_path / "mine").write_text("mine")
    (site / INDEX).unlink()
    (site / INDEX).symlink_to(tmp_path / "mine")
    write(site, PAGES, LATER)
    assert (tmp_path / "mine").read_text() == "mine" and not (site / INDEX).is_symlink()


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site, PAGES, AT)
    descriptor = os.open(site, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        refused(site, says="is being written by another process")
    finally:
        os.close(descriptor)
    assert write(site, PAGES, LATER).unchanged


def test_what_a_killed_process_left_is_known_to_be_ours(tmp_path: Path) -> None:
    write(tmp_path, {INDEX: "first"}, AT)
    told = json.loads((tmp_path / MANIFEST).read_text())
    told["files"] |= {"decisions/d-1.html": "2026-05-07 14:02 UTC", "decisions/d-9.html": "2026-05-07 14:02 UTC"}
    (tmp_path / MANIFEST).write_text(json.dumps(told))  # it is noted before anything else is written
    (tmp_path / "decisions").mkdir()
    (tmp_path / "decisions" / "d-1.html").write_text("dec")
    done = write(tmp_path, PAGES, LATER)
    assert content(tmp_path)["decisions/d-1.html"] == "decided" and done.removed == ("decisions/d-9.html",)


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write(tmp_path / "site", PAGES, AT)
    finally:
        os.umask(before)
    assert (tmp_path / "site" / INDEX).stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "site" / "products").stat().st_mode & 0o777 == 0o755
