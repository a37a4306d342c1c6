"""What changes in the host's ``control_plane/dokploy.py``: a gate stands around each request to the provider."""

from __future__ import annotations

import libcst as cst

from launchplane_gate_launchplane.edit.source import GATE_MODULE, Source, call_of, indented, parameters

NAME = "control_plane/dokploy.py"
ASKS = "dokploy_request"
SENDS = "_send_dokploy_request"
TAKES = ["host", "token", "path", "method", "payload", "query", "timeout_seconds"]


def edit(source: Source) -> None:
    """Raises ShapeDiffers."""
    asks = source.function(ASKS)
    if parameters(asks) != ([], TAKES):
        source.differs(ASKS, f"does not take {', '.join(TAKES)}, by name alone")
    if len(sent := [node for node in source.nodes(asks) if call_of(node, "urlopen")]) != 1:
        source.differs(ASKS, f"sends in {len(sent)} places")
    if len([node for node in source.nodes() if call_of(node, "urlopen")]) != 1:
        source.differs("", f"asks the provider outside of {ASKS} too")
    caught = [
        source.code(node.type) for node in source.nodes(asks) if isinstance(node, cst.ExceptHandler) and node.type
    ]
    if caught != ["HTTPError", "URLError", "json.JSONDecodeError"]:
        source.differs(ASKS, f"catches {'; '.join(caught)}")
    if parameters(source.function("_normalize_json_value")) != (["value"], []):
        source.differs("_normalize_json_value", "takes something else than a value")
    source.import_the_gate()
    _rename(source, asks)
    source.insert_after(asks, _around(source, asks), "the gate stands around every request to the provider")


def is_edited(source: Source) -> bool:
    """Raises ShapeDiffers for one that is edited, and not as it would be here."""
    if not source.imports_the_gate():
        return False
    asks, sends = source.function(ASKS), source.function(SENDS)
    if [node for node in source.nodes(asks) if call_of(node, "urlopen")] or "gate.change(" not in source.code(asks):
        source.differs(ASKS, "imports the gate, and does not ask it as this command would have it")
    if parameters(sends) != parameters(asks):
        source.differs(SENDS, f"does not take what {ASKS} takes")
    return True


def _rename(source: Source, asks: cst.FunctionDef) -> None:
    first, *_ = source.lines_of(asks)
    if first != f"def {ASKS}(":
        source.differs(ASKS, "does not have its parameters on lines of their own")
    source.replace(asks.name, asks.name, [f"def {SENDS}("], "what sends stays as it is, under a name of its own")


def _around(source: Source, asks: cst.FunctionDef) -> list[str]:
    head = source.lines_of(asks, asks.returns)  # its parameters, as the host writes them
    return ["", "", *head, *indented(_BODY, "    ")]


_BODY = f"""
def send(payload: JsonObject | None, timeout_seconds: int | float) -> JsonValue:
    return {SENDS}(
        host=host,
        token=token,
        path=path,
        method=method,
        payload=payload,
        query=query,
        timeout_seconds=timeout_seconds,
    )

gate = {GATE_MODULE}.installed()
if gate is None:
    return send(payload, timeout_seconds)
answer = gate.change(
    method=method,
    path=path if path.startswith("/") else f"/{{path}}",
    payload=payload,
    query=query,
    timeout_s=timeout_seconds,
    send=send,
)
return _normalize_json_value(answer)
"""
