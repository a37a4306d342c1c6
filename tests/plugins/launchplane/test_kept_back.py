"""The host's store while an executor runs: what it would record is kept back, and all else goes through."""

from __future__ import annotations

from typing import Any

import pytest

from launchplane_gate_launchplane.kept_back import KeptBack
from tests.plugins.launchplane.hosts import PRODUCT, Host


def test_what_is_kept_back_is_read_again_and_never_reaches_the_store(host: Host, host_store: Any) -> None:
    kept = KeptBack(host_store)
    kept.write_deployment_record(host.deployment("A"))
    kept.write_promotion_record(host.promotion("A"))
    kept.write_environment_inventory(host.inventory("A"))
    assert kept.read_deployment_record(host.deployment("A").record_id) == host.deployment("A")
    assert kept.read_promotion_record(record_id=host.promotion("A").record_id) == host.promotion("A")
    lane = {"context_name": PRODUCT, "instance_name": "testing"}
    assert kept.read_environment_inventory(**lane) == host.inventory("A")
    for name in ("deployment_records", "promotion_records", "environment_inventory"):
        assert len(getattr(kept, f"list_{name}")()) == 1
        assert getattr(host_store, f"list_{name}")() == ()


def test_what_is_written_again_replaces_what_was_kept_and_hides_what_is_stored(host: Host, host_store: Any) -> None:
    host_store.write_deployment_record(host.deployment("A"))
    host_store.write_deployment_record(host.deployment("A", "prod", record_id="of-prod"))
    kept = KeptBack(host_store)
    for letter in ("B", "C"):
        kept.write_deployment_record(host.deployment(letter))
    assert kept.list_deployment_records(context_name=PRODUCT, instance_name="testing") == (host.deployment("C"),)
    assert [record.instance for record in kept.list_deployment_records(limit=2)] == ["testing", "prod"]
    assert kept.list_deployment_records(limit=1) == (host.deployment("C"),)
    assert host_store.list_deployment_records(instance_name="testing") == (host.deployment("A"),)


def test_the_last_one_written_is_the_last_one_told(host: Host, file_store: Any) -> None:
    kept = KeptBack(file_store)
    assert kept.last("deployment_record") is None
    first, second = host.deployment("A"), host.deployment("B", "prod", record_id="of-prod")
    for record in (first, second, first):
        kept.write_deployment_record(record)
    assert kept.last("deployment_record") == first


def test_a_record_that_changes_after_it_was_written_is_kept_as_it_was(host: Host, file_store: Any) -> None:
    kept, record = KeptBack(file_store), host.deployment("A")
    kept.write_deployment_record(record)
    record.source_git_ref = "another"
    kept.read_deployment_record(record.record_id).source_git_ref = "another"
    assert kept.read_deployment_record(record.record_id) == host.deployment("A")


def test_what_is_not_kept_back_goes_through_in_and_out(host: Host, host_store: Any) -> None:
    kept = KeptBack(host_store)
    kept.write_product_profile_record(host.profile())
    kept.write_backup_gate_record(host.backup())
    assert host_store.read_backup_gate_record("backup-gate-1") == host.backup()
    assert kept.read_product_profile_record(PRODUCT) == host.profile()
    for missing in ("none", "of-prod"):
        with pytest.raises(FileNotFoundError):
            kept.read_deployment_record(missing)
    assert not hasattr(kept, "read_what_no_store_has")


def test_the_host_takes_it_for_the_store_that_it_is_over(host: Host, file_store: Any, sql_store: Any) -> None:
    """Where the host asks which of its stores it has, the answer is as before."""
    in_files, in_sql = type(file_store), type(sql_store)
    assert isinstance(KeptBack(file_store), in_files) and not isinstance(KeptBack(file_store), in_sql)
    assert isinstance(KeptBack(sql_store), in_sql) and not isinstance(KeptBack(sql_store), in_files)
