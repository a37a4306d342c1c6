"""A snapshot of lanes is believed only where a key that is pinned signed it, whole and lately."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from launchplane_gate import strictjson
from launchplane_gate.attesting import attester_of, library
from launchplane_gate.authoring.proposals.deciding import Carried, decided, exit_code
from launchplane_gate.authoring.proposals.proposal import read_all
from launchplane_gate.errors import RequestError, SettingsError
from launchplane_gate.gate import Gate, quiet
from launchplane_gate.model import Lane, unstamp
from launchplane_gate.settings import Settings, load_settings
from launchplane_gate.snapshot import Snapshot, SnapshotRefused, export, load, read
from tests.conftest import ACTOR, PRODUCT, PROFILE, A, B, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.keys import PrivateKey, pae, write_key

SIGNS = 'schema_version = 1\n[attestation]\nkey = { file = "attest.pem" }\n'
PINS = 'schema_version = 1\nsnapshot_max_s = 600\n[attestation]\npublic_keys = ["attest.pub"]\n'


def settings_in(folder: Path, text: str) -> Settings:
    file = folder / "launchplane-gate.toml"
    file.write_text(text)
    return load_settings(file)


class Exported:
    """What a gate exported: A runs on prod, B on testing."""

    def __init__(self, gate: Gate, folder: Path) -> None:
        self.key = write_key(folder)
        self.signing, self.settings = settings_in(folder, SIGNS), settings_in(folder, PINS)
        self.snapshot, self.content = export(gate, self.signing, [PROFILE], quiet)
        at = unstamp(self.snapshot.outlooks[0].as_of)
        assert at
        self.at, self.soon = at, at + timedelta(seconds=1)

    def forged(self, change: Callable[[dict[str, Any]], object], key: PrivateKey | None = None) -> bytes:
        """The same with another payload, signed by ``key``; under the old signature where there is none."""
        envelope = json.loads(self.content)
        payload = json.loads(base64.b64decode(envelope["payload"]))
        change(payload)
        told = json.dumps(payload).encode()
        envelope["payload"] = base64.b64encode(told).decode()
        if key:
            assert isinstance(key, ed25519.Ed25519PrivateKey)
            signature = key.sign(pae(envelope["payloadType"], told))
            envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
        return json.dumps(envelope).encode()


@pytest.fixture
def exported(gate: Gate, tmp_path: Path) -> Exported:
    for request in (deploy(A), promote(), deploy(B)):
        assert gate.run(request, ACTOR).status == "recorded"
    return Exported(gate, tmp_path)


def test_what_was_exported_decides_elsewhere_as_the_gate_would_then(exported: Exported, gate: Gate) -> None:
    found = read(exported.content, exported.settings, exported.soon)
    assert found.model_dump(mode="json") == exported.snapshot.model_dump(mode="json")
    folder = exported.settings.base_dir
    (folder / "good.yaml").write_text(f"product: {PRODUCT}\nfrom: testing\nto: prod\nref: {B.source_git_ref}\n")
    (folder / "stale.yaml").write_text(f"product: {PRODUCT}\nfrom: testing\nto: prod\nref: {A.source_git_ref}\n")
    ask = Carried(gate.bundle, gate.engine, lambda _: ACTOR, found.find).ask
    for name, status, code in (("good", "allowed", 0), ("stale", "denied", 1)):
        checked = decided(read_all([str(folder / f"{name}.yaml")]), ask)
        assert ([one.status for one in checked], exit_code(checked)) == ([status], code)
        assert checked[0].decision
        assert checked[0].decision.results == gate.check(promote(B if name == "good" else A), ACTOR).results or code


def test_a_path_that_it_says_nothing_of_is_not_known(exported: Exported) -> None:
    backwards = promote().model_copy(update={"source": "prod", "destination": "testing"})
    with pytest.raises(SnapshotRefused, match=r"says nothing of .* prod -> testing, but of: .* testing -> prod"):
        exported.snapshot.find(backwards)


def test_a_platform_that_is_down_at_export_is_told_in_it(
    exported: Exported, gate: Gate, platform: FakePlatform
) -> None:
    def down(lane: Lane) -> None:
        raise ConnectionError("no route")

    platform.observing = down
    snapshot, _ = export(gate, exported.signing, [PROFILE], quiet)
    [told] = snapshot.told
    assert "no route" in told["unknown"]


def test_nothing_is_exported_that_nobody_signs(gate: Gate, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no attestation\.key"):
        export(gate, settings_in(tmp_path, "schema_version = 1\n"), [PROFILE], quiet)


# -- refused by the core, whatever the rules say


def refused(exported: Exported, content: bytes | None = None, now: datetime | None = None) -> str:
    with pytest.raises(SnapshotRefused) as raised:
        read(exported.content if content is None else content, exported.settings, now or exported.soon)
    assert raised.value.exit_code == 3
    return str(raised.value)


def test_one_that_is_old_is_refused_to_the_second(exported: Exported) -> None:
    begun = unstamp(exported.snapshot.exported_at)
    assert begun
    assert read(exported.content, exported.settings, begun + timedelta(seconds=600))
    assert "more than 600 s ago" in refused(exported, now=begun + timedelta(seconds=600, microseconds=1))


def test_one_from_the_future_is_refused(exported: Exported) -> None:
    assert "in the future" in refused(exported, now=exported.at - timedelta(microseconds=1))


def test_one_whose_facts_claim_another_time_is_refused(exported: Exported) -> None:
    later = exported.forged(lambda told: told["outlooks"][0].update(as_of="2099-01-01T00:00:00Z"), exported.key)
    assert "in the future" in refused(exported, later)
    never = exported.forged(lambda told: told.update(exported_at="yesterday"), exported.key)
    assert "of a time that is none: yesterday" in refused(exported, never)


def test_facts_that_say_another_now_than_the_snapshot_decide_nothing(exported: Exported, gate: Gate) -> None:
    """`now` of the decision is what was held against the clock, and nothing else."""
    old = exported.forged(lambda told: told["outlooks"][0]["facts"].update(now="2020-01-01T00:00:00Z"), exported.key)
    assert "of another moment than it says" in refused(exported, old)


@pytest.mark.parametrize("how", ["another key", "another payload", "no signature"])
def test_one_that_no_pinned_key_signed_is_refused(exported: Exported, how: str) -> None:
    content = exported.forged(lambda told: told.update(gate="urn:other"))
    if how == "another key":
        content = exported.forged(lambda told: None, ed25519.Ed25519PrivateKey.generate())
    if how == "no signature":
        content = json.dumps(json.loads(exported.content) | {"signatures": []}).encode()
    assert "by none of the keys here: attest.pub" in refused(exported, content)


def test_what_is_cut_off_or_something_else_is_bad_input(exported: Exported) -> None:
    for content in (exported.content[:-40], b"", b"{}", b"[]", exported.content + b"{}"):
        with pytest.raises(RequestError, match="it is no snapshot of lanes"):
            read(content, exported.settings, exported.soon)


def test_an_attestation_passes_for_no_snapshot_and_no_snapshot_for_one(exported: Exported) -> None:
    """Both are signed by one key."""
    attester = attester_of(exported.signing)
    assert attester
    payload = strictjson.dumps(exported.snapshot.model_dump(mode="json")).encode()
    with pytest.raises(RequestError, match=r"it holds application/vnd\.in-toto"):
        read(attester.sign(payload)[0], exported.settings, exported.soon)
    with pytest.raises(RequestError, match=r"no attestation: it holds application/vnd\.launchplane-gate\.lanes"):
        library().envelope_in(exported.content)


def test_one_of_another_form_is_bad_input_though_it_is_signed(exported: Exported) -> None:
    newer = exported.forged(lambda told: told.update(schema_version=2), exported.key)
    with pytest.raises(RequestError, match="another form than this gate knows: schema_version"):
        read(newer, exported.settings, exported.soon)


def test_without_a_pinned_key_nothing_is_believed(exported: Exported) -> None:
    with pytest.raises(SettingsError, match="no key is named") as raised:
        read(exported.content, settings_in(exported.settings.base_dir, "schema_version = 1\n"), exported.soon)
    assert "public_keys" in raised.value.hint


def test_a_file_is_named_in_what_is_wrong_with_it(exported: Exported, tmp_path: Path) -> None:
    file = tmp_path / "lanes.json"
    with pytest.raises(RequestError, match=r"lanes.json cannot be read: No such file"):
        load(file, exported.settings, exported.soon)
    file.write_bytes(exported.content)
    assert isinstance(load(file, exported.settings, exported.soon), Snapshot)
    with pytest.raises(SnapshotRefused, match=r"lanes.json: it is of .* in the future"):
        load(file, exported.settings, datetime(2020, 1, 1, tzinfo=UTC))
