"""Records on disk: the host's shapes, whole or not at all, and never outside their folder."""

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.gate import Gate
from launchplane_gate.records import (
    ArtifactIdentity,
    BackupGateRecord,
    DeploymentEvidence,
    DeploymentRecord,
    EnvironmentInventory,
    PromotionRecord,
    Record,
)
from launchplane_gate.store import FileStore, RecordStore, holds_records, plain, version
from tests.conftest import ACTOR, A, deploy

# As Launchplane writes them; every field that it writes is here.
DEPLOYMENT = """
{"artifact_identity": {"artifact_id": "ghcr.io/o/p@sha256:aa", "manifest_version": 1}, "context": "shop",
 "delegated_executor": "control-plane.dokploy", "deploy": {"deploy_mode": "dokploy-application-api",
 "deployment_id": "control-plane-dokploy", "finished_at": "2026-11-23T06:57:01Z",
 "started_at": "2026-11-23T06:57:01Z", "status": "pass", "target_name": "app", "target_type": "application"},
 "destination_health": {"status": "pass", "timeout_seconds": 2, "urls": ["https://x/health"], "verified": true},
 "instance": "prod", "no_cache": false, "post_deploy_update": {"attempted": false, "detail": "",
 "status": "skipped"}, "record_id": "deployment-1", "resolved_target": {"target_id": "app-prod",
 "target_name": "app", "target_type": "application"}, "runtime_source": {}, "schema_version": 1,
 "source_git_ref": "aa", "verify_destination_health": true, "wait_for_completion": true}
"""
INVENTORY = """
{"artifact_identity": {"artifact_id": "ghcr.io/o/p@sha256:aa", "manifest_version": 1}, "context": "shop",
 "deploy": {"deploy_mode": "dokploy-application-api", "deployment_id": "control-plane-dokploy",
 "finished_at": "2026-11-23T06:57:01Z", "started_at": "2026-11-23T06:57:01Z", "status": "pass",
 "target_name": "app", "target_type": "application"}, "deployment_record_id": "deployment-1",
 "destination_health": {"status": "skipped", "urls": [], "verified": false}, "instance": "prod",
 "post_deploy_update": {"attempted": false, "detail": "", "status": "skipped"},
 "promoted_from_instance": "testing", "promotion_record_id": "promotion-1", "schema_version": 1,
 "source_git_ref": "aa", "updated_at": "2026-11-23T06:57:01Z"}
"""


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path, {})


def inventory(context: str = "shop", instance: str = "prod") -> EnvironmentInventory:
    record = EnvironmentInventory.model_validate_json(INVENTORY)
    return record.model_copy(update={"context": context, "instance": instance})


@pytest.mark.parametrize(("kind", "text"), [(DeploymentRecord, DEPLOYMENT), (EnvironmentInventory, INVENTORY)])
def test_the_hosts_records_are_read_and_written_unchanged(kind: type[Record], text: str) -> None:
    assert plain(kind.model_validate_json(text, strict=True)) == json.loads(text)


def test_what_is_none_is_left_out_as_the_host_does() -> None:
    record = inventory().model_copy(update={"artifact_identity": None})
    assert "artifact_identity" not in plain(record)


def test_every_kind_of_record_comes_back_as_it_was_written(store: FileStore) -> None:
    deployment = DeploymentRecord.model_validate_json(DEPLOYMENT)
    backup = BackupGateRecord(
        record_id="backup-1", context="shop", instance="prod", created_at="2026-01-01T00:00:00Z", source="test"
    )
    promotion = PromotionRecord(
        record_id="promotion-1",
        artifact_identity=ArtifactIdentity(artifact_id="a"),
        context="shop",
        from_instance="testing",
        to_instance="prod",
        deploy=DeploymentEvidence(target_name="app", target_type="application", deploy_mode="x"),
    )
    store.write_environment_inventory(inventory())
    store.write_deployment_record(deployment)
    store.write_promotion_record(promotion)
    store.write_backup_gate_record(backup)
    assert store.read_environment_inventory(context_name="shop", instance_name="prod") == inventory()
    assert store.read_deployment_record("deployment-1") == deployment
    assert store.list_deployment_records(context_name="shop", instance_name="prod") == (deployment,)
    assert store.list_deployment_records(context_name="shop", instance_name="testing") == ()
    assert store.read_promotion_record("promotion-1") == promotion
    assert store.list_promotion_records(to_instance_name="prod", from_instance_name="testing") == (promotion,)
    assert store.list_promotion_records(from_instance_name="other") == ()
    assert store.read_backup_gate_record("backup-1") == backup
    assert store.list_backup_gate_records(limit=0) == ()
    assert store.list_environment_inventory() == (inventory(),)


def test_a_missing_record_is_a_file_not_found_as_in_the_host(store: FileStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.read_environment_inventory(context_name="shop", instance_name="prod")
    with pytest.raises(FileNotFoundError):
        store.read_deployment_record("deployment-1")
    with pytest.raises(FileNotFoundError):
        store.read_product_profile_record("shop")


def test_two_lanes_never_share_a_file(store: FileStore) -> None:
    store.write_environment_inventory(inventory("a-b", "c"))
    store.write_environment_inventory(inventory("a", "b-c"))
    assert len(store.list_environment_inventory()) == 2


@pytest.mark.parametrize("name", ["../inventory/x", "a/b", "a\\b", "..", "", "a\0b", ".hidden", "x" * 300])
def test_a_name_that_leaves_its_folder_is_refused_before_it_becomes_a_file(store: FileStore, name: str) -> None:
    record = DeploymentRecord.model_validate_json(DEPLOYMENT).model_copy(update={"record_id": name})
    with pytest.raises(RecordUnreadable):
        store.write_deployment_record(record)
    with pytest.raises(RecordUnreadable):
        store.read_deployment_record(name)
    assert not list(store.root.rglob("*.json"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not JSON"),
        (INVENTORY[:200], "is not JSON"),
        ("[]", "should be an object"),
        (INVENTORY.replace('"prod"', '"staging"'), "of another lane"),
        (INVENTORY.replace('"schema_version": 1', '"schema_version": 1, "extra": 1'), "extra"),
        (INVENTORY.replace('"schema_version": 1', '"schema_version": "1"'), "schema_version"),
        (INVENTORY.replace('"testing"', '""'), "promoted_from_instance"),
        (INVENTORY.replace('"source_git_ref": "aa"', '"source_git_ref": "aa", "source_git_ref": "bb"'), "twice"),
    ],
)
def test_a_record_that_cannot_be_trusted_says_where_and_why(store: FileStore, content: str, says: str) -> None:
    path = store.root / "inventory" / "shop" / "prod.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(RecordUnreadable, match=says):
        store.read_environment_inventory(context_name="shop", instance_name="prod")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(path.parent):  # its whole name may be too long
        bound.bind(path.name)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


NO_FILE: dict[str, Callable[[Path], None]] = {
    "a named pipe": os.mkfifo,
    "a socket": make_socket,
    "a folder": Path.mkdir,
    "a device": link_to_a_device,
}


@pytest.mark.parametrize("kind", NO_FILE)
def test_what_is_no_file_is_a_torn_record_and_nobody_waits_for_it(store: FileStore, kind: str) -> None:
    for part in ("inventory/shop/prod", "deployments/shop/prod/deployment-1"):
        path = store.root / f"{part}.json"
        path.parent.mkdir(parents=True)
        NO_FILE[kind](path)
    for read in (
        lambda: store.read_environment_inventory(context_name="shop", instance_name="prod"),
        store.list_environment_inventory,
        lambda: store.read_deployment_record("deployment-1"),
        store.list_deployment_records,
    ):
        with pytest.raises(RecordUnreadable, match=f"cannot be read: it is {kind} where a file should be"):
            read()


def test_a_link_in_a_circle_and_a_file_for_a_folder_are_torn_records(store: FileStore) -> None:
    path = store.root / "inventory" / "shop" / "prod.json"
    path.parent.mkdir(parents=True)
    path.symlink_to(path)
    (store.root / "deployments" / "shop").mkdir(parents=True)
    (store.root / "deployments" / "shop" / "prod").write_text("")
    with pytest.raises(RecordUnreadable):
        store.read_environment_inventory(context_name="shop", instance_name="prod")
    with pytest.raises(RecordUnreadable):
        store.list_deployment_records(context_name="shop", instance_name="prod")


@pytest.mark.parametrize("umask", [0o000, 0o022], ids=oct)
def test_records_are_for_us_alone_and_never_written_through_a_link(
    store: FileStore, tmp_path: Path, umask: int
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    before = os.umask(umask)
    try:
        path = store.write_environment_inventory(inventory())
        path.unlink()
        path.symlink_to(victim)
        store.write_environment_inventory(inventory())
    finally:
        os.umask(before)
    assert victim.read_text() == "mine"
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]


def test_a_write_that_fails_leaves_what_was_there(store: FileStore) -> None:
    path = store.write_environment_inventory(inventory())
    before = path.read_bytes()
    unwritable = inventory().model_copy(update={"source_git_ref": "\ud800"})  # no UTF-8 can hold it
    with pytest.raises(Exception, match=r"surrogates|utf-8"):
        store.write_environment_inventory(unwritable)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["prod.json"]  # noqa: PTH208  # hidden files too


def test_the_version_of_a_record_is_its_content_and_absence_has_one() -> None:
    assert version(inventory()) == version(EnvironmentInventory.model_validate_json(INVENTORY))
    assert version(inventory()) != version(inventory(instance="testing"))
    assert version(None) == "absent"


class HostStore:
    """As a host's: it lists, and cannot tell more than that."""

    def __init__(self, *records: EnvironmentInventory) -> None:
        self._records = records

    def list_environment_inventory(self) -> tuple[EnvironmentInventory, ...]:
        return self._records


def test_a_host_is_asked_too_whether_it_holds_records(gate: Gate) -> None:
    assert not holds_records(cast("RecordStore", HostStore()))
    assert not holds_records(gate.store)
    gate.run(deploy(A), ACTOR)
    assert holds_records(gate.store)
    assert holds_records(cast("RecordStore", HostStore(*gate.store.list_environment_inventory())))
