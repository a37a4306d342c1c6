"""``policy bundle``: one file that OPA serves."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.policy.folders import NO_OPA, folders_named
from launchplane_gate.cli.session import Session, pass_session
from launchplane_gate.cli.streams import send


@click.command(cls=Command)
@folders_named
@click.option("-o", "--file", "target", metavar="FILE", required=True, help="The file to write; - is standard output.")
@click.option("--opa", "program", metavar="PROGRAM", help="The opa to test them on, which then has to be there.")
@pass_session
def bundle(session: Session, folders: tuple[Path, ...], target: str, program: str | None) -> Answer:
    """Write the policies as one file that OPA serves.

    They are checked and tested first, as they are where the gate starts and, where there is an `opa` on the PATH, on
    OPA too; nothing is written where that fails. The file holds the merged configuration and every module, and names
    its revision, which is that of the policies. An older bundle is replaced, another file is not.

    \b
    Examples:
      launchplane-gate policy bundle -o gate.tar.gz
      launchplane-gate policy bundle -o gate.tar.gz policies
      opa run --server --bundle gate.tar.gz
    """
    from launchplane_gate.authoring.bundle_file import write_bundle
    from launchplane_gate.authoring.opa_tests import check_on_opa, find_opa
    from launchplane_gate.policy import EmbeddedEngine
    from launchplane_gate.policy.bundle.packing import packed
    from launchplane_gate.report.words import count

    to_screen = target == "-"
    if to_screen and any(output.path is None for output in session.outputs):
        raise click.UsageError("the bundle goes to standard output; give --output a file: --output json=FILE")
    if to_screen and sys.stdout.isatty():
        raise click.UsageError("a bundle is no text for a terminal; name a file, or send it on by `-o - | ...`")
    opa = find_opa(program)
    made = session.bundle(folders)
    EmbeddedEngine(made)
    if opa:
        check_on_opa(made, opa)
    document = {
        "file": target,
        "revision": made.revision,
        "modules": len(made.modules),
        "opa": opa.version if opa else None,
    }
    if to_screen:
        send([packed(made)])
        return Answer(document, [])
    write_bundle(made, Path(target))
    session.changes = True
    told = f"{target}: {count(len(made.modules), 'module')}, revision {made.revision}"
    tested = f"  tested on the embedded engine and on OPA {opa.version}" if opa else f"  {NO_OPA}"
    return Answer(document, [told, tested, f"  serve it: opa run --server --bundle {shlex.quote(target)}"])
