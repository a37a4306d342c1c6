"""What changes in the host's ``control_plane/cli.py``: its commands that change a lane ask for leave.

They write through stores that they make themselves, so that no gate can keep back what they write: where what they are
about is governed they refuse.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import libcst as cst

from launchplane_gate_launchplane.edit.source import (
    GATE_MODULE,
    Source,
    assigned,
    call_of,
    indented,
    parameters,
    statements,
)
from launchplane_gate_launchplane.host_commands import ROLLBACK, TAKES

NAME = "control_plane/cli.py"
ASK = f"{GATE_MODULE}.ask_for_command"
STORE = "_store(state_dir, database_url=database_url)"
ROLLS_BACK = "odoo_rollbacks_execute"


@dataclass(frozen=True, kw_only=True)
class Command:
    """``after`` is the variable that the function has assigned before it asks."""

    function: str
    command: str
    after: str
    request: str
    store: str


COMMANDS = (
    Command(
        function="ship_execute",
        command="ship execute",
        after="request",
        request="request",
        store=STORE,
    ),
    Command(
        function="promote_execute",
        command="promote execute",
        after="record_store",
        request="request",
        store="record_store",
    ),
    Command(
        function="promote_record",
        command="promote record",
        after="record",
        request="record",
        store=STORE,
    ),
    Command(
        function="deployments_write",
        command="deployments write",
        after="record",
        request="record",
        store=STORE,
    ),
    Command(
        function="promotions_write",
        command="promotions write",
        after="record",
        request="record",
        store=STORE,
    ),
    Command(
        function="release_tuples_write_from_promotion",
        command="release-tuples write-from-promotion",
        after="promotion_record",
        request="promotion_record",
        store="record_store",
    ),
    Command(
        function="inventory_write_from_deployment",
        command="inventory write-from-deployment",
        after="deployment_record",
        request="deployment_record",
        store="record_store",
    ),
    Command(
        function="inventory_write_from_promotion",
        command="inventory write-from-promotion",
        after="promotion_record",
        request="promotion_record",
        store="record_store",
    ),
    Command(
        function="storage_import_core_records",
        command="storage import-core-records",
        after="postgres_store",
        request="None",
        store="postgres_store",
    ),
)


def edit(source: Source) -> None:
    """Raises ShapeDiffers."""
    source.import_the_gate()
    if parameters(source.function("_control_plane_root")) != ([], []):
        source.differs("_control_plane_root", "takes something")
    for command in COMMANDS:
        _ask(source, command)
    _roll_back(source)
    _tell(source)


def is_edited(source: Source) -> bool:
    """Raises ShapeDiffers for one that is edited, and not as it would be here."""
    if not source.imports_the_gate():
        return False
    for function in (*(command.function for command in COMMANDS), ROLLS_BACK):
        found = source.function(function)
        if (
            len([node for node in source.nodes(found) if isinstance(node, cst.Call) and source.code(node.func) == ASK])
            != 1
        ):
            source.differs(function, "imports the gate, and does not ask it as this command would have it")
    if source.code(source.function("main").decorators[-1]) != f"@click.group(cls={GATE_MODULE}.GatedGroup)":
        source.differs("main", "imports the gate, and does not tell what it refuses as this command would have it")
    return True


def _ask(source: Source, command: Command) -> None:
    function = source.function(command.function)
    takes = TAKES[command.command]
    if parameters(function) != (list(takes), []):
        source.differs(command.function, f"does not take {', '.join(takes)}")
    found = [node for node in statements(function) if assigned(node, command.after) is not None]
    asked_for = [node for node in statements(function) if assigned(node, command.request) is not None]
    if len(found) != 1 or (command.request != "None" and len(asked_for) != 1):
        source.differs(command.function, f"does not assign {command.after} and {command.request} once")
    source.insert_after(
        found[0],
        _asking(command.command, command.request, command.store, source.indent_of(found[0])),
        f"launchplane {command.command} refuses for what is governed",
    )


def _asking(command: str, request: str, store: str, indent: str) -> list[str]:
    code = f"""
    {ASK}(
        "launchplane {command}",
        request={request},
        record_store=lambda: {store},
        control_plane_root=_control_plane_root,
    )
    """
    return indented(code, indent)


def _roll_back(source: Source) -> None:
    """Its request is made within the call: it gets a name, since the gate is asked about it first."""
    first = statements(source.function(ROLLS_BACK))[0]
    call = call_of(assigned(first, "result"), "execute_odoo_prod_rollback")
    given = {arg.keyword.value: arg.value for arg in call.args if arg.keyword} if call else {}
    if list(given) != ["control_plane_root", "record_store", "request"] or call is None:
        source.differs(ROLLS_BACK, "does not begin with the rollback, by a root, a store and a request")
    indent = source.indent_of(first)
    within = source.range_of(call.args[-1])
    before, after = source.range_of(first).start.line, source.range_of(first).end.line
    made = textwrap.dedent("".join(source.lines[within.start.line - 1 : within.end.line])).rstrip().rstrip(",")
    kept = [line.rstrip("\r\n") for line in source.lines[before - 1 : within.start.line - 1]]
    closing = [line.rstrip("\r\n") for line in source.lines[within.end.line : after]]
    source.replace(
        first,
        first,
        [
            *indented(made.replace("request=", "request = ", 1), indent),
            *_asking(ROLLBACK, "request", source.code(given["record_store"]), indent),
            *kept,
            f"{indent}    request=request,",
            *closing,
        ],
        f"launchplane {ROLLBACK} refuses for what is governed",
    )


def _tell(source: Source) -> None:
    main = source.function("main")
    if [source.code(decorator) for decorator in main.decorators] != ["@click.group()"]:
        source.differs("main", "is not a plain group of commands")
    decorator = main.decorators[0]
    source.replace(
        decorator,
        decorator,
        [f"@click.group(cls={GATE_MODULE}.GatedGroup)"],
        "what the gate refuses is told in a sentence",
    )
