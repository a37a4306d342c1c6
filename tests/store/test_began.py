"""What is remembered of record files: in the next process only what is new is opened, and no hint is ever believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launchplane_gate.began import FILE_NAME, FRESH_NS
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.store import FileStore
from tests.conftest import TESTING
from tests.places import ROOT
from tests.store.test_sql_store import deployment

HERE = {"context_name": TESTING.context, "instance_name": TESTING.instance}
READ = """
import json, sys
from pathlib import Path
from launchplane_gate.store import FileStore
opened = []
sys.addaudithook(lambda event, about: event == "open" and str(about[0]).endswith(".json") and opened.append(about[0]))
store = FileStore(Path(sys.argv[1]), {}, keeps_hints=sys.argv[2] == "acts")
late = store.list_deployments_since(context_name=sys.argv[3], instance_name=sys.argv[4], record_id=sys.argv[5])
print(json.dumps([len(opened), [one.record_id for one in late]]))
"""


def read_in_a_process(root: Path, since: str, *, acts: bool = True) -> tuple[int, list[str]]:
    """How many records it opened, and those that it gives."""
    named = [str(root), "acts" if acts else "looks", TESTING.context, TESTING.instance, since]
    command = [sys.executable, "-c", READ, *named]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    opened, late = json.loads(done.stdout)
    return opened, late


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lane with fifty deployments, which nobody has changed for a while."""
    store = FileStore(tmp_path, {})
    for number in range(50):
        store.write_deployment_record(deployment(number))
    time.sleep(FRESH_NS / 1e9 + 0.1)
    return tmp_path


def test_another_process_opens_only_what_is_new(root: Path) -> None:
    since = deployment(48).record_id
    late = [deployment(48).record_id, deployment(49).record_id]
    assert read_in_a_process(root, since, acts=False) == (50, late)
    assert not list(root.rglob(FILE_NAME))  # who only looks writes nothing
    assert read_in_a_process(root, since) == (50, late)
    assert read_in_a_process(root, since) == (2, late)
    FileStore(root, {}).write_deployment_record(deployment(50))
    assert read_in_a_process(root, since, acts=False) == (3, [*late, deployment(50).record_id])


def test_a_hint_is_dropped_where_another_file_stands(root: Path) -> None:
    since = deployment(48).record_id
    read_in_a_process(root, since)
    FileStore(root, {}).write_deployment_record(deployment(7, started_at=deployment(60).deploy.started_at))
    opened, late = read_in_a_process(root, since)
    assert opened == 3 and deployment(7).record_id in late


def test_what_changed_right_now_is_looked_at_again(tmp_path: Path) -> None:
    store = FileStore(tmp_path, {}, keeps_hints=True)
    written = store.write_deployment_record(deployment(1))
    store.list_deployments_since(**HERE, record_id="none")
    took = time.time_ns() - written.stat().st_ctime_ns
    assert took > FRESH_NS or not list(tmp_path.rglob(FILE_NAME))
    assert read_in_a_process(tmp_path, "none", acts=False)[0] == 1


@pytest.mark.parametrize(
    "torn", [b"", b"\xff\xfe\n\n\t\t\n", b"deployment-testing-1.json\t1 2", b"a\tb\t\xc2\xb2\n", b"\0" * 100]
)
def test_a_torn_hint_is_none(root: Path, torn: bytes) -> None:
    [lane] = root.glob("deployments/*/*")
    (lane / FILE_NAME).write_bytes(torn)
    since = deployment(48).record_id
    assert read_in_a_process(root, since)[1] == [since, deployment(49).record_id]
    assert read_in_a_process(root, since)[0] in (2, 3)  # one line may have been torn on to the next


def test_what_stands_in_the_place_of_hints_is_left_alone(root: Path) -> None:
    [lane] = root.glob("deployments/*/*")
    os.mkfifo(lane / FILE_NAME)
    since = deployment(48).record_id
    assert read_in_a_process(root, since) == (50, [since, deployment(49).record_id])


def test_within_a_process_a_record_costs_a_stat(root: Path) -> None:
    store = FileStore(root, {})
    first = store.list_deployments_since(**HERE, record_id="none")
    again = store.list_deployments_since(**HERE, record_id="none")
    assert len(first) == 50 and all(isinstance(one, DeploymentRecord) for one in first)
    assert all(one is other for one, other in zip(first, again, strict=True))
