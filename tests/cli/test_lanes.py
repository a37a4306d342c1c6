"""``lanes``: the first look of somebody with many products, at three in the morning, in 80 columns."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.cli import program
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session
from launchplane_gate.demo.workspace import PRODUCT
from launchplane_gate.report.layout import Table, cells
from launchplane_gate.report.text import plain
from tests import opa
from tests.cli.test_cli import COMMAND, LYING, NEW, OLD, Site, clear, make_site, site

__all__ = ["site"]

pytestmark = pytest.mark.thorough  # lanes of real processes, looked at by processes of their own

WIDTHS = (60, 80, 100, 120)
ODD = "package gate.rules.mine.odd\n\ndefault satisfied := true\n"


@pytest.fixture(scope="module")
def in_doubt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """OLD was promoted, a promotion of it was refused once more, and what runs on testing is not proven."""
    made = make_site(tmp_path_factory.mktemp("doubt") / "site")
    for said, code in ((made.deploy(OLD), 0), (made.promote(), 0), (made.deploy(NEW), 0), (made.deploy(LYING), 5)):
        assert said.exit_code == code, said
    assert made.promote("--ref", OLD).exit_code == 1
    yield made
    clear(made)


def lanes_in(said: Any) -> dict[str, Any]:
    return {one["lane"]["instance"]: one for one in said.document["lanes"]}


def break_policies(site: Site) -> Path:
    rule = site.folder / "policies" / "gate" / "rules" / "mine" / "odd.rego"
    rule.parent.mkdir(parents=True)
    rule.write_text(ODD)
    return rule


# -- trouble first


def test_trouble_comes_first_and_the_rest_by_product(in_doubt: Site) -> None:
    said = in_doubt.run("lanes")
    first, rest, total = said.out.split("\n\n")
    assert re.match(rf"{PRODUCT}/testing   41620cf\?   .* ago   unsettled\n  because ", first)
    assert f"\n  try again       launchplane-gate deploy {PRODUCT} --to testing --artifact " in first
    assert rest.startswith("LANE ") and f"{PRODUCT}/prod   215f71b" in rest and "testing " not in rest
    assert total == "1 of 2 lanes needs somebody: 1 unsettled.\n"


def test_unsettled_shows_only_what_needs_somebody(in_doubt: Site) -> None:
    said = in_doubt.run("lanes", "--unsettled", "--output", "json")
    assert {name: one["trouble"] for name, one in lanes_in(said).items()} == {"testing": "unsettled"}
    assert f"{PRODUCT}/prod" not in in_doubt.run("lanes", "--unsettled").out


def test_the_exit_status_tells_of_trouble_where_it_is_asked_for(in_doubt: Site, site: Site) -> None:
    assert in_doubt.run("lanes").exit_code == 0
    assert in_doubt.run("lanes", "--exit-status").exit_code == 1
    assert in_doubt.run("lanes", "--unsettled", "--exit-status", "--output", "json").exit_code == 1
    assert site.run("lanes", "--exit-status").exit_code == 0  # nothing has run there
    assert site.deploy(OLD).exit_code == 0
    assert site.run("lanes", "--exit-status").exit_code == 0
    said = site.run("lanes", "--unsettled")
    assert said.out == "2 lanes: all settled, and as recorded.\n"


def test_what_is_held_drifted_or_cannot_be_looked_at_is_trouble_too(site: Site) -> None:
    site.deploy(OLD)
    site.run("lane", "hold", f"{PRODUCT}/prod", "--reason", "the database is being moved")
    held = site.run("lanes", "--exit-status", "--output", "json")
    assert (held.exit_code, lanes_in(held)["prod"]["trouble"]) == (1, "held")
    shown = site.run("lanes", "--unsettled").out
    assert "  held         the database is being moved" in shown
    assert f"  release it   launchplane-gate lane release {PRODUCT}/prod" in shown
    clear(site)  # what runs on testing is stopped behind the gate
    drifted = site.run("lanes", "--exit-status", "--output", "json")
    assert (drifted.exit_code, lanes_in(drifted)["testing"]["trouble"]) == (1, "drifted")
    process = site.folder / "state" / "plugins" / "local" / PRODUCT / "testing" / "process.json"
    process.write_text("torn")
    away = site.run("lanes", "--exit-status", "--output", "json")
    assert (away.exit_code, lanes_in(away)["testing"]["trouble"]) == (1, "not looked at")
    assert re.search(r"  not looked at\n  because +what runs cannot be read: ", site.run("lanes").out)


# -- while nobody can decide


def test_lanes_are_looked_at_while_policies_do_not_load(in_doubt: Site) -> None:
    rule = break_policies(in_doubt)
    try:
        said = in_doubt.run("lanes", "--exit-status")
        assert said.exit_code == 1 and f"{PRODUCT}/testing   41620cf?" in said.out
        assert (
            "\nNot told: what can be promoted, which waivers are in force, and what else only policies know.\n"
            in said.out
        )
        assert f"\n  {rule}:3: `default` would answer where the rule does not." in said.out
        assert "\n  find out more:   launchplane-gate policy check\n" in said.out
        found = in_doubt.run("lanes", "--output", "json")
        testing = lanes_in(found)["testing"]
        assert testing["may_run"] and testing["promotions"] == [] and found.document["not_told"][0]["why"]
        # What the paths are is not known: a deploy may be what they forbid. Going back is known to the ledger.
        assert testing["command"] == "" and testing["back"] == f"launchplane-gate rollback {PRODUCT} --lane testing"
        assert in_doubt.run("lanes", PRODUCT, "--all").exit_code == 0
    finally:
        rule.unlink()
    assert in_doubt.run("check", "promote", PRODUCT).exit_code == 1


def test_nothing_is_promoted_while_policies_do_not_load(site: Site) -> None:
    site.deploy(OLD)
    break_policies(site)
    before = site.files()
    assert site.promote().exit_code == 2
    assert site.files() == before


def test_lanes_are_looked_at_while_opa_is_away(site: Site) -> None:
    site.deploy(OLD)
    url = f"http://{opa.free_address()}"
    on_opa = site.settings.read_text().replace('engine = "embedded"', 'engine = "opa"')
    site.settings.write_text(f'{on_opa}\n[opa]\nurl = "{url}"\n')
    said = site.run("lanes", "--exit-status")
    assert said.exit_code == 0 and "not known whether to prod" in said.out
    assert f"\nNot told: what can be promoted.\n  OPA at {url} cannot be reached: " in said.out
    assert "\n  find out more:   launchplane-gate doctor\n" in said.out
    found = site.run("lanes", "--output", "json")
    [promotion] = lanes_in(found)["testing"]["promotions"]
    assert promotion["unknown"] and not promotion["allowed"] and url in promotion["reason"]
    assert [one["command"] for one in found.document["not_told"]] == ["launchplane-gate doctor"]
    assert "not known whether 215f71b can be promoted from testing" in site.run("lanes", PRODUCT, "--all").out


# -- a product in one screen


def test_a_product_stands_in_one_screen(in_doubt: Site) -> None:
    said = plain(answer(in_doubt, "lanes", PRODUCT, "--all").text, 80).splitlines()
    assert len(said) <= 24
    assert said[0].startswith("testing   41620cf?   unsettled")
    [prod] = [line for line in said if line.startswith("prod ")]
    assert re.fullmatch(r"prod      215f71b    settled since .*, proven by digest and 1 URL", prod)
    assert "  next   nothing comes from testing while it is unsettled" in said
    runs = [line.split() for line in said[said.index("last runs") + 1 :]]
    assert [(run[1], run[2], run[4], run[5]) for run in runs] == [
        ("promote", "41620cf", "prod", "denied"),
        ("deploy", "e5a83b1", "testing", "unconfirmed"),
        ("deploy", "41620cf", "testing", "recorded"),
        ("promote", "215f71b", "prod", "recorded"),
        ("deploy", "215f71b", "testing", "recorded"),
    ]


def test_a_product_in_one_screen_says_what_would_be_refused_and_what_can_be_typed(site: Site) -> None:
    site.deploy(OLD)
    assert f"  next   215f71b can be promoted from testing\n         launchplane-gate promote {PRODUCT}\n" in (
        site.run("lanes", PRODUCT, "--all").out
    )
    policy = site.folder / "policies" / "config" / "data.json"
    decided = json.loads(policy.read_text())
    decided["products"][PRODUCT]["thresholds"] = {"source_soak_s": 3600}
    decided["products"][PRODUCT]["backup"] = {"prod": {"max_age_s": 86400}}
    policy.write_text(json.dumps(decided))
    said = site.run("lanes", PRODUCT, "--all")
    assert "  next   215f71b from testing would be refused:\n" in said.out
    assert "\n         inventory.source_soaked: " in said.out and "\n         backup.present: " in said.out
    [product] = site.run("lanes", PRODUCT, "--all", "--output", "json").document["products"]
    [path] = product["paths"]
    codes = {one["code"] for one in path["offer"]["refused"]}
    assert codes == {"inventory.source_soaked", "backup.present"} and not path["offer"]["allowed"]
    assert product["proofs"]["testing"]["urls"] == 1 and product["runs"][0]["status"] == "recorded"


# -- watching


def read_until(stream: int, wanted: str, within_s: float = 60) -> str:
    said, deadline = "", time.monotonic() + within_s
    while wanted not in said and time.monotonic() < deadline:
        if select.select([stream], [], [], 0.5)[0]:
            said += os.read(stream, 65536).decode()
    assert wanted in said, said
    return said


def test_a_pipe_is_given_a_block_for_each_change_until_ctrl_c(site: Site) -> None:
    site.deploy(OLD)
    watching = site.process("lanes", "--watch")
    first = read_until(watching.stdout.fileno(), "as recorded.\n\n")
    assert re.match(r"As of \d\d:\d\d:\d\d UTC:\n\nLANE ", first) and "215f71b" in first
    site.run("lane", "hold", f"{PRODUCT}/prod", "--reason", "the database is being moved")
    second = read_until(watching.stdout.fileno(), "1 held.\n\n")
    assert second.count("As of ") == 1 and "the database is being moved" in second
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(30)
    assert (watching.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("changes", [True, False])
def test_a_reader_that_goes_away_ends_a_watch(site: Site, *, changes: bool) -> None:
    watching = site.process("lanes", "--watch")
    read_until(watching.stdout.fileno(), "as recorded.\n\n")
    watching.stdout.close()
    if changes:
        site.run("lane", "hold", f"{PRODUCT}/prod", "--reason", "the database is being moved")
    assert (watching.communicate(30), watching.returncode) == (("", ""), 0)


def test_what_goes_wrong_while_somebody_watches_is_shown_until_it_is_mended(site: Site) -> None:
    watching = site.process("lanes", "--watch")
    read_until(watching.stdout.fileno(), "as recorded.\n\n")
    good = site.settings.read_text()
    site.settings.write_text(good.replace("schema_version = 1", "schema_version = "))
    assert "is not TOML" in read_until(watching.stdout.fileno(), "Mend that line.\n\n")
    site.settings.write_text(good)
    read_until(watching.stdout.fileno(), "as recorded.\n\n")
    watching.send_signal(signal.SIGTERM)
    watching.communicate(30)
    assert watching.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("more", [["--output", "json"], ["--export", "lanes.json"]])
def test_what_is_for_programs_is_not_watched(in_doubt: Site, more: list[str]) -> None:
    said = in_doubt.run("lanes", "--watch", *more)
    assert (said.exit_code, "Nothing was done." in said.err) == (2, True)


# -- at a terminal


def at_terminal(site: Site, *arguments: str, width: int = 80, lines: int = 24, **environment: str) -> tuple[int, str]:
    """What a terminal of a size is given, and the exit code; Ctrl-C is typed once a watch has drawn itself."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, width, 0, 0))
    full = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    full |= {"TERM": "xterm-256color", **environment}
    command = [*COMMAND, "--config", str(site.settings), *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=full) as process:
        os.close(theirs)
        said, ends, is_watched = b"", time.monotonic() + 60, "--watch" in arguments
        while time.monotonic() < ends:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    said += os.read(ours, 65536)
                except OSError:  # it has ended
                    break
            if is_watched and b"\x1b[J" in said:
                process.send_signal(signal.SIGINT)
                is_watched = False
        os.close(ours)
        assert process.stderr and b"Traceback" not in process.stderr.read()
        return process.wait(10), said.decode()


def test_a_terminal_is_told_in_its_width_in_colour(in_doubt: Site) -> None:
    code, said = at_terminal(in_doubt, "runs", "list", width=60)
    assert code == 0 and "\x1b[1m" in said
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in said.splitlines()]
    assert all(len(line) <= 60 for line in lines) and sum("unconfirmed" in line for line in lines) == 1


def test_a_terminal_without_colour_and_unicode_is_told_the_same(in_doubt: Site) -> None:
    code, said = at_terminal(in_doubt, "lanes", NO_COLOR="1", LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert code == 0 and said.isascii() and not re.search(r"\x1b\[[0-9;]*3\dm", said)
    told = re.sub(r"\x1b\[[0-9;]*m", "", said).replace("\r\n", "\n")
    assert f"{PRODUCT}/testing   41620cf?" in told and f"\n  go back        launchplane-gate rollback {PRODUCT}" in told


def test_a_watch_is_drawn_on_a_page_of_its_own_and_leaves_its_last_look(in_doubt: Site) -> None:
    code, said = at_terminal(in_doubt, "lanes", "--watch", "--exit-status", lines=10)
    page, left = said.split("\x1b[?1049l")
    assert code == 1 and page.startswith("\x1b[?1049h\x1b[?25l") and page.endswith("\x1b[?25h")
    assert "every 5 s; Ctrl-C ends it." in page and re.search(r"\.\.\. \d+ more lines", page)
    assert "1 of 2 lanes needs somebody: 1 unsettled." in left and "more lines" not in left


# -- every table


def answer(site: Site, *arguments: str) -> Answer:
    """What a command has to say, before it is written anywhere."""
    full = ["--config", str(site.settings), *arguments]
    with program.make_context("launchplane-gate", full, obj=Session()) as context:
        found: Answer = program.invoke(context)
        return found


TABLES: dict[str, list[str]] = {
    "lanes": ["lanes"],
    "a product": ["lanes", PRODUCT, "--all"],
    "a proof": ["prove", f"{PRODUCT}/testing"],
    "proofs": ["prove", f"{PRODUCT}/testing", f"{PRODUCT}/prod"],
    "runs": ["runs", "list"],
    "decisions": ["decisions", "list"],
    "a check": ["check", "promote", PRODUCT],
    "drift": ["inventory", "drift"],
    "an inventory": ["inventory", "show", PRODUCT],
    "a history": ["inventory", "history", f"{PRODUCT}/testing"],
    "plugins": ["plugins"],
    "doctor": ["doctor"],
    "rules": ["policy", "list", PRODUCT],
    "verified": ["decisions", "verify"],
}
KEPT = re.compile(r"(?<!\S)([rdw]-[0-9A-Z]{8}|[0-9a-f]{7}\??|\d[\d.]* (?:s|min|h|days?) ago|x|ok|not ok|w)(?!\S)")


@pytest.mark.parametrize("name", TABLES)
def test_every_table_keeps_its_values_at_every_width(in_doubt: Site, name: str) -> None:
    text = answer(in_doubt, *TABLES[name]).text
    tables = [block for block in text if isinstance(block, Table)]
    piped = plain(tables)
    assert tables and piped
    for width in WIDTHS:
        shown = plain(tables, width)
        for value in {found for line in piped.splitlines() for found in KEPT.findall(line)}:
            assert len(re.findall(rf"(?<!\S){re.escape(value)}(?!\S)", shown)) >= piped.count(f" {value} "), (
                value,
                shown,
            )
        commands = re.findall(r"launchplane-gate (?:deploy|promote|rollback|runs|inventory) .*", piped)
        assert all(command.rstrip() in shown for command in commands if not command.rstrip().endswith(".")), shown
        for line in shown.splitlines():  # longer than the screen is only what is one word, or a command
            assert cells(line) <= width or "launchplane-gate" in line or len(line.split()) <= 3, line
