"""The variable that carries an image into a compose file: what it has to hold, and where it could change nothing."""

import re
import time
from contextlib import suppress

import pytest

from launchplane_gate_generic_web.compose_file import (
    MAX_CHARACTERS,
    Unusable,
    env_with,
    env_without,
    image_set,
    value_for,
    wanted,
)
from launchplane_gate_generic_web.images import repository

pytestmark = pytest.mark.thorough  # whole deploys on the fake Dokploy

DIGEST = "sha256:" + "a" * 64
IMAGE = f"ghcr.io/acme/shop@{DIGEST}"


def file(*images: str) -> str:
    services = "".join(f"  web{number}:\n    image: {image}\n" for number, image in enumerate(images))
    return f"services:\n{services}"


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${SHOP}", IMAGE),
        ("$SHOP", IMAGE),
        ("${SHOP:?say which}", IMAGE),
        ("${SHOP:-nginx}", IMAGE),
        ("ghcr.io/acme/shop@${SHOP}", DIGEST),
        ("ghcr.io/acme/shop@sha256:${SHOP}", "a" * 64),
    ],
)
def test_the_variable_holds_what_makes_the_image_the_one_wanted(template: str, value: str) -> None:
    assert value_for(file(template), "SHOP", IMAGE) == value
    assert image_set(file(template), "SHOP", f"OTHER=1\nSHOP={value}\n") == IMAGE


def test_services_that_do_not_use_the_variable_are_left_alone() -> None:
    assert value_for(file("postgres:16", "${SHOP}", "${SHOP}", "${OTHER}"), "SHOP", IMAGE) == IMAGE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (file("nginx"), "no service of the compose file has an image with ${SHOP}"),
        (file("${SHOPS}"), "no service"),
        (file("$$SHOP"), "no service"),
        (file("$${SHOP}"), "no service"),
        ("services:\n  web:\n    image: nginx\n    environment:\n      IMAGE: ${SHOP}\n", "no service"),
        (file("ghcr.io/other/thing@${SHOP}"), "cannot become"),
        (file("${SHOP}:latest"), "cannot become"),
        (file(f"{IMAGE}${{SHOP}}"), "cannot become"),
        (file("${SHOP}", "ghcr.io/acme/shop@${SHOP}"), "different values"),
        (file("${REGISTRY}/shop@${SHOP}"), "made of more than SHOP"),
        (file("${SHOP}${SHOP}"), "made of more than SHOP"),
        (file("${SHOP:+nginx}"), "made of more than SHOP"),
        ("services: [1, 2]", "no services"),
        ("", "no services"),
        ("services:\n  web:\n image: x\n:", "is not YAML, line"),
        ("services:\n  web:\n    image: ${SHOP}\n    image: nginx\n", "is not YAML"),
        ("services:\n  web:\n    image: ${SHOP}\n  web:\n    image: nginx\n", "is not YAML"),
        ("!!python/object/apply:os.system [ls]", "a tag (!name), line 1"),
        ("#" * 65_537, "longer than 65536 characters; shorten it"),
        ("x: &a 1\n" + file("${SHOP}"), "an anchor or an alias (&name, *name), line 1; write out what it stands for"),
        (file("${SHOP}") + "x: *a\n", "an anchor or an alias (&name, *name), line 4; write out"),
        (file("${SHOP}") + "x: &a\n  b: 1\n", "an anchor or an alias"),
        (file("${SHOP}") + "x:\n  <<: {a: 1}\n", "a merge key (<<), line 5; write out what it stands for"),
        (file("${SHOP}") + "x: {'<<': [{a: 1}, {b: 1}]}\n", "a merge key (<<), line 4"),
        (file("${SHOP}") + "x: !!binary aGk=\n", "a tag (!name), line 4; write out"),
        (file("${SHOP}") + "x: !!timestamp 2020-99-99\n", "a tag (!name), line 4; write out"),
        (file("${SHOP}") + 'x: "\\UFFFFFFFF"\n', "is not YAML"),
        (f"%YAML {'9' * 5000}.1\n---\n" + file("${SHOP}"), "is not YAML"),
        ("[" * 60_000, "is not YAML"),
        ("? " * 30_000, "is not YAML"),
        ("{a: " * 15_000, "is not YAML"),
    ],
)
def test_a_file_in_which_setting_the_variable_would_not_run_the_image_is_refused(text: str, says: str) -> None:
    with pytest.raises(Unusable, match=re.escape(says)):
        value_for(text, "SHOP", IMAGE)


def test_a_variable_that_holds_nothing_sets_no_image() -> None:
    assert image_set(file("${SHOP}"), "SHOP", "") is None
    assert image_set(file("${SHOP}"), "SHOP", "SHOP=\n") is None


@pytest.mark.parametrize(
    ("env", "changed"),
    [
        ("", "SHOP=new\n"),
        ("A=1", "A=1\nSHOP=new\n"),
        ("A=1\nSHOP=old\nB=2\n", "A=1\nSHOP=new\nB=2\n"),
        ("export SHOP='old'\n", "SHOP=new\n"),
        ("SHOP=old\nSHOP=older\n", "SHOP=new\n"),  # the last would have won
        ("A=1\n\n# which\n\nSHOP=old\n\nB=2", "A=1\n\n# which\n\nSHOP=new\n\nB=2"),
        ("SHOPS=1\n# SHOP=2\n", "SHOPS=1\n# SHOP=2\nSHOP=new\n"),
        ('KEY="-----BEGIN\nSHOP=inside\n-----END"\nSHOP=old\n', 'KEY="-----BEGIN\nSHOP=inside\n-----END"\nSHOP=new\n'),
        ("what is this?\nA=1\n", "what is this?\nA=1\nSHOP=new\n"),
    ],
)
def test_one_variable_changes_and_every_other_line_stays_as_it_was(env: str, changed: str) -> None:
    assert env_with(env, "SHOP", "new") == changed


# -- what others wrote costs no more than it is long

NAMES = list(zip("abcdefgh", "bcdefghi", strict=True))
BOMB = "a: &a {x: 1}\n" + "".join(f"{name}: &{name} {{<<: [{f'*{one},' * 9}]}}\n" for one, name in NAMES)


def took(work: object) -> float:
    began = time.monotonic()
    assert callable(work)
    with pytest.raises(Unusable):
        work()
    return time.monotonic() - began


def test_merge_keys_hold_nothing_up() -> None:
    assert len(BOMB) < 480
    assert took(lambda: value_for(BOMB + file("${SHOP}"), "SHOP", IMAGE)) < 1


@pytest.mark.parametrize("blank", [" ", "\t", "\x0b", "\u2003"])
@pytest.mark.parametrize("env", ["A={}b", "A={}", "{}", "A=b{}#", 'A="{}', "export{}", "A{}=1"])
def test_blanks_in_an_environment_hold_nothing_up(env: str, blank: str) -> None:
    text = env.format(blank * 40_000)
    for work in (
        lambda: image_set(file("${SHOP}"), "SHOP", text),
        lambda: env_with(text, "SHOP", "new"),
        lambda: env_without(text, "SHOP"),
    ):
        assert took(work) < 1
    with pytest.raises(Unusable, match="more than 200 blanks in a row; take them out"):
        env_with(text, "SHOP", "new")


def test_blanks_that_are_not_in_a_row_and_empty_lines_are_read() -> None:
    env = "\n" * 5000 + f"A=1{' ' * 200}# which\nSHOP=old\n"
    assert env_with(env, "SHOP", "new") == env.replace("old", "new")


def test_an_environment_has_an_end() -> None:
    with pytest.raises(Unusable, match="the environment is longer than 65536 characters; shorten it"):
        env_with("A=" + "x" * MAX_CHARACTERS, "SHOP", "new")


@pytest.mark.parametrize(
    "part",
    [
        *"[]{}-?:,&*!|>'\"%@`#=\\ \n\ta1",
        "- ",
        "? ",
        "a: ",
        "[a,",
        "a:\n",
        "- - \n",
        "1:",
        "1:1\n",
        "'a' ",
        "${",
        "${a:-",
        "$a",
        "A='\n",
        'A="\n',
        'A="\\',
        "A=\\'",
        "export ",
        "A= #",
        "A=1" + " " * 200 + "#\n",
        "\r",
    ],
)
def test_whatever_is_repeated_takes_its_time_and_no_more(part: str) -> None:
    text = (part * MAX_CHARACTERS)[:MAX_CHARACTERS]
    began = time.process_time()
    for work in (
        lambda: value_for(text, "SHOP", IMAGE),
        lambda: value_for(file("${SHOP}" + text[:60_000].replace("\n", "")), "SHOP", IMAGE),
        lambda: env_with(text, "SHOP", "new"),
        lambda: env_without(text, "SHOP"),
    ):
        with suppress(Unusable):
            work()
    assert time.process_time() - began < 5


# -- numbers and dates


@pytest.mark.parametrize(
    "value",
    [
        "2020-99-99",
        "0000-01-01",
        "2001-12-14t21:59:43.10-99:00",
        "1e999999",
        "-.inf",
        ".nan",
        "190:20:30",
        "0b2",
        "0o9",
        "1_0",
        "=",
        "<",
        "y",
        "9" * 5000,
        "0x" + "f" * 5000,
        "1" + ":59" * 5000,
    ],
)
def test_what_looks_like_a_number_or_a_date_is_text(value: str) -> None:
    text = file("${SHOP}") + f"    cpus: {value}\n    {value[:900]}: 1\n    image2: [{value}, {{a: {value}}}]\n"
    assert value_for(text, "SHOP", IMAGE) == IMAGE
    assert wanted(text, "SHOP") == {"web0": 1}


@pytest.mark.parametrize(
    ("replicas", "number"), [("0", 0), ("3", 3), ('"2"', 2), ("null", 1), ("~", 1), ("${N}", 1), ("1e9", 1), ("-1", 1)]
)
def test_how_many_are_wanted(replicas: str, number: int) -> None:
    assert wanted(file("${SHOP}") + f"    scale: {replicas}\n", "SHOP") == {"web0": number}
    assert wanted(file("${SHOP}") + f"    deploy:\n      replicas: {replicas}\n", "SHOP") == {"web0": number}


@pytest.mark.parametrize("replicas", ["9" * 7, "9" * 5000])
def test_more_than_anybody_could_want_is_no_number(replicas: str) -> None:
    with pytest.raises(Unusable, match=f"the service web0 of the compose file wants .* of {len(replicas)} digits"):
        wanted(file("${SHOP}") + f"    scale: {replicas}\n", "SHOP")


def test_the_name_of_an_image_is_read_in_one_go() -> None:
    began = time.monotonic()
    assert repository(":" * 200_000 + "/x:1") == ":" * 200_000 + "/x"
    assert repository("host:5000/acme/shop:1@sha256:0") == "host:5000/acme/shop"
    assert repository("shop:1") == "shop"
    assert time.monotonic() - began < 1
