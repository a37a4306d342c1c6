"""The host's commands that change a lane refuse for what is governed: they write through stores of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import click

from launchplane_gate_launchplane.bridge.denied import GateDenied
from launchplane_gate_launchplane.bridge.heard import BridgedCall
from launchplane_gate_launchplane.bridge.unknown import unknown_host
from launchplane_gate_launchplane.host_commands import ROLLBACK, STORES, TAKES
from launchplane_gate_launchplane.protocol import HostGate

Function = Callable[..., Any]
Options = Mapping[str, Any]


def _from_file(module: str, model: str) -> Callable[[ModuleType, Options], Any]:
    def read(_: ModuleType, options: Options) -> Any:
        wanted = getattr(import_module(f"control_plane.contracts.{module}"), model)
        return wanted.model_validate_json(options["input_file"].read_bytes())

    return read


def _from_store(read: str) -> Callable[[ModuleType, Options], Any]:
    return lambda cli, options: getattr(_store(cli, options), read)(options["record_id"])


def _promotion(cli: ModuleType, options: Options) -> Any:
    """Made of the options as the host makes it."""
    return cli.build_promotion_record(**{name: value for name, value in options.items() if name not in STORES})


def _store(cli: ModuleType, options: Options) -> Any:
    return cli._store(options["state_dir"], database_url=options["database_url"])


# How each command reads what it is about; nothing for an import.
_READS: dict[str, Callable[[ModuleType, Options], Any]] = {
    "ship execute": _from_file("ship_request", "ShipRequest"),
    "promote execute": _from_file("promotion_record", "PromotionRequest"),
    "promote record": _promotion,
    "deployments write": _from_file("deployment_record", "DeploymentRecord"),
    "promotions write": _from_file("promotion_record", "PromotionRecord"),
    "release-tuples write-from-promotion": _from_store("read_promotion_record"),
    "inventory write-from-deployment": _from_store("read_deployment_record"),
    "inventory write-from-promotion": _from_store("read_promotion_record"),
    "storage import-core-records": lambda *_: None,
}

COMMANDS = frozenset(f"launchplane {name}" for name in (*TAKES, ROLLBACK))


def commands(cli: ModuleType, gate: HostGate) -> Iterator[tuple[Any, str, Callable[[Function], Function]]]:
    """What is replaced, as an object, its attribute and the wrapper. Raises SettingsError for what is not known."""
    for name, takes in TAKES.items():
        command = _command(cli, name)
        if tuple(option.name for option in command.params) != takes:
            raise unknown_host(f"`launchplane {name}` does not take {', '.join(takes)}")
        yield command, "callback", _asking(cli, gate, name, _READS[name])
    yield cli, "execute_odoo_prod_rollback", _rolling_back(cli, gate)


def _command(cli: ModuleType, name: str) -> click.Command:
    found: Any = cli.main
    for part in name.split():
        found = getattr(found, "commands", {}).get(part)
    if not isinstance(found, click.Command):
        raise unknown_host(f"`launchplane {name}` is not there")
    return found


def _asking(
    cli: ModuleType, gate: HostGate, name: str, read: Callable[[ModuleType, Options], Any]
) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        @wraps(original)
        def callback(**options: Any) -> Any:
            _ask(gate, cli, name, read(cli, options), _store(cli, options))
            return original(**options)

        return callback

    return wrapper


def _rolling_back(cli: ModuleType, gate: HostGate) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        @wraps(original)
        def execute(**arguments: Any) -> Any:
            _ask(gate, cli, ROLLBACK, arguments["request"], arguments["record_store"])
            return original(**arguments)

        return execute

    return wrapper


def _ask(gate: HostGate, cli: ModuleType, name: str, request: Any, store: Any) -> None:
    """Raises GateDenied for what is governed."""
    route = f"launchplane {name}"

    def refuse(_: Any) -> NoReturn:
        raise GateDenied(status=409, code="policy_denied", message=f"`{route}` would go past the gate")

    call = BridgedCall(
        route=route,
        driver_id="",
        product="",
        request=request,
        identity=None,
        trace_id="",
        idempotency_key="",
        fingerprint="",
        scope="",
        record_store=store,
        control_plane_root=Path(cli._control_plane_root()),
        execute=refuse,
    )
    if gate.run(call) is not None:
        refuse(None)
