"""What is remembered of record files: in the next process only what is new is opened, and no hint is ever believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launchplane_gate.hints import FRESH_NS
from launchplane_gate.store import PLACES, FileStore, Since, Stored
from tests.conftest import TESTING
from tests.places import ROOT
from tests.store.test_sql_store import deployment

pytestmark = pytest.mark.thorough  # tests/store/test_store reads the same records

HERE = {"context_name": TESTING.context, "instance_name": TESTING.instance}
READ = """
import json, sys
from pathlib import Path
from launchplane_gate.store import FileStore, Since
opened = []
sys.addaudithook(lambda event, about: event == "open" and str(about[0]).endswith(".json") and opened.append(about[0]))
here = {"context_name": sys.argv[3], "instance_name": sys.argv[4]}
store = FileStore(Path(sys.argv[1]), {}, keeps_hints=sys.argv[2] == "acts")
found = store.list_deployments_since(**here, since=Since("", int(sys.argv[5])))
store.remember_places(**here, places={one: int(one.record_id.rpartition("-")[2]) for one in found})
print(json.dumps([len(opened), [one.record_id for one in found]]))
"""


def ids(*numbers: int) -> list[str]:
    return sorted(deployment(number).record_id for number in numbers)


ALL = ids(*range(50))


def read_in_a_process(root: Path, *, acts: bool = True) -> tuple[int, list[str]]:
    """How many records it opened, and those that it gives: what is not known to have its place before the 48th."""
    named = [str(root), "acts" if acts else "looks", TESTING.context, TESTING.instance, "48"]
    done = subprocess.run([sys.executable, "-c", READ, *named], cwd=ROOT, capture_output=True, text=True, check=True)
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
    assert read_in_a_process(root, acts=False) == (50, ALL)
    assert not list(root.rglob(PLACES))  # who only looks writes nothing
    assert read_in_a_process(root) == (50, ALL)
    assert read_in_a_process(root) == (2, ids(48, 49))
    FileStore(root, {}).write_deployment_record(deployment(50))
    assert read_in_a_process(root, acts=False) == (3, ids(48, 49, 50))


def test_a_hint_is_dropped_where_another_file_stands(root: Path) -> None:
    read_in_a_process(root)
    FileStore(root, {}).write_deployment_record(deployment(7, started_at=deployment(60).deploy.started_at))
    assert read_in_a_process(root) == (3, ids(7, 48, 49))


def test_a_hint_is_dropped_where_the_ledger_was_restored(root: Path) -> None:
    read_in_a_process(root)
    FileStore(root, {}).forget_places()
    assert read_in_a_process(root) == (50, ALL)


def test_what_changed_right_now_is_looked_at_again(tmp_path: Path) -> None:
    store = FileStore(tmp_path, {}, keeps_hints=True)
    written = store.write_deployment_record(deployment(1))
    [found] = store.list_deployments_since(**HERE, since=Since())
    store.remember_places(**HERE, places={found: 1})
    took = time.time_ns() - written.stat().st_ctime_ns
    assert took > FRESH_NS or not list(tmp_path.rglob(PLACES))
    assert read_in_a_process(tmp_path, acts=False)[0] == 1


@pytest.mark.parametrize(
    "torn", [b"", b"\xff\xfe\n\n\t\t\n", b"deployment-testing-1.json\t1 2", b"a\tb\t\xc2\xb2\n", b"\0" * 100]
)
def test_a_torn_hint_is_none(root: Path, torn: bytes) -> None:
    [lane] = root.glob("deployments/*/*")
    (lane / PLACES).write_bytes(torn)
    assert read_in_a_process(root)[1] == ALL
    assert read_in_a_process(root)[0] in (2, 3)  # one line may have been torn on to the next


def test_what_stands_in_the_place_of_hints_is_left_alone(root: Path) -> None:
    [lane] = root.glob("deployments/*/*")
    os.mkfifo(lane / PLACES)
    assert [read_in_a_process(root) for _ in range(2)] == [(50, ALL), (50, ALL)]


def test_within_a_process_a_record_costs_a_stat(root: Path) -> None:
    store = FileStore(root, {})
    first, again = (store.list_deployments_since(**HERE, since=Since()) for _ in range(2))
    assert len(first) == 50 and all(isinstance(one, Stored) and one.record for one in first)
    assert all(one is other for one, other in zip(first, again, strict=True))
