"""What changes in the host's ``control_plane/service.py``: a call of the gate where a lane is about to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from launchplane_gate_launchplane.edit.sites import CUT_OVER, CUTOVER, SITES, Site
from launchplane_gate_launchplane.edit.source import (
    GATE_MODULE,
    Source,
    assigned,
    call_of,
    indented,
    keywords,
    parameters,
    statements,
)

NAME = "control_plane/service.py"
APP = "create_launchplane_service_app"
ASKED = "gated"  # the variable that holds what the gate said
ASKED_OF = "cut_over"  # the one that holds what cuts over
KEY_CHECK = "_check_idempotent_request"
CAUGHT = [
    "(PermissionError, InvalidTokenError)",
    "FileNotFoundError",
    "ValidationError",
    "ProductDriverMismatchError",
    "(ValueError, click.ClickException)",
    "Exception",
]


def edit(source: Source) -> None:
    """Raises ShapeDiffers."""
    app = source.function("app", inside=source.function(APP))
    source.import_the_gate()
    _match_reads(source)
    _read(source, app)
    _introduce_the_writer(source, app)
    for site in SITES:
        _ask(source, site, _branch(source, site.route))
    _cut_over(source, _branch(source, CUTOVER))
    _each_executor_is_known(source)
    _catch(source, app)
    _answer(source, app)


def is_edited(source: Source) -> bool:
    """Raises ShapeDiffers for one that is edited, and not as it would be here."""
    if not source.imports_the_gate():
        return False
    for site in SITES:
        branch = statements(_branch(source, site.route))
        asking = [value for node in branch if (value := assigned(node, ASKED)) is not None]
        if len(asking) != 1 or f"{site.executor}(" not in source.code(asking[0]):
            source.differs("app", f"imports the gate, and {site.route} does not ask it as this command would have it")
    if f").result_of({ASKED_OF})" not in source.code(_branch(source, CUTOVER)):
        source.differs("app", f"imports the gate, and {CUTOVER} does not ask it as this command would have it")
    _each_executor_is_known(source)
    return True


def _branch(source: Source, route: str) -> cst.If:
    found = [node for node in source.nodes() if isinstance(node, cst.If) and _is_for(node.test, route)]
    if len(found) != 1:
        source.differs("app", f"{'no' if not found else 'more than one'} branch answers {route}")
    return found[0]


def _is_for(test: cst.BaseExpression, route: str) -> bool:
    """Whether it asks ``path == "ROUTE"``."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    [compared] = test.comparisons
    path, named = test.left, compared.comparator
    is_equal = isinstance(compared.operator, cst.Equal) and isinstance(path, cst.Name) and path.value == "path"
    return is_equal and isinstance(named, cst.SimpleString) and named.evaluated_value == route


def _ask(source: Source, site: Site, branch: cst.If) -> None:
    """The check of the key, its early return and the executor stand together; the gate is asked before them."""
    body = list(statements(branch))
    checks = [at for at, node in enumerate(body) if call_of(assigned(node, "idempotent_response"), KEY_CHECK)]
    if len(checks) != 1 or len(body) < checks[0] + 3:
        source.differs("app", f"{site.route} does not check its key once, and execute then")
    check, early, execute = body[checks[0] : checks[0] + 3]
    if not isinstance(early, cst.If) or source.code(early.test) != "idempotent_response is not None":
        source.differs("app", f"{site.route} does not answer a known key right after it looked it up")
    call = call_of(assigned(execute, site.assigns), site.executor)
    if call is None:
        source.differs("app", f"{site.route} does not call {site.executor} right after it checked its key")
    given = keywords(source, call)
    if given != site.arguments:
        source.differs("app", f"{site.route} calls {site.executor} with {given}, not with {site.arguments}")
    indent = source.indent_of(check)
    source.replace(
        check,
        execute,
        [
            *indented(_asking(site, given), indent),
            f"{indent}if not {ASKED}.governed:",
            *(f"    {line}" if line else "" for line in source.lines_of(check, early)),
            f"{indent}{site.assigns} = {ASKED}.result_of({site.executor})",
        ],
        f"{site.route} asks the gate, which owns the key of what it governs",
    )


def _asking(site: Site, given: Mapping[str, str]) -> str:
    own = {"record_store": "store", site.given_as: site.given_as}
    lines = [f"{ASKED} = gate_writer.write("]
    lines += [f'    driver_id="{site.driver_id}",'] if site.driver_id else []
    lines += [
        f"    product={site.product},",
        f"    request=request.{site.takes},",
        f"    execute=lambda store, {site.given_as}: {site.executor}(",
        *(f"        {name}={own.get(name, value)}," for name, value in given.items()),
        "    ),",
        ")",
    ]
    return "\n".join(lines)


def _cut_over(source: Source, branch: cst.If) -> None:
    """Its key is looked up before, and stays the host's: what is repeated tells of nothing that the gate did."""
    found = [
        (node, call)
        for node in source.nodes(branch.body)
        if isinstance(call := assigned(node, "driver_result"), cst.Call) and source.code(call.func) == CUT_OVER
    ]
    if len(found) != 1:
        source.differs("app", f"{CUTOVER} does not call {CUT_OVER} once")
    [(node, call)] = found
    if (given := keywords(source, call)) != {"record_store": "record_store", "request": "request"}:
        source.differs("app", f"{CUTOVER} calls {CUT_OVER} with {given}, not with record_store and request")
    source.replace(
        node,
        node,
        indented(
            f"""
            {ASKED_OF} = {CUT_OVER}
            driver_result = gate_writer.write(
                product=request.product,
                request=request,
                execute=lambda store, request: {ASKED_OF}(
                    record_store=store,
                    request=request,
                ),
            ).result_of({ASKED_OF})
            """,
            source.indent_of(node),
        ),
        "a cutover copies what the gate lets it: what lanes run is not told by a copy",
    )


def _each_executor_is_known(source: Source) -> None:
    """One that is called anywhere else, but by another executor, would go past the gate."""
    executors = {site.executor for site in SITES}
    own = [node for node in source.module.body if isinstance(node, cst.FunctionDef) and node.name.value in executors]
    called = [node for part in source.module.body if part not in own for node in source.nodes(part)]
    for executor in sorted(executors):
        known = sum(site.executor == executor for site in SITES)
        if (found := len([node for node in called if call_of(node, executor)])) != known:
            source.differs("", f"calls {executor} in {found} places, of which {known} are known")
    named = [node for node in source.nodes() if isinstance(node, cst.Attribute) and source.code(node) == CUT_OVER]
    if len(named) != 1:
        source.differs("", f"names {CUT_OVER} in {len(named)} places, of which 1 is known")


def _introduce_the_writer(source: Source, app: cst.FunctionDef) -> None:
    for name in ("request_trace_id", "request_idempotency_key", "request_scope", "request_fingerprint", "identity"):
        if not any(assigned(node, name) is not None for node in source.nodes(app.body)):
            source.differs("app", f"has no {name}")
    if not any(assigned(node, "resolved_root") is not None for node in statements(source.function(APP))):
        source.differs(APP, "has no resolved_root")
    source.insert_after(
        _only(source, app, "request_fingerprint"),
        indented(
            f"""
            gate_writer = {GATE_MODULE}.GateWriter(
                route=path,
                identity=identity,
                trace_id=request_trace_id,
                idempotency_key=request_idempotency_key,
                fingerprint=request_fingerprint,
                scope=request_scope,
                record_store=record_store,
                control_plane_root=resolved_root,
            )
            {ASKED}: {GATE_MODULE}.GatedWrite | None = None
            """,
            source.indent_of(_only(source, app, "request_fingerprint")),
        ),
        "who writes, as the gate is told",
    )


def _only(source: Source, app: cst.FunctionDef, name: str) -> cst.CSTNode:
    found = [node for node in source.nodes(app.body) if assigned(node, name) is not None]
    if len(found) != 1:
        source.differs("app", f"assigns {name} in {len(found)} places")
    return found[0]


def _match_reads(source: Source) -> None:
    name = "_match_read_route"
    matching = source.function(name)
    if parameters(matching) != (["path"], []):
        source.differs(name, "takes something else than the path")
    *before, last = statements(matching)
    if not before or assigned(before[0], "segments") is None:
        source.differs(name, "does not begin with the segments of the path")
    if source.code(last) != "return None":
        source.differs(name, "does not end with what it knows no route for")
    source.replace(
        last,
        last,
        [f"{source.indent_of(last)}return {GATE_MODULE}.match_gate_read_route(segments)"],
        "decisions and lanes can be read, where there is a gate",
    )


def _read(source: Source, app: cst.FunctionDef) -> None:
    found = [
        node
        for node in source.nodes(app.body)
        if isinstance(node, cst.SimpleStatementLine) and source.code(node) == "action, params = read_route"
    ]
    if len(found) != 1:
        source.differs("app", "does not take action and params of its read route in one place")
    source.insert_after(
        found[0],
        indented(
            f"""
            if action in {GATE_MODULE}.GATE_READ_ACTIONS:
                reading = {GATE_MODULE}.read_from_gate(action, params)
                if not authz_policy.allows(
                    identity=identity,
                    action=action,
                    product="launchplane",
                    context=reading.context,
                ):
                    return _json_response(
                        start_response=start_response,
                        status_code=403,
                        payload={{
                            "status": "rejected",
                            "trace_id": request_trace_id,
                            "error": {{
                                "code": "authorization_denied",
                                "message": "Not allowed to read from the gate in this context.",
                            }},
                        }},
                    )
                return _json_response(
                    start_response=start_response,
                    status_code=200,
                    payload={{
                        **reading.payload,
                        "status": "ok",
                        "trace_id": request_trace_id,
                    }},
                )
            """,
            source.indent_of(found[0]),
        ),
        "what is read from the gate is shown to those who may see it",
    )


def _catch(source: Source, app: cst.FunctionDef) -> None:
    tried = [node for node in statements(app) if isinstance(node, cst.Try)]
    if len(tried) != 1:
        source.differs("app", "has not one try around all that it does")
    caught = [source.code(handler.type) if handler.type else "" for handler in tried[0].handlers]
    if caught != CAUGHT:
        source.differs("app", f"catches {'; '.join(caught)}, not {'; '.join(CAUGHT)}")
    within = source.nodes(tried[0].body)
    if not all(_branch(source, site.route) in within for site in SITES):
        source.differs("app", "answers its routes outside of what it tries")
    source.insert_before(
        tried[0].handlers[0],
        indented(
            f"""
            except {GATE_MODULE}.GateDenied as denied:
                return _json_response(
                    start_response=start_response,
                    status_code=denied.status,
                    payload={{
                        "status": "rejected",
                        "trace_id": request_trace_id,
                        "error": {{"code": denied.code, "message": denied.message}},
                    }},
                )
            """,
            source.indent_of(tried[0]),
        ),
        "a denial is answered as the gate says it, and stored by nobody",
    )


def _answer(source: Source, app: cst.FunctionDef) -> None:
    found = _only(source, app, "accepted_payload")
    call = call_of(assigned(found, "accepted_payload"), "_accepted_payload")
    given = keywords(source, call) if call else None
    if given != {"trace_id": "request_trace_id", "result": "result", "driver_result": "driver_result"}:
        source.differs("app", f"makes its answer with {given}")
    if not {"replayed", "original_trace_id"} <= set(parameters(source.function("_accepted_payload"))[1]):
        source.differs("_accepted_payload", "does not take replayed and original_trace_id by name")
    *kept, last = source.lines_of(found)
    inner = source.indent_of(found) + "    "
    told = [
        f'{inner}replayed={ASKED} is not None and {ASKED}.original_trace_id != "",',
        f'{inner}original_trace_id={ASKED}.original_trace_id if {ASKED} is not None else "",',
    ]
    source.replace(found, found, [*kept, *told, last], "an answer that the gate repeats is called so, as before")
    stored = _only_true(source, app)
    source.replace(
        stored,
        stored,
        [f"{source.indent_of(stored)}should_store_idempotency = {ASKED} is None or not {ASKED}.governed"],
        "nothing is stored under a key that the gate owns",
    )


def _only_true(source: Source, app: cst.FunctionDef) -> cst.CSTNode:
    """Where it says that an answer is stored, before it finds exceptions."""
    name = "should_store_idempotency"
    found = [node for node in statements(app) if (value := assigned(node, name)) and source.code(value) == "True"]
    stores = [node for node in _ifs(app) if name in source.code(node.test)]
    if len(found) != 1 or len(stores) != 1 or "_write_idempotency_record(" not in source.code(stores[0]):
        source.differs("app", f"does not store answers under their keys by {name}")
    return found[0]


def _ifs(app: cst.FunctionDef) -> Iterator[cst.If]:
    return (node for node in statements(app) if isinstance(node, cst.If))
