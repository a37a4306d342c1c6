"""Only JSON that means one thing is read."""

import pytest

from launchplane_gate import strictjson
from launchplane_gate.strictjson import NotStrictJson


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON at line 1"),
        ('{"a": 1,}', "not JSON"),
        ('{"a": 1, "a": 2}', "'a' twice"),
        ('{"b": {"c": 1, "d": 2, "c": 3}}', "'c' twice"),
        ("[NaN]", "NaN"),
        ("[-Infinity]", "-Infinity"),
        ("[1e999]", "out of range"),
        ("[9007199254740992]", "beyond 2^53"),
        ("[" + "9" * 5000 + "]", "beyond 2^53"),
        ("[" * 200 + "]" * 200, "levels deep"),
        ("[" * 100_000 + "]" * 100_000, "levels deep"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
        ('{"a": 1}'.encode("utf-32-be"), "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        ('"' + "x" * 5_000_000 + '"', "larger than"),
    ],
)
def test_what_is_not_strict_json_is_refused_and_says_why(text: str | bytes, says: str) -> None:
    with pytest.raises(NotStrictJson) as error:
        strictjson.loads(text)
    assert says in str(error.value)


def test_the_largest_exact_integer_and_the_deepest_value_are_read() -> None:
    assert strictjson.loads("[9007199254740991, -9007199254740991]") == [2**53 - 1, 1 - 2**53]
    strictjson.loads("[" * 64 + "]" * 64)


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert strictjson.digest({"a": 1, "b": [2]}) == strictjson.digest({"b": [2], "a": 1})
    assert strictjson.digest({"a": 1}) != strictjson.digest({"a": "1"})
