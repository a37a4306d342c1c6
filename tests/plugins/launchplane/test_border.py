"""What comes across the border between the host's records and the gate's, and what never does."""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from launchplane_gate.errors import GateError, RecordExists, RecordUnreadable, SettingsError
from launchplane_gate.records import DeploymentRecord, HealthcheckEvidence
from launchplane_gate.store import Since, plain
from launchplane_gate.testing import PROD, TESTING
from launchplane_gate.testing.stores import a_deployment, a_promotion, an_inventory
from launchplane_gate_launchplane.host import see_that_it_is_known
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.plugins.launchplane.hosts import PRODUCT, Host

OF_TESTING: dict[str, Any] = {"context_name": PRODUCT, "instance_name": "testing"}
OF_PROD: dict[str, Any] = {"context_name": PRODUCT, "instance_name": "prod"}
SECRET = "hunter2-of-the-preview"


@pytest.fixture
def store(host_store: Any) -> LaunchplaneStore:
    return LaunchplaneStore(host_store)


@pytest.fixture
def in_files(file_store: Any) -> LaunchplaneStore:
    return LaunchplaneStore(file_store)


def folder(store: LaunchplaneStore, name: str) -> Path:
    return Path(store.store.state_dir) / name


# -- products


def test_a_product_comes_with_the_urls_that_the_host_asks(host: Host, store: LaunchplaneStore) -> None:
    lanes = [
        {"instance": "testing", "context": PRODUCT, "base_url": " https://testing.example.org/ "},
        {"instance": "prod", "context": PRODUCT, "base_url": "https://x.org", "health_url": "https://prod.org/up"},
        {"instance": "spare", "context": PRODUCT},
    ]
    store.store.write_product_profile_record(host.profile(lanes=lanes))
    profile = store.read_product_profile_record(PRODUCT)
    assert profile.health_urls(PRODUCT, "testing") == ("https://testing.example.org/api/health",)
    assert profile.health_urls(PRODUCT, "prod") == ("https://prod.org/up",)
    assert profile.health_urls(PRODUCT, "spare") == ()
    assert profile.driver_id == "generic-web" and profile.image.repository.endswith("sellyouroutboard")


def test_secrets_of_previews_stay_where_they_are(host: Host, store: LaunchplaneStore) -> None:
    preview = {"enabled": True, "context": "previews", "override_env": {"API_KEY": SECRET}}
    store.store.write_product_profile_record(host.profile(preview=preview))
    assert SECRET not in repr(store.read_product_profile_record(PRODUCT))
    assert SECRET not in repr(store.list_product_profile_records())


@pytest.mark.parametrize("url", ["https://gate:hunter2@example.org", "ftp://example.org", "https://", "https://x:port"])
def test_a_url_that_nobody_can_be_asked_at_makes_its_product_unreadable(
    host: Host, store: LaunchplaneStore, url: str
) -> None:
    lanes = [{"instance": "prod", "context": PRODUCT, "base_url": url}]
    store.store.write_product_profile_record(host.profile(lanes=lanes))
    store.store.write_product_profile_record(host.profile(product="other", lanes=[]))
    with pytest.raises(RecordUnreadable, match=f"a URL of the lane {PRODUCT}/prod") as raised:
        store.read_product_profile_record(PRODUCT)
    assert "hunter2" not in str(raised.value)
    assert [one.product for one in store.list_product_profile_records()] == ["other"]


def test_a_product_that_is_changed_is_read_anew(host: Host, store: LaunchplaneStore) -> None:
    for updated_at in ("2026-05-03T16:10:06Z", "2026-05-03T16:10:07Z"):
        store.store.write_product_profile_record(host.profile(updated_at=updated_at))
        assert store.read_product_profile_record(PRODUCT).updated_at == updated_at
    with pytest.raises(FileNotFoundError):
        store.read_product_profile_record("another")


def test_a_host_with_other_fields_is_not_taken_for_the_one_that_is_known(
    host: Host, file_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = host.module("contracts.environment_inventory")

    class Grown(module.EnvironmentInventory):  # type: ignore[name-defined, misc]  # the host's, by name
        rolled_out_by: str = ""

    see_that_it_is_known()
    monkeypatch.setattr(module, "EnvironmentInventory", Grown)  # as a later Launchplane might have it
    with pytest.raises(SettingsError, match=r"EnvironmentInventory has a .*\.rolled_out_by more"):
        LaunchplaneStore(file_store)
    with pytest.raises(SettingsError, match="no store of Launchplane"):
        monkeypatch.undo()
        LaunchplaneStore(object())


# -- what is torn


def torn_text(record: Any) -> str:
    return json.dumps(record.model_dump(mode="json", exclude_none=True), indent=2, sort_keys=True)


@pytest.mark.parametrize("length", [0, 10, 300, 500], ids=str)
def test_a_file_that_is_torn_is_of_the_lane_that_its_name_says(
    host: Host, in_files: LaunchplaneStore, length: int
) -> None:
    """Wherever the host's write was cut off."""
    in_files.store.write_deployment_record(host.deployment("A"))
    torn = host.deployment("B", "prod", record_id=f"deployment-20261123T065702Z-{PRODUCT}-prod")
    in_files.store.write_deployment_record(torn)
    path = folder(in_files, "deployments") / f"{torn.record_id}.json"
    path.write_text(torn_text(torn)[:length])
    os.utime(path, (1, 1))
    assert len(in_files.list_deployment_records(**OF_TESTING)) == 1
    with pytest.raises(RecordUnreadable, match="20261123T065702Z"):
        in_files.list_deployment_records(**OF_PROD)
    assert in_files.list_deployment_records(context_name="another", instance_name="prod") == ()


def test_a_torn_file_that_names_no_lane_may_be_of_any(host: Host, in_files: LaunchplaneStore) -> None:
    in_files.store.write_deployment_record(host.deployment("A"))
    path = folder(in_files, "deployments") / "evidence-17.json"
    for text, hit in (("", {"testing", "prod"}), ('{\n  "context": "x",\n  "instance": "y",\n  "dep', set())):
        path.write_text(text)
        os.utime(path, (1, 1))
        found = {
            one: {stored.record_id for stored in in_files.list_deployments_since(**where, since=Since())}
            for one, where in (("testing", OF_TESTING), ("prod", OF_PROD))
        }
        assert {one for one, ids in found.items() if "evidence-17" in ids} == hit


def test_a_record_that_breaks_a_rule_of_the_host_is_of_its_own_lane(host: Host, in_files: LaunchplaneStore) -> None:
    """No such record of another lane hides this one's, as it does from the host."""
    in_files.store.write_deployment_record(host.deployment("A"))
    broken = host.deployment("B", "prod").model_dump(mode="json", exclude_none=True)
    broken["destination_health"] = {"verified": True, "urls": [], "status": "pass"}
    (folder(in_files, "deployments") / f"{broken['record_id']}.json").write_text(json.dumps(broken))
    with pytest.raises(ValueError):  # pydantic's
        in_files.store.list_deployment_records(**OF_TESTING)
    assert len(in_files.list_deployment_records(**OF_TESTING)) == 1
    with pytest.raises(RecordUnreadable, match="destination_health"):
        in_files.list_deployment_records(**OF_PROD)


def test_a_file_that_is_half_written_is_looked_at_again(host: Host, in_files: LaunchplaneStore) -> None:
    record = host.deployment("A")
    path = Path(in_files.store.write_deployment_record(record))
    whole = path.read_text()
    path.write_text(whole[:50])
    writer = threading.Timer(0.03, path.write_text, [whole])
    writer.start()
    assert in_files.read_deployment_record(record.record_id).source_git_ref == record.source_git_ref
    writer.join()


def test_evidence_whose_id_leads_elsewhere_stands_for_no_inventory(host: Host, in_files: LaunchplaneStore) -> None:
    in_files.store.write_environment_inventory(host.inventory("A", "prod"))
    in_files.store.write_deployment_record(host.deployment("B", record_id=f"../inventory/{PRODUCT}-prod"))
    with pytest.raises(RecordUnreadable):
        in_files.read_environment_inventory(**OF_PROD)
    with pytest.raises(RecordUnreadable, match="cannot be a part of a record's name"):
        in_files.read_deployment_record(f"../inventory/{PRODUCT}-prod")


def test_a_database_that_does_not_answer_is_told_without_its_password(host: Host) -> None:
    url = "postgresql+psycopg://gate:hunter2@127.0.0.1:1/host"
    store = LaunchplaneStore(host.module("storage.postgres").PostgresRecordStore(database_url=url))
    record = a_deployment()
    for ask in (
        lambda: store.read_product_profile_record(PRODUCT),
        lambda: store.list_deployments_since(**OF_TESTING, since=Since()),
        lambda: store.write_deployment_record(record),
    ):
        with pytest.raises(GateError) as raised:
            ask()
        assert str(raised.value).startswith("the host's database cannot be used") and "hunter2" not in str(raised.value)


# -- names


def test_two_lanes_with_one_file_name_are_refused_by_name(host: Host, in_files: LaunchplaneStore) -> None:
    lanes = [{"instance": "b-c", "context": "a"}, {"instance": "c", "context": "a-b"}]
    in_files.store.write_product_profile_record(host.profile(lanes=lanes))
    in_files.store.write_environment_inventory(host.inventory("A", "b-c", context="a"))
    for context, instance in (("a", "b-c"), ("a-b", "c")):
        with pytest.raises(RecordUnreadable, match=r"(a/b-c|a-b/c) and (a-b/c|a/b-c)"):
            in_files.read_environment_inventory(context_name=context, instance_name=instance)


def test_the_inventory_of_one_lane_never_takes_the_place_of_anothers(host: Host, in_files: LaunchplaneStore) -> None:
    in_files.store.write_environment_inventory(host.inventory("A", "b-c", context="a"))
    record = an_inventory(TESTING).model_copy(update={"context": "a-b", "instance": "c"})
    with pytest.raises(RecordExists, match="a/b-c"):
        in_files.write_environment_inventory(record)
    assert in_files.read_environment_inventory(context_name="a", instance_name="b-c")


def test_no_record_of_another_operation_is_written_over(host: Host, store: LaunchplaneStore) -> None:
    """Two operations in one second have one id in the host, and the second is all that is left there."""
    theirs = host.deployment("A")
    store.store.write_deployment_record(theirs)
    ours = a_deployment(lane=TESTING).model_copy(update={"record_id": theirs.record_id})
    with pytest.raises(RecordExists, match="the name of another record"):
        store.write_deployment_record(ours)
    store.store.write_promotion_record(host.promotion("A"))
    chosen = a_promotion().model_copy(update={"record_id": host.promotion("A").record_id})
    with pytest.raises(RecordExists):
        store.write_promotion_record(chosen)
    assert store.read_deployment_record(theirs.record_id).artifact_identity == plain_of(theirs).artifact_identity
    other_run = a_deployment().model_copy(update={"runtime_source": {"gate_run_id": "r-2"}})
    store.write_deployment_record(a_deployment())
    with pytest.raises(RecordExists):
        store.write_deployment_record(other_run)


def plain_of(record: Any) -> DeploymentRecord:
    return DeploymentRecord.model_validate(record.model_dump(mode="json", exclude_none=True))


# -- writing


def test_what_the_host_could_not_read_is_not_written(store: LaunchplaneStore) -> None:
    unread = HealthcheckEvidence.model_construct(verified=True, urls=(), timeout_seconds=None, status="pass")
    with pytest.raises(RecordUnreadable, match="the host refuses a DeploymentRecord"):
        store.write_deployment_record(a_deployment().model_copy(update={"destination_health": unread}))
    assert store.list_deployment_records() == ()
    assert store.store.list_deployment_records() == ()


def test_the_host_reads_what_the_gate_writes(store: LaunchplaneStore) -> None:
    store.write_deployment_record(a_deployment(lane=PROD))
    store.write_environment_inventory(an_inventory(PROD))
    store.write_promotion_record(a_promotion())
    inventory = store.store.read_environment_inventory(context_name="promises", instance_name="prod")
    [deployment] = store.store.list_deployment_records()
    assert deployment.model_dump(mode="json", exclude_none=True) == plain(a_deployment(lane=PROD))
    assert inventory.model_dump(mode="json", exclude_none=True) == plain(an_inventory(PROD))
    assert len(store.store.list_promotion_records()) == 1


def test_a_full_disk_leaves_the_file_that_was_there(host: Host, in_files: LaunchplaneStore) -> None:
    """The host's own write would leave half of one, and hide every lane's."""
    in_files.write_environment_inventory(an_inventory())
    kind = type(in_files.store)

    class FullDisk(kind):  # type: ignore[misc, valid-type]  # the host's, by name
        def _write_model(self, record_type: str, record_id: str, model: Any) -> Path:
            path = self._record_path(record_type, record_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{")
            raise OSError(errno.ENOSPC, "No space left on device")

    full = LaunchplaneStore(FullDisk(state_dir=in_files.store.state_dir))
    with pytest.raises(OSError, match="No space"):
        full.write_environment_inventory(an_inventory(named="2"))
    assert in_files.read_environment_inventory(context_name="promises", instance_name="testing") == an_inventory()
    assert len(in_files.store.list_environment_inventory()) == 1
    assert not list(folder(in_files, "launchplane_gate").iterdir())


def test_a_file_keeps_the_mode_that_the_host_gives_it(in_files: LaunchplaneStore) -> None:
    in_files.write_environment_inventory(an_inventory())
    theirs = folder(in_files, "inventory") / "theirs.json"
    theirs.write_text("{}")
    ours = folder(in_files, "inventory") / "promises-testing.json"
    assert ours.stat().st_mode == theirs.stat().st_mode


# -- bounds


def test_a_long_past_in_files_is_opened_once(host: Host, in_files: LaunchplaneStore) -> None:
    """What is known, and older than what the lane rests on, is looked at from outside and not opened again."""
    keep_sixty(host, in_files.store)
    time.sleep(2.1)  # what was changed just now may be changed again within the same tick
    with opened_below(folder(in_files, "deployments")) as opened:
        since = placed(in_files)
        assert len(opened) == 60
        for _ in range(7):
            [last] = in_files.list_deployments_since(**OF_TESTING, since=since)
            assert last.record_id == since.record_id
        assert len(opened) == 60


def test_a_long_past_in_rows_is_read_once(host: Host, sql_store: Any) -> None:
    keep_sixty(host, sql_store)
    store, asked = LaunchplaneStore(sql_store), []
    sa.event.listen(sql_store._engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    since = placed(store)
    asked.clear()
    for _ in range(7):
        [last] = store.list_deployments_since(**OF_TESTING, since=since)
        assert last.record_id == since.record_id
    assert len(asked) == 7


def keep_sixty(host: Host, store: Any) -> None:
    for number in range(60):
        instance = ("testing", "prod")[number % 2]
        record_id = f"deployment-20261123T0657{number:02}Z-{PRODUCT}-{instance}"
        store.write_deployment_record(host.deployment("A", instance, record_id=record_id))


def placed(store: LaunchplaneStore) -> Since:
    """Give each deployment of testing a place; tells the last."""
    found = sorted(store.list_deployments_since(**OF_TESTING, since=Since()), key=lambda one: one.record_id)
    assert len(found) == 30
    store.remember_places(**OF_TESTING, places={one: 5 + place for place, one in enumerate(found)})
    return Since(found[-1].record_id, 5 + 29)


@contextmanager
def opened_below(root: Path) -> Iterator[list[str]]:
    """The files below a folder that this process opens, each time that it does."""
    opened: list[str] = []
    listening = [True]

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event == "open" and str(arguments[0]).startswith(f"{root}/"):
            opened.append(str(arguments[0]))

    sys.addaudithook(hear)
    yield opened
    listening.clear()
