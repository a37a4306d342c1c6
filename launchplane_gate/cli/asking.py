"""What a command asks, by options that it shares with its check, and the request that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from launchplane_gate.gate import Gate
    from launchplane_gate.model import Request

F = TypeVar("F", bound=Callable[..., Any])

_NAMES = "lower-case letters, digits, '.', '_' and '-', 63 at most, with a letter or digit first"
_WORDS = "one word of visible ASCII characters, 512 at most"
_PLACES = {
    "product": ("PRODUCT", _NAMES),
    "source": ("--from", _NAMES),
    "destination": ("--to", _NAMES),
    "lane": ("--lane", _NAMES),  # what the destination of a rollback is called
    "where": ("PRODUCT/LANE", _NAMES),  # and of a report
    "expected.artifact_id": ("--artifact", _WORDS),
    "expected.source_git_ref": ("--ref", _WORDS),
    "driver": ("--driver", _NAMES),
    "version": ("--version", "a version: v1.2.3 or 1.2.3"),
    "idempotency_key": ("--idempotency-key", _WORDS),
    "reason": ("--reason", "text, 1000 characters at most"),
}


def releasing(*, required: bool) -> Callable[[F], F]:
    """Options that name a release: what to deploy, or what a promotion is expected to ship."""
    artifact = (
        "The artifact, pinned by digest: REPOSITORY@sha256:DIGEST."
        if required
        else "Refuse unless it is this artifact."
    )
    ref = "The full commit that it was built from, 40 digits." if required else "Refuse unless it is this commit."

    def add(command: F) -> F:
        command = click.option("--ref", metavar="COMMIT", required=required, help=ref)(command)
        return click.option("--artifact", metavar="ARTIFACT", required=required, help=artifact)(command)

    return add


def addressed(command: F) -> F:
    """The driver that the caller means, where it means one."""
    told = "Refuse unless this driver is the product's."
    return click.option("--driver", metavar="NAME", help=told)(command)


def reasoned(command: F) -> F:
    """Why somebody asks."""
    return click.option(
        "--reason", default="", metavar="TEXT", help="Why; rules may ask for it, and the run keeps it."
    )(command)


def repeatable(command: F) -> F:
    """What keeps a repeat from acting twice."""
    return click.option("--idempotency-key", metavar="KEY", help="A repeat under this key acts only once.")(command)


def deploying(command: F) -> F:
    """All that a deploy is asked with; see ``deploy_request``."""
    to = click.option("--to", "destination", metavar="LANE", required=True, help="The lane to deploy to.")
    return _asked(command, to, releasing(required=True))


def promoting(command: F) -> F:
    """All that a promotion is asked with; see ``promote_request``."""
    bump, path = click.Choice(["major", "minor", "patch"]), "Default: the product's only path."
    again = "Deploy again even where the destination runs it already."
    return _asked(
        command,
        click.option("--from", "source", metavar="LANE", help=path),
        click.option("--to", "destination", metavar="LANE", help=path),
        releasing(required=False),
        click.option("--version", metavar="TAG", help="Publish it as a release, under this version: v1.2.3."),
        click.option("--bump", type=bump, help="Publish it as a release, under the next version."),
        click.option("--redeploy", is_flag=True, help=again),
    )


def rolling_back(command: F) -> F:
    """All that a rollback is asked with; see ``rollback_request``."""
    ref = "Go back to this commit, 40 digits, which ran there.  [default: what ran before]"
    lane = "The lane that goes back.  [default: the only one that is promoted to]"
    return _asked(
        command,
        click.option("--lane", metavar="LANE", help=lane),
        click.option("--artifact", metavar="ARTIFACT", help="Its artifact: where several of that commit ran there."),
        click.option("--ref", metavar="COMMIT", help=ref),
    )


def _asked(command: F, *its_own: Callable[[Any], Any]) -> F:
    """The product, what a request has of its own, and what all of them have."""
    options: list[Callable[[Any], Any]] = [click.argument("product"), *its_own, addressed, reasoned, repeatable]
    for option in reversed(options):
        command = option(command)
    return command


def deploy_request(product: str, destination: str, artifact: str, ref: str, **rest: Any) -> Request:
    expected = {"artifact_id": artifact, "source_git_ref": ref}
    return request_of(
        {"action": "deploy", "product": product, "destination": destination, "expected": expected, **rest}
    )


def report_request(product: str, lane: str, artifact: str, ref: str, **rest: Any) -> Request:
    expected = {"artifact_id": artifact, "source_git_ref": ref}
    fields = {"action": "evidence", "product": product, "destination": lane, "expected": expected, **rest}
    return request_of(fields, destination="where")


def promote_request(
    gate: Gate,
    product: str,
    source: str | None,
    destination: str | None,
    artifact: str | None,
    ref: str | None,
    **rest: Any,
) -> Request:
    from launchplane_gate.lanes import the_path

    gate.profile(product)
    source, destination = the_path(gate.bundle, product, source, destination)
    expected = {"artifact_id": artifact, "source_git_ref": ref}
    return request_of(
        {
            "action": "promote",
            "product": product,
            "source": source,
            "destination": destination,
            "expected": expected,
            **rest,
        }
    )


def rollback_request(
    gate: Gate, product: str, lane: str | None, artifact: str | None, ref: str | None, **rest: Any
) -> Request:
    from launchplane_gate.lanes import the_destination

    gate.profile(product)
    destination = the_destination(gate.bundle, product, lane)
    expected = {"artifact_id": artifact, "source_git_ref": ref}
    fields = {"action": "rollback", "product": product, "destination": destination, "expected": expected, **rest}
    return request_of(fields, destination="lane")


def request_of(fields: dict[str, Any], *, destination: str = "destination") -> Request:
    """Raises RequestError, which names the option."""
    from pydantic import ValidationError

    from launchplane_gate.errors import RequestError
    from launchplane_gate.model import Request

    try:
        return Request.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        place = destination if place == "destination" else place
        if place not in _PLACES:
            raise RequestError(first["msg"].removeprefix("Value error, ")) from None
        option, form = _PLACES[place]
        raise RequestError(f"{option}: {str(first['input'])[:80]!r} is not {form}") from None
