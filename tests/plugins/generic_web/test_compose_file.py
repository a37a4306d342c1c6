"""The variable that carries an image into a compose file: what it has to hold, and where it could change nothing."""

import pytest

from launchplane_gate_generic_web.compose_file import Unusable, env_with, image_set, value_for

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
        ("!!python/object/apply:os.system [ls]", "is not YAML"),
        ("#" * 1_000_001, "longer than"),
    ],
)
def test_a_file_in_which_setting_the_variable_would_not_run_the_image_is_refused(text: str, says: str) -> None:
    with pytest.raises(Unusable, match=says.replace("$", r"\$").replace("{", r"\{")):
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
