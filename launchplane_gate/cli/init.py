"""``init``: settings to begin with, an example to try, and a ledger beside records that are older than it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from launchplane_gate.cli.adopting import adopt_records
from launchplane_gate.cli.command import Changing
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, actor_subject, pass_session

if TYPE_CHECKING:
    from launchplane_gate.report.text import Block

OLD = "215f71bc1a58639fe4bcd3b3609a4e68304184ab"
NEW = "41620cf13151d1a12f09d06007d67bdf791d200c"
PLACE = "state/plugins/local"  # where the local driver keeps what it started, by the settings that are written here


@click.command(cls=Changing)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--product", metavar="NAME", help="What your product is called.  [default: myproduct]")
@click.option("--repository", metavar="OWNER/NAME", help="Its repository.  [default: example/NAME]")
@click.option("--example", is_flag=True, help="Write a working example instead, with two releases to ship.")
@click.option(
    "--adopt", is_flag=True, help="Start a ledger for records that have none; the settings are there already."
)
@pass_session
def init(
    session: Session, folder: Path, product: str | None, repository: str | None, example: bool, adopt: bool
) -> Answer:
    """Write settings to begin with.

    DIR (here, if you name none) gets launchplane-gate.toml and a folder of policies, both explained line by line, for
    one product with the lanes testing and prod on this machine; then you are told what to do next. Nothing that exists
    is overwritten.

    \b
    Examples:
      launchplane-gate init --product sellyouroutboard --repository cbusillo/sellyouroutboard
      launchplane-gate init --example try-it
      launchplane-gate init --adopt
    """
    from launchplane_gate.report.text import Table

    if example + adopt + bool(product or repository) > 1:
        raise click.UsageError("--example, --adopt and --product with --repository cannot go together")
    if adopt:
        return adopt_records(session, folder)
    if example:
        return _example(folder)
    name = product or "myproduct"
    _write(folder, {}, product=_a_name(name), repository=_a_repository(repository or f"example/{name}"))
    files = {
        "launchplane-gate.toml": "lanes, their health URLs, plugins",
        "policies/README.md": "who may ship what, and what is asked",
    }
    steps = [*_going_to(folder), "launchplane-gate doctor", f"launchplane-gate lanes {name}"]
    text: list[Block] = [
        f"Wrote settings and policies for {name} to {folder}.",
        "Read and change:",
        Table([(str(folder / file), what) for file, what in files.items()]),
        *_typed(steps),
    ]
    read = f"read and change {' and '.join(str(folder / file) for file in files)}"
    return Answer({"folder": str(folder.absolute()), "next": [read, *steps]}, text)


def _example(folder: Path) -> Answer:
    from launchplane_gate.demo.release import release_program
    from launchplane_gate.demo.workspace import PRODUCT

    programs = {"release-1.py": release_program(OLD), "release-2.py": release_program(NEW)}
    artifacts = _write(folder, programs)

    def deploy(file: str, commit: str) -> str:
        return f"launchplane-gate deploy {PRODUCT} --to testing --artifact {artifacts[file]} --ref {commit}"

    steps = [
        *_going_to(folder),
        deploy("release-1.py", OLD),
        f"launchplane-gate promote {PRODUCT}",
        deploy("release-2.py", NEW),
        f"launchplane-gate lanes {PRODUCT}",
        f"launchplane-gate promote {PRODUCT} --ref {OLD}",
    ]
    stops = f'import pathlib as p, launchplane_gate_local as l; l.stop_all(p.Path("{PLACE}"))'
    stop = shlex.join([sys.executable, "-c", stops])
    text = [
        f"Wrote an example to {folder}: {PRODUCT}, with two releases,",
        "and the lanes testing and prod on this machine.",
        *_typed(steps),
        "The last one is refused, and says why. The releases go on serving until you",
        "stop them:",
        f"  {stop}",
    ]
    return Answer({"folder": str(folder.absolute()), "next": steps, "stop": stop}, text)


def _write(folder: Path, releases: dict[str, str], **named: Any) -> dict[str, str]:
    from launchplane_gate.demo.workspace import two_free_ports, write_workspace
    from launchplane_gate.errors import UsageError

    try:
        return write_workspace(folder, releases=releases, ports=two_free_ports(), actor=actor_subject(), **named)
    except FileExistsError as error:
        raise UsageError(
            f"{folder / str(error)} is there already", hint="Nothing was written. Name another folder, or move it away."
        ) from None
    except OSError as error:
        raise UsageError(f"{error.filename or folder} cannot be written: {error.strerror}", hint="") from None


def _going_to(folder: Path) -> list[str]:
    return [] if folder.absolute() == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]


def _typed(steps: list[str]) -> list[str]:
    return ["Type next:", *(f"  {step}" for step in steps)]


def _a_name(product: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from launchplane_gate.model import Name

    try:
        return TypeAdapter(Name).validate_python(product)
    except ValidationError:
        raise click.UsageError(
            f"{product!r} is no name for a product: lower-case letters, digits, '.', '_', '-'"
        ) from None


def _a_repository(repository: str) -> str:
    owner, separator, name = repository.partition("/")
    if not (separator and owner and name) or "/" in name or any(char.isspace() for char in repository):
        raise click.UsageError(f"{repository!r} is not OWNER/NAME")
    return repository
