"""Opening a gate on a store and a ledger that somebody else has opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launchplane_gate.demo.workspace import write_workspace
from launchplane_gate.errors import PastLost, SettingsError
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import FILE_NAME, Ledger
from launchplane_gate.line.written import deployment_of, inventory_of
from launchplane_gate.model import Target
from launchplane_gate.settings import Settings, load_settings
from launchplane_gate.store import FileStore
from tests.conftest import ACTOR, TESTING, A


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_workspace(tmp_path, releases={}, ports=(1, 2), actor=ACTOR.subject)
    return load_settings(tmp_path / "launchplane-gate.toml")


@pytest.fixture
def store(tmp_path: Path, settings: Settings) -> FileStore:
    """Records that are kept elsewhere than where the settings say."""
    return FileStore(tmp_path / "host", settings.profiles)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "host", holds_records=False)
    yield ledger
    ledger.close()


def test_what_is_handed_in_is_used_and_left_open(settings: Settings, store: FileStore, ledger: Ledger) -> None:
    with Gate.open(settings, store=store, ledger=ledger) as gate:
        assert gate.store is store and gate.ledger is ledger
    ledger.heads()
    assert not settings.state_dir.exists()


def test_beside_a_store_of_somebody_elses_the_ledger_is_the_one_of_the_settings(
    settings: Settings, store: FileStore
) -> None:
    with Gate.open(settings, store=store) as gate:
        assert gate.store is store
        assert (settings.state_dir / FILE_NAME).exists()
        with Gate.open(settings, store=store, ledger=gate.ledger):
            pass
        gate.ledger.heads()
        with Gate.open(settings, ledger=gate.ledger) as own:
            assert isinstance(own.store, FileStore) and own.store.root == settings.state_dir


def test_no_ledger_is_begun_beside_records_of_somebody_elses(settings: Settings, store: FileStore) -> None:
    target = Target(target_type="application", target_id="app", target_name="app", deploy_mode="host")
    record = deployment_of("r-1", TESTING, A, target, decision_id="", started_at="2026-05-03T16:10:06Z")
    store.write_environment_inventory(inventory_of(record, None, updated_at="2026-05-03T16:10:06Z"))
    with pytest.raises(PastLost, match="holds records but no ledger"):
        Gate.open(settings, store=store)
    assert not (settings.state_dir / FILE_NAME).exists()


def test_a_gate_that_cannot_be_opened_leaves_open_what_was_handed_in(
    settings: Settings, store: FileStore, ledger: Ledger
) -> None:
    settings.plugins["nonesuch"] = {}
    with pytest.raises(SettingsError, match="nonesuch"):
        Gate.open(settings, store=store, ledger=ledger)
    ledger.heads()
