"""The host that these tests run on: its stores take its records and give them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.launchplane.hosts import PRODUCT, Host


def test_the_host_takes_its_records_and_gives_them_back(host: Host, host_store: Any) -> None:
    kept = {
        "product_profile_record": host.profile(),
        "deployment_record": host.deployment("A"),
        "promotion_record": host.promotion("A"),
        "backup_gate_record": host.backup(),
    }
    for name, record in kept.items():
        getattr(host_store, f"write_{name}")(record)
        key = getattr(record, "record_id", None) or record.product
        assert getattr(host_store, f"read_{name}")(key) == record
    host_store.write_environment_inventory(host.inventory("A"))
    assert host_store.list_environment_inventory() == (host.inventory("A"),)
    assert host_store.list_deployment_records(context_name=PRODUCT, instance_name="testing", limit=1)
    with pytest.raises(FileNotFoundError):
        host_store.read_deployment_record("none")


def test_one_torn_file_hides_all_of_its_kind_from_the_host(host: Host, file_store: Any, tmp_path: Path) -> None:
    file_store.write_deployment_record(host.deployment("A"))
    (tmp_path / "host" / "deployments" / "torn.json").write_text('{"record_id": ')
    with pytest.raises(json.JSONDecodeError):
        file_store.list_deployment_records(context_name=PRODUCT, instance_name="testing")


def test_the_host_takes_two_lanes_for_one_in_files(host: Host, file_store: Any) -> None:
    file_store.write_environment_inventory(host.inventory("A", "b-c", context="a"))
    file_store.write_environment_inventory(host.inventory("B", "c", context="a-b"))
    assert file_store.read_environment_inventory(context_name="a", instance_name="b-c").context == "a-b"


@pytest.mark.launchplane
def test_the_real_host_is_what_is_imported(host: Host) -> None:
    assert host.module("service").create_launchplane_service_app
