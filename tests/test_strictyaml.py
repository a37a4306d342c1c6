"""Only YAML that means one thing is read, and each thing in it has its line."""

import time
from contextlib import suppress

import pytest

from launchplane_gate import strictyaml
from launchplane_gate.strictyaml import NotStrictYaml


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: 1\nb: [1", "is not YAML", 2),
        ("a: 1\nb: [1\n\n", "is not YAML", 2),
        (": 1", "is not YAML", 1),
        ("a: 1\nb: 2\na: 3", "'a' twice; the first is on line 1", 3),
        ("b:\n  c: 1\n  'c': 2", "'c' twice; the first is on line 2", 3),
        ("{a: 1, a: 2}", "'a' twice", 1),
        ("a: &x 1\nb: *x", "an anchor", 1),
        ("a: 1\nb: *x", "an alias", 2),
        ("a:\n  <<: {b: 1}", "merges keys", 2),
        ("a: !!python/object:os.system x", "the tag", 1),
        ("a: 1\nb: ! x", "the tag", 2),
        ("a: 1\n---\nb: 2", "a second document", 2),
        ("? [a]\n: 1", "a key that is no text", 1),
        ("? {a: 1}\n: 1", "a key that is no text", 1),
        ("?\n: 1", "a value without a key", 1),
        ("a: yes", "true or false", 1),
        ("a: Off", "true or false", 1),
        ("a: 0123", "quotes", 1),
        ("a: 0x1f", "quotes", 1),
        ("a: 1e5", "quotes", 1),
        ("a: 1_000", "quotes", 1),
        ("a: 12:30:00", "quotes", 1),
        ("a: .inf", "quotes", 1),
        ("a: .NaN", "quotes", 1),
        ("a: +1", "quotes", 1),
        ("\n\na: 9007199254740992", "beyond 2^53", 3),
        ("a: " + "9" * 5000, "beyond 2^53", 1),
        ("a: " + "9" * 400 + ".5", "out of range", 1),
        ("[" * 200 + "]" * 200, "levels deep", 1),
        ("[" * 100_000, "levels deep", 1),
        ("{a: " * 50_000, "levels deep", 1),
        ("- " * 100_000, "levels deep", 1),
        (b"a: 1\nb: \xff", "not UTF-8 at byte 8", 2),
        ("a: 1".encode("utf-16"), "not UTF-8", 1),
        ("a: \ud800", "half a character", 1),
        ("a: \x00", "is not YAML", 1),
        ('a: "\\UFFFFFFFF"', "is not YAML", 1),
        ("a: " + "x" * 300_000, "larger than", 1),
    ],
)
def test_what_is_not_strict_yaml_is_refused_and_says_why_and_where(text: str | bytes, problem: str, line: int) -> None:
    with pytest.raises(NotStrictYaml) as error:
        strictyaml.loads(text)
    assert problem in error.value.problem
    assert error.value.line == line and f"(line {line})" in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("\ufeffa: 1", {"a": 1}),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("[true, False, 0, -7, 1.50, 9007199254740991]", [True, False, 0, -7, 1.5, 2**53 - 1]),
        ("""[on time, 'yes', "0123", '']""", ["on time", "yes", "0123", ""]),
        ("now: 2026-11-30T14:00:00Z\nday: 2026-11-30", {"now": "2026-11-30T14:00:00Z", "day": "2026-11-30"}),
        ("v: 0.2.10\nref: 41620cf", {"v": "0.2.10", "ref": "41620cf"}),
        ("on: 1\n1: 2\nnull: 3", {"on": 1, "1": 2, "null": 3}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("%YAML 1.1\n---\na: 1\n...\n", {"a": 1}),
    ],
)
def test_what_is_written_is_what_is_read(text: str, value: object) -> None:
    found = strictyaml.loads(text).value
    assert found == value and repr(found) == repr(value)


def test_each_key_and_item_has_its_line() -> None:
    document = strictyaml.loads("# a comment\na:\n  b: 1\n  c:\n    - x\n    - y: 2\n")
    assert document.line(("a",)) == 2
    assert document.line(("a", "b")) == 3
    assert document.line(("a", "c", 1, "y")) == 6
    assert document.line(("a", "c", 7)) == 4, "that of the nearest above"
    assert document.line(("z",)) == document.line(()) == 2


@pytest.mark.parametrize("text", ["? " * 60_000, "{" * 120_000, "[a, " * 60_000, "a: b\n" * 50_000, "- a\n" * 60_000])
def test_no_text_takes_long(text: str) -> None:
    started = time.monotonic()
    with suppress(NotStrictYaml):
        strictyaml.loads(text)
    assert time.monotonic() - started < 5
