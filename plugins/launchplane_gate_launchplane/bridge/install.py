"""Putting the wrappers in the place of the host's functions, and the functions back."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from types import CodeType, ModuleType
from typing import Any

from launchplane_gate_launchplane.bridge.commands import commands
from launchplane_gate_launchplane.bridge.trial import Trial, try_requests
from launchplane_gate_launchplane.bridge.unknown import unknown_host
from launchplane_gate_launchplane.bridge.wrappers import Wrappers
from launchplane_gate_launchplane.protocol import HostGate

SERVICE, PROVIDER, COMMANDS = "control_plane.service", "control_plane.dokploy", "control_plane.cli"
CUTOVERS = "control_plane.product_context_cutover"
REQUEST, CUT_OVER = "dokploy_request", "apply_product_context_cutover"
ELSEWHERE = {REQUEST: PROVIDER, CUT_OVER: CUTOVERS}  # what is looked up in the module that has it, by everybody
TAKES: dict[str, tuple[str, ...]] = {
    "_trace_id": (),
    "_idempotency_scope": ("identity",),
    "_idempotency_key": ("environ",),
    "_request_fingerprint": ("payload",),
    "_check_idempotent_request": (
        "record_store",
        "scope",
        "route_path",
        "idempotency_key",
        "request_fingerprint",
        "start_response",
        "trace_id",
    ),
    "_write_idempotency_record": (
        "record_store",
        "scope",
        "route_path",
        "idempotency_key",
        "request_fingerprint",
        "response_status_code",
        "response_trace_id",
        "response_payload",
    ),
    "_accepted_payload": ("trace_id", "result", "driver_result", "replayed", "original_trace_id"),
    "_json_response": ("start_response", "status_code", "payload", "headers"),
    "execute_generic_web_deploy": ("control_plane_root", "record_store", "request", "profile", "lane"),
    "execute_generic_web_prod_promotion": ("control_plane_root", "record_store", "request"),
    "execute_odoo_prod_promotion": ("control_plane_root", "state_dir", "database_url", "record_store", "request"),
    "execute_odoo_prod_rollback": ("control_plane_root", "record_store", "request"),
    "execute_verireel_stable_deploy": ("control_plane_root", "record_store", "request"),
    "execute_verireel_prod_promotion": ("control_plane_root", "record_store", "request"),
    "execute_verireel_prod_rollback": ("control_plane_root", "record_store", "request"),
    "_apply_verireel_testing_verification_records": ("record_store", "request"),
    "apply_deployment_evidence": ("record_store", "deployment_record"),
    "apply_promotion_evidence": ("record_store", "promotion_record"),
    REQUEST: ("host", "token", "path", "method", "payload", "query", "timeout_seconds"),
    CUT_OVER: ("record_store", "request"),
}

Function = Callable[..., Any]

_installing = threading.Lock()
_replaced: list[tuple[Any, str, Function]] = []


def install(gate: HostGate) -> None:
    """Wrap the host's functions in this process, so that they ask ``gate``. Before the host serves anybody.

    Raises SettingsError, which names it, where a function is not there, takes other arguments than are known or is not
    looked up where it is replaced, and where a trial request does not come through as it should. Nothing is wrapped
    then.
    """
    with _installing:
        if _replaced:
            raise unknown_host("a gate is installed in this host already", "uninstall() takes it out.")
        modules = {name: _module(name) for name in (SERVICE, PROVIDER, CUTOVERS, COMMANDS)}
        _see_that_it_is_known(modules)
        try:
            _replace(modules, trial := Trial())
            try_requests(modules[SERVICE], trial)
        finally:
            _restore()
        _replace(modules, gate)


def uninstall() -> None:
    """Put the host's own functions back; without a gate installed, do nothing."""
    with _installing:
        _restore()


def _replace(modules: Mapping[str, ModuleType], gate: HostGate) -> None:
    wrappers = Wrappers(gate)
    for name, wrapper in wrappers.of_service().items():
        _put(modules[SERVICE], name, wrapper)
    _put(modules[PROVIDER], REQUEST, wrappers.provider)
    _put(modules[CUTOVERS], CUT_OVER, wrappers.cut_over)
    for place, name, wrapper in commands(modules[COMMANDS], gate):
        _put(place, name, wrapper)


def _put(place: Any, name: str, wrapper: Callable[[Function], Function]) -> None:
    original = getattr(place, name)
    _replaced.append((place, name, original))
    setattr(place, name, wrapper(original))


def _restore() -> None:
    while _replaced:
        place, name, original = _replaced.pop()
        setattr(place, name, original)


# -- what is known of the host


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise unknown_host(f"{name} cannot be imported: {error}", "Install the gate where Launchplane is.") from None


def _see_that_it_is_known(modules: Mapping[str, ModuleType]) -> None:
    service = modules[SERVICE]
    looked_up = set(_names(service.create_launchplane_service_app.__code__))
    for name, parameters in TAKES.items():
        module = modules[ELSEWHERE.get(name, SERVICE)]
        function = getattr(module, name, None)
        if function is None:
            raise unknown_host(f"{module.__name__}.{name} is not there")
        takes = tuple(inspect.signature(function).parameters)
        if takes != parameters:
            raise unknown_host(f"{module.__name__}.{name} takes {_list(takes)}, and {_list(parameters)} is known")
        if module is service and name not in looked_up and not _is_called_within(service, name):
            raise unknown_host(f"{module.__name__}.{name} is not what the service calls")
    for name, module in list(sys.modules.items()):
        for function, place in ELSEWHERE.items():
            if name.startswith("control_plane.") and name != place and function in vars(module):
                raise unknown_host(f"{name} keeps a {function} of its own, past which nobody would be asked")


def _is_called_within(service: ModuleType, name: str) -> bool:
    """Whether another function of the service looks a name up."""
    functions = [found for found in vars(service).values() if inspect.isfunction(found)]
    return any(name in found.__code__.co_names for found in functions)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _list(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})"
