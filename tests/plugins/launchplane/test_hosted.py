"""The command line over a host's records: ledger and products are there, and an installation that exists is adopted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import control_plane
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from launchplane_gate.cli.session import actor_subject
from launchplane_gate.errors import PastLost, SettingsError
from launchplane_gate.gate import Gate
from launchplane_gate.model import Hold, Lane, stamp
from launchplane_gate.opening import hosted
from launchplane_gate.settings import load_settings
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests import warm
from tests.plugins.launchplane.hosts import PRODUCT, Host, artifact, commit
from tests.postgres import PASSWORD

pytestmark = pytest.mark.thorough  # test_border and test_launchplane_store ask the same below the command line

MAY = ["adopt", "rollback"]
ALL = ("testing", "prod", "b-c", "c")
PROGRAM = f"""
import sys
sys.path.append({str(Path(str(control_plane.__file__)).parent.parent)!r})
from launchplane_gate.cli import main
main()
"""


@dataclass
class Installation:
    """A host that has run for a while, and settings of a gate that is to stand in it."""

    folder: Path
    host: Host
    store: Any

    @property
    def settings(self) -> Path:
        return self.folder / "launchplane-gate.toml"

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command says; the host's password in none of it."""
        command = ["-c", PROGRAM, *arguments]
        environment = {**os.environ, "HOSTS_DATABASE": getattr(self.store, "database_url", "")}
        done = warm.run(*command, cwd=self.folder, env=environment, proves=[self.folder / "policies"])
        assert done.returncode == code, done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def document(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(
            self.run(*arguments, "--output", "json", code=code).partition("\n}")[0] + "\n}"
        )
        return said


def installed(
    folder: Path, host: Host, store: Any, where: str, *, but: str = "not_governed = ['odoo']"
) -> Installation:
    here = Installation(folder, host, store)
    (folder / "releases").mkdir()
    here.settings.write_text(
        f"schema_version = 1\nstore = 'launchplane'\npolicy.folders = ['policies']\n"
        f"[plugins.launchplane]\n{where}\nnot_governed = ['odoo']\n[plugins.local]\nreleases = 'releases'\n"
    )
    who = [{"subject": actor_subject(), "verified_by": None, "may": MAY}]
    policy = {"paths": [{"from": "testing", "to": "prod"}], "actors": dict.fromkeys(ALL, who)}
    (folder / "policies" / "config").mkdir(parents=True)
    others = {"twins": {**policy, "paths": [{"from": "c", "to": "b-c"}]}, "odoo-opw": {**policy, "paths": []}}
    data = {"products": {PRODUCT: policy, **others}}
    (folder / "policies" / "config" / "data.json").write_text(json.dumps(data))
    store.write_product_profile_record(host.profile(driver_id="local"))
    odoo = [{"instance": "prod", "context": "opw"}]
    store.write_product_profile_record(host.profile(product="odoo-opw", driver_id="odoo", lanes=odoo))
    store.write_deployment_record(host.deployment("A"))
    untimed = {**host.deploy("testing"), "started_at": "", "finished_at": ""}
    store.write_deployment_record(host.deployment("B", record_id="evidence-1", deploy=untimed))
    store.write_deployment_record(host.deployment("A", "prod"))
    store.write_environment_inventory(host.inventory("A", "prod"))
    return here


@pytest.fixture
def in_files(tmp_path: Path, host: Host) -> Installation:
    return installed(tmp_path, host, host.file_store(tmp_path / "state"), "state_dir = 'state'")


@pytest.fixture
def in_sqlite(tmp_path: Path, host: Host, sql_store: Any) -> Installation:
    return installed(tmp_path, host, sql_store, "database_url = { env = 'HOSTS_DATABASE' }")


@pytest.fixture
def in_postgres(tmp_path: Path, host: Host, postgres_store: Any) -> Installation:
    return installed(tmp_path, host, postgres_store, "database_url = { env = 'HOSTS_DATABASE' }")


def test_an_installation_is_adopted_and_then_looked_at_with_every_command(in_files: Installation) -> None:
    """What the gate is told by each of them comes from the host's records, and nothing of it is changed there."""
    before = written(in_files.store)
    see_that_it_is_adopted(in_files)
    assert "already" in in_files.run("init", "--adopt", code=2)
    shown = in_files.document("lanes")["lanes"]
    assert {(one["lane"]["instance"], one["settled"]) for one in shown} == {("testing", False), ("prod", False)}
    assert [run["status"] for run in in_files.document("runs", "list")["runs"]] == ["adopted"]
    assert "adopt" in in_files.run("decisions", "list")
    assert "every chain is whole" in in_files.run("decisions", "verify")
    assert artifact("A") in in_files.run("inventory", "show", PRODUCT)
    assert "adopt" in in_files.run("inventory", "history", f"{PRODUCT}/prod")
    in_files.run("prove", PRODUCT, code=1)
    assert written(in_files.store) == before


def see_that_it_is_adopted(here: Installation) -> None:
    adopted = here.document("init", "--adopt")
    [prod], [testing] = adopted["adopted"], adopted["others"]
    assert prod["lane"] == f"{PRODUCT}/prod" and "adopted from before the ledger" in prod["why"]
    assert testing["lane"] == f"{PRODUCT}/testing" and "which the gate did not write" in testing["why"]
    assert any("evidence-1" in one and "no known time" in one for one in testing["mend"])
    assert f"--artifact {artifact('A')} --ref {commit('A')}" in testing["command"]


def written(store: Any) -> list[dict[str, Any]]:
    listed = (*store.list_deployment_records(), *store.list_environment_inventory())
    return sorted((one.model_dump(mode="json") for one in listed), key=str)


def test_what_cannot_go_through_the_gate_is_refused_by_name_and_hides_nothing_else(
    in_files: Installation, host: Host
) -> None:
    """Two lanes with one file, a product's record that is torn, and a product that nobody here deploys."""
    lanes = [{"instance": "b-c", "context": "a"}, {"instance": "c", "context": "a-b"}]
    in_files.store.write_product_profile_record(host.profile(product="twins", driver_id="local", lanes=lanes))
    in_files.store.write_environment_inventory(host.inventory("A", "b-c", context="a"))
    (in_files.folder / "state" / "launchplane_product_profiles" / "torn.json").write_text('{"product": ')
    in_files.settings.write_text(in_files.settings.read_text().replace("not_governed = ['odoo']", ""))
    others = {one["lane"]: one for one in in_files.document("init", "--adopt")["others"]}
    assert set(others) == {f"{PRODUCT}/testing", "a/b-c", "a-b/c"}
    for lane in ("a/b-c", "a-b/c"):
        assert "share one file of the host, a-b-c.json" in others[lane]["why"]
        assert "no health URL is known of it, so that no deploy to it could be confirmed" in others[lane]["mend"]
    release = ("--artifact", artifact("A"), "--ref", commit("A"))
    twin = in_files.run("deploy", "twins", "--to", "c", *release, code=2)
    assert "share one file of the host" in twin and "Nothing was done" in twin
    odoo = in_files.run("deploy", "odoo-opw", "--to", "prod", *release, code=2)
    assert "no plugin brings the driver 'odoo' of odoo-opw" in odoo
    doctor = in_files.run("doctor", code=3)
    assert f"ok       {PRODUCT}/prod records" in doctor
    assert "share one file" in doctor and "the record of torn" in doctor


# -- one ledger


def opened(here: Installation, **environment: str) -> Gate:
    settings = load_settings(
        here.settings, environment={"HOSTS_DATABASE": getattr(here.store, "database_url", ""), **environment}
    )
    return Gate.open(settings)


def see_that_two_processes_share_one(here: Installation) -> None:
    with opened(here) as one, opened(here) as other:
        assert one.ledger.ledger_id() == other.ledger.ledger_id()
        hold = Hold(reason="a freeze", subject="unverified:somebody", since=stamp(one.ledger.now()))
        one.ledger.put_hold(Lane(context=PRODUCT, instance="prod"), hold, {})
        assert other.ledger.hold_on(Lane(context=PRODUCT, instance="prod"))


def test_two_processes_share_one_ledger(in_sqlite: Installation) -> None:
    see_that_it_is_adopted(in_sqlite)
    see_that_two_processes_share_one(in_sqlite)


@pytest.mark.parametrize("how", ["settings", "environment"])
def test_a_ledger_elsewhere_is_refused_at_start(in_files: Installation, how: str, tmp_path: Path) -> None:
    environment = {"LAUNCHPLANE_GATE_STATE_DIR": str(tmp_path / "mine")} if how == "environment" else {}
    if how == "settings":
        in_files.settings.write_text(f"state_dir = 'mine'\n{in_files.settings.read_text()}")
    with pytest.raises(SettingsError, match="state_dir: the ledger stands beside the records") as raised:
        opened(in_files, **environment)
    assert "there is to be one ledger" in raised.value.hint


def test_a_gate_that_is_handed_the_records_begins_no_second_ledger(in_files: Installation, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "launchplane-gate.toml").write_text("schema_version = 1\n")
    with pytest.raises(PastLost, match="holds records but no ledger"):
        Gate.open(alone / "launchplane-gate.toml", store=LaunchplaneStore(in_files.store))


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ("", "name one place of the records"),
        ("state_dir = 'state'\ndatabase_url = { env = 'HOSTS_DATABASE' }", "name one place of the records"),
        ("database_url = 'postgresql://gate:hunter2@h/x'", "a secret is never written here"),
        ("database_url = { env = 'NO_URL' }", "is no URL of Postgres"),
    ],
)
def test_settings_that_name_no_place_are_refused(tmp_path: Path, where: str, wrong: str) -> None:
    settings = tmp_path / "launchplane-gate.toml"
    settings.write_text(f"schema_version = 1\nstore = 'launchplane'\n[plugins.launchplane]\n{where}\n")
    with pytest.raises(SettingsError, match=wrong) as raised:
        hosted(load_settings(settings, environment={"HOSTS_DATABASE": "sqlite://", "NO_URL": "mysql://gate:hunter2@h"}))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("store = 'oci'\n[plugins.oci]\n", "the plugin oci brings no store"),
        ("store = 'launchplane'\n", "settings: store names the plugin launchplane, which has no table"),
        ("store = 'launchplane'\ndatabase_url = 'postgresql://h/x'\n[plugins.launchplane]\n", "database_url"),
        (
            "store = 'launchplane'\n[plugins.launchplane]\n[products.shop]\ndriver = 'local'\n",
            "shop is a product of the",
        ),
    ],
)
def test_settings_that_say_what_the_host_says_are_refused(tmp_path: Path, more: str, wrong: str) -> None:
    settings = tmp_path / "launchplane-gate.toml"
    settings.write_text(f"schema_version = 1\n{more}")
    with pytest.raises(SettingsError, match=wrong):
        hosted(load_settings(settings))


def test_in_postgres_the_ledger_is_beside_the_hosts_tables_whose_migrations_do_not_see_it(
    in_postgres: Installation, host: Host, postgres: str
) -> None:
    """What alembic would change of the host's is what it was: nothing."""
    metadata = host.module("storage.postgres").Base.metadata
    engine = sa.create_engine(postgres.replace("postgresql://", "postgresql+psycopg://"))

    def differences() -> list[Any]:
        with engine.connect() as connection:
            found: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
        return found

    before, rows = differences(), written(in_postgres.store)
    in_postgres.run("ledger", "migrate")
    see_that_it_is_adopted(in_postgres)
    assert "already" in in_postgres.run("init", "--adopt", code=2)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM launchplane_gate.entries")).scalar() == 1
    assert differences() == before == []
    assert written(in_postgres.store) == rows
    assert len(in_postgres.document("lanes")["lanes"]) == 2
    see_that_two_processes_share_one(in_postgres)
    engine.dispose()
