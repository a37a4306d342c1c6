"""``python -m launchplane_gate_launchplane.edit CHECKOUT``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from launchplane_gate.errors import GateError

LACKING = "this command needs {0}, which is not installed; type: pip install 'launchplane-gate[launchplane]'"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("checkout", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Change the files.")
@click.option("--check", is_flag=True, help="Exit 1 unless the checkout is edited already.")
def main(checkout: Path, write: bool, check: bool) -> None:
    """Let a Launchplane ask an installed gate before a lane is changed.

    CHECKOUT is a working copy of Launchplane. Without options the change is shown, as a patch with its reasons, and
    nothing is changed. Where none is installed an edited Launchplane does what it did before. One that has not the
    form that this command knows is left as it is.
    """
    try:
        sys.exit(_edit(checkout, write=write, check=check))
    except GateError as error:
        click.echo(f"{error}\n{error.hint}", err=True)
        sys.exit(error.exit_code)


def _edit(checkout: Path, *, write: bool, check: bool) -> int:
    if write and check:
        raise click.UsageError("--write and --check do not go together")
    try:
        from launchplane_gate_launchplane.edit import checkout as work  # noqa: PLC0415  # libcst may be missing
        from launchplane_gate_launchplane.edit.showing import patch  # noqa: PLC0415
    except ModuleNotFoundError as error:
        click.echo(LACKING.format(error.name), err=True)
        return 2
    found = work.plan(checkout)
    if not found.edits:
        click.echo("Edited already: nothing to do.", err=True)
        return 0
    if found.done:
        click.echo(f"Edited in part: {', '.join(found.done)}. The rest is to do.", err=True)
    if not check and (told := work.uncommitted(checkout)):
        click.echo(told, err=True)
    names = ", ".join(edit.name for edit in found.edits)
    if check:
        click.echo(f"Not edited: {names}", err=True)
        return 1
    if write:
        work.write(checkout, found.edits)
        click.echo(f"Edited: {names}\nRun Launchplane's own tests now: python -m unittest", err=True)
        return 0
    for line in patch(found.edits):
        click.echo(line, nl=False)
    click.echo(f"Nothing was changed; --write changes {names}.", err=True)
    return 0


if __name__ == "__main__":
    main()
