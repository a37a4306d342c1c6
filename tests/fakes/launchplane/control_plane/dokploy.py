"""How the host speaks to its Dokploy: all of it through ``dokploy_request``. Its targets stand in the database."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import click
from pydantic import Field

from control_plane import secrets as control_plane_secrets

from .contracts.rules import Closed
from .storage.factory import resolve_database_url
from .storage.postgres import PostgresRecordStore

JsonObject: TypeAlias = dict[str, Any]
JsonValue: TypeAlias = Any

POLL_S = 3  # as the real one
GOOD = {"done", "success", "succeeded", "completed", "healthy", "finished"}
BAD = {"failed", "error", "canceled", "cancelled", "killed", "unhealthy", "timeout"}


class DokployTargetDefinition(Closed):
    context: str
    instance: str
    project_name: str = ""
    target_type: Literal["compose", "application"] = "compose"
    target_id: str = ""
    target_name: str = ""
    deploy_timeout_seconds: int | None = Field(default=None, ge=1)
    healthcheck_enabled: bool = True
    healthcheck_path: str = "/web/health"
    healthcheck_timeout_seconds: int | None = Field(default=None, ge=1)
    env: dict[str, str] = Field(default_factory=dict)
    domains: tuple[str, ...] = ()


class DokploySourceOfTruth(Closed):
    schema_version: int = Field(ge=1)
    targets: tuple[DokployTargetDefinition, ...] = ()


def read_control_plane_dokploy_source_of_truth(*, control_plane_root: Path) -> DokploySourceOfTruth:
    """Of the database that the environment names, whatever store the service was given."""
    del control_plane_root
    url = resolve_database_url()
    if url is None:
        raise click.ClickException("No database holds the targets.")
    store = PostgresRecordStore(database_url=url)
    try:
        store.ensure_schema()
        ids = {(one.context, one.instance): one.target_id for one in store.list_dokploy_target_id_records()}
        targets = tuple(
            DokployTargetDefinition(
                target_id=ids.get((record.context, record.instance), ""),
                **record.model_dump(exclude={"schema_version", "updated_at", "source_label"}),
            )
            for record in store.list_dokploy_target_records()
        )
    finally:
        store.close()
    if not targets:
        raise click.ClickException("The database holds no targets.")
    return DokploySourceOfTruth(schema_version=1, targets=targets)


def find_dokploy_target_definition(
    source_of_truth: DokploySourceOfTruth, *, context_name: str, instance_name: str
) -> DokployTargetDefinition | None:
    for target in source_of_truth.targets:
        if (target.context, target.instance) == (context_name, instance_name):
            return target
    return None


def resolve_ship_timeout_seconds(
    *, timeout_override_seconds: int | None, target_definition: DokployTargetDefinition
) -> int:
    """A caller's wish has no upper bound."""
    return timeout_override_seconds or target_definition.deploy_timeout_seconds or 600


def read_control_plane_environment_values(*, control_plane_root: Path) -> dict[str, str]:
    del control_plane_root
    values: dict[str, str] = control_plane_secrets.overlay_dokploy_environment_values(environment_values={})
    return values


def read_dokploy_config(*, control_plane_root: Path) -> tuple[str, str]:
    values = read_control_plane_environment_values(control_plane_root=control_plane_root)
    host, token = values.get("DOKPLOY_HOST", "").strip(), values.get("DOKPLOY_TOKEN", "").strip()
    if not host or not token:
        raise click.ClickException("DOKPLOY_HOST or DOKPLOY_TOKEN is missing.")
    return host, token


def trigger_deployment(*, host: str, token: str, target_type: str, target_id: str, no_cache: bool) -> None:
    how = "redeploy" if no_cache else "deploy"
    payload = {f"{target_type}Id": target_id}
    if no_cache:
        payload["title"] = "redeployed by hand"
    dokploy_request(host=host, token=token, path=f"/api/{target_type}.{how}", method="POST", payload=payload)


def latest_deployment_for_target(*, host: str, token: str, target_type: str, target_id: str) -> JsonObject | None:
    """A trap: whose it is, nobody looks at."""
    if target_type == "compose":
        payload = fetch_dokploy_target_payload(host=host, token=token, target_type=target_type, target_id=target_id)
        return _latest(payload.get("deployments"))
    query: dict[str, str | int] = {"applicationId": target_id}
    return _latest(dokploy_request(host=host, token=token, path="/api/deployment.all", query=query))


def fetch_dokploy_target_payload(*, host: str, token: str, target_type: str, target_id: str) -> JsonObject:
    query: dict[str, str | int] = {f"{target_type}Id": target_id}
    payload = dokploy_request(host=host, token=token, path=f"/api/{target_type}.one", query=query)
    if not isinstance(payload, dict):
        raise click.ClickException(f"Dokploy showed no {target_type}.")
    return payload


def update_dokploy_target_env(
    *, host: str, token: str, target_type: str, target_id: str, target_payload: JsonObject, env_text: str
) -> None:
    del target_payload
    path = "/api/compose.update" if target_type == "compose" else "/api/application.saveEnvironment"
    payload = {f"{target_type}Id": target_id, "env": env_text}
    dokploy_request(host=host, token=token, path=path, method="POST", payload=payload)


def render_dokploy_env_text_with_overrides(raw_env_text: str, *, updates: dict[str, str]) -> str:
    kept = [line for line in raw_env_text.splitlines() if line.partition("=")[0].strip() not in updates]
    return "\n".join([*kept, *(f"{name}={value}" for name, value in updates.items())])


def wait_for_target_deployment(
    *, host: str, token: str, target_type: str, target_id: str, before_key: str, timeout_seconds: int
) -> str:
    """Until the newest is another than before, and has ended. A trap: one without a status has ended well."""
    since = time.monotonic()
    while time.monotonic() - since <= timeout_seconds:
        latest = latest_deployment_for_target(host=host, token=token, target_type=target_type, target_id=target_id)
        key, status = deployment_key(latest), str((latest or {}).get("status") or "").lower()
        if key and key != before_key and (not status or status in GOOD):
            return f"{key}: {status or 'unknown'}"
        if key and key != before_key and status in BAD:
            raise click.ClickException(f"Deployment {key} ended {status}.")
        time.sleep(POLL_S)
    raise click.ClickException("Timed out waiting for the deployment.")


def deployment_key(deployment: JsonObject | None) -> str:
    return str((deployment or {}).get("deploymentId") or "")


def _latest(rows: Any) -> JsonObject | None:
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return max(known, key=lambda row: str(row.get("createdAt") or ""), default=None)


def dokploy_request(
    *,
    host: str,
    token: str,
    path: str,
    method: str = "GET",
    payload: JsonObject | None = None,
    query: dict[str, str | int] | None = None,
    timeout_seconds: int | float = 60,
) -> JsonValue:
    """A trap: a connection that ends, or tells nothing for too long, while it is read raises what nobody catches."""
    url = f"{host.rstrip('/')}/{path.lstrip('/')}"
    if query:
        url += f"?{urlencode(query)}"
    headers = {"x-api-key": token} | ({} if payload is None else {"Content-Type": "application/json"})
    body = None if payload is None else json.dumps(payload).encode()
    try:
        with urlopen(Request(url, data=body, headers=headers, method=method), timeout=timeout_seconds) as answer:  # noqa: S310  # the settings' own host
            said = answer.read()
    except HTTPError as error:
        text = error.read().decode(errors="replace")  # a trap: it may hold a secret
        raise click.ClickException(f"Dokploy answered {method} {path} with {error.code}: {text}") from error
    except URLError as error:
        raise click.ClickException(f"Dokploy could not be asked {method} {path}: {error.reason}") from error
    if not said:
        return {}
    try:
        return _normalize_json_value(json.loads(said))
    except json.JSONDecodeError:
        return {"raw": said.decode(errors="replace")}


def _normalize_json_value(value: object) -> JsonValue:
    if isinstance(value, list):
        return [_normalize_json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _normalize_json_value(item) for name, item in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
