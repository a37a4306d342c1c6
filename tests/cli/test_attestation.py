"""``prove --attestation``: what the gate signed holds wherever it is looked at, and whatever else does not."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from google.protobuf import json_format
from in_toto_attestation.v1 import statement as of_in_toto
from in_toto_attestation.v1 import statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # public by its documentation

from launchplane_gate.attestation import PROMOTION
from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import OLD, Said, Site, clear, make_site
from tests.cli.test_cli import site as site  # noqa: PLC0414  # a fixture
from tests.keys import PrivateKey, pae, private_pem, public_pem, verified, write_key

pytestmark = pytest.mark.thorough  # whole commands; tests/line/test_attesting signs and checks as well

TABLE = '\n[attestation]\nkey = { file = "attest.pem" }\nverifier = "https://gate.example.org"\n'
KINDS: dict[str, Callable[[], PrivateKey]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
}


@dataclass(frozen=True)
class Signed:
    """A site that promoted OLD to prod; ``file``: what was signed of that."""

    site: Site
    key: PrivateKey
    file: Path
    document: Any

    def prove(self, *more: str, file: Path | None = None) -> Said:
        return self.site.run("prove", PRODUCT, "--attestation", str(file or self.file), *more)

    def states(self, said: Said) -> dict[str, str]:
        return {point["what"]: point["state"] for point in said.document["points"]}

    def forged(self, folder: Path, change: Callable[[dict[str, Any]], object], key: PrivateKey | None = None) -> Path:
        """The same with another statement, signed by ``key``; where that is None, under the old signature."""
        envelope = json.loads(self.file.read_text())
        statement = json.loads(base64.b64decode(envelope["payload"]))
        change(statement)
        payload = json.dumps(statement).encode()
        envelope["payload"] = base64.b64encode(payload).decode()
        if key is not None:
            over = pae(envelope["payloadType"], payload)
            assert isinstance(key, ed25519.Ed25519PrivateKey)
            envelope["signatures"][0]["sig"] = base64.b64encode(key.sign(over)).decode()
        forged = folder / "forged.json"
        forged.write_text(json.dumps(envelope))
        return forged


def make_signed(folder: Path, key: PrivateKey) -> Signed:
    site = make_site(folder / "site")
    write_key(site.folder, key)
    with site.settings.open("a") as settings:
        settings.write(TABLE)
    assert site.deploy(OLD).exit_code == 0
    said = site.promote("--output", "json")
    assert said.exit_code == 0, said
    return Signed(
        site, key, site.folder / "state" / "attestations" / f"{said.document['run_id']}.intoto.json", said.document
    )


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    made = make_signed(tmp_path_factory.mktemp("signed"), KINDS["ed25519"]())
    yield made
    clear(made.site)


def test_what_was_signed_holds_and_says_what_it_rests_on(signed: Signed) -> None:
    said = signed.prove()
    assert said.exit_code == 0, said
    assert said.out.startswith(
        f"Holds: that {PRODUCT} 215f71b was promoted from {PRODUCT}/testing to {PRODUCT}/prod is signed by attestation."
    )
    assert re.search(r"^  not looked at +no attestation of the build", said.out, re.M)
    assert "rules that nobody asked for: release.artifact_revision" in said.out
    assert re.search(rf"^  admit +{signed.document['admitted']['decision_id']}, \d+ rules passed$", said.out, re.M)
    assert "the digest of every container, 1 health URL, evidence of health" in said.out
    said = signed.prove("--output", "json", "--lane", "prod")
    assert set(signed.states(said).values()) == {"holds"}
    assert set(signed.states(said)) == {
        "signature", "verifier", "result", "product", "lane", "subject", "ledger", "run",
    }  # fmt: skip
    assert said.document["statement"]["_type"] == "https://in-toto.io/Statement/v1"


def test_the_promotion_tells_where_it_is(signed: Signed) -> None:
    attestation = signed.document["attestation"]
    assert (attestation["made"], attestation["name"]) == (True, signed.file.name)
    shown = signed.site.run("runs", "show", signed.document["run_id"])
    assert "attested" in shown.out


def test_verifiers_of_others_accept_it(signed: Signed) -> None:
    content = signed.file.read_bytes()
    statement = verified(content, signed.key.public_key())
    assert statement["subject"][0]["digest"]["sha256"] == signed.site.artifacts[OLD].rpartition(":")[2]
    envelope = Envelope.from_dict(json.loads(content))
    assert envelope.verify([SSlibKey.from_crypto(signed.key.public_key())], 1)
    other = SSlibKey.from_crypto(KINDS["ed25519"]().public_key())
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


def test_the_library_of_in_toto_takes_the_statement_as_one_of_its_own(signed: Signed) -> None:
    told = json_format.ParseDict(statement_of(signed), statement_pb2.Statement())
    of_in_toto.Statement.copy_from_pb(told).validate()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not at hand")
@pytest.mark.parametrize("altered", [False, True])
def test_openssl_accepts_its_signature(signed: Signed, tmp_path: Path, altered: bool) -> None:
    envelope = json.loads(signed.file.read_text())
    payload = base64.b64decode(envelope["payload"]) + b" " * altered
    (tmp_path / "signed").write_bytes(pae(envelope["payloadType"], payload))
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(signed.site.folder / "attest.pub"), "-rawin"]
    command += ["-in", str(tmp_path / "signed"), "-sigfile", str(tmp_path / "sig")]
    assert (subprocess.run(command, capture_output=True, check=False).returncode == 0) == (not altered)


def test_an_ecdsa_key_signs_too(tmp_path: Path) -> None:
    made = make_signed(tmp_path, KINDS["ecdsa"]())
    clear(made.site)
    assert verified(made.file.read_bytes(), made.key.public_key())
    assert made.prove().exit_code == 0


# -- what differs


def test_what_was_altered_is_not_believed_and_not_shown(signed: Signed, tmp_path: Path) -> None:
    def to_another(statement: dict[str, Any]) -> None:
        statement["subject"][0]["digest"]["sha256"] = "e" * 64

    forged = signed.forged(tmp_path, to_another)
    with pytest.raises(InvalidSignature):
        verified(forged.read_bytes(), signed.key.public_key())
    said = signed.prove(file=forged)
    assert said.exit_code == 1
    assert said.out.startswith("Differs: nobody signed it whose key is here, so nothing in it is believed.")
    assert "rests on" not in said.out and PRODUCT not in said.out


def test_a_key_that_is_named_takes_the_place_of_the_settings_key(signed: Signed, tmp_path: Path) -> None:
    write_key(tmp_path)
    assert signed.prove("--key", str(tmp_path / "attest.pub")).exit_code == 1
    both = ("--key", str(tmp_path / "attest.pub"), "--key", str(signed.site.folder / "attest.pub"))
    assert signed.prove(*both).exit_code == 0


def statement_of(signed: Signed) -> dict[str, Any]:
    return verified(signed.file.read_bytes(), signed.key.public_key())


def put(*path: str | int) -> Callable[[Any], Callable[[dict[str, Any]], None]]:
    def by(value: Any) -> Callable[[dict[str, Any]], None]:
        def change(statement: Any) -> None:
            for step in path[:-1]:
                statement = statement[step]
            statement[path[-1]] = value

        return change

    return by


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (put("subject", 0, "digest")({"sha256": "e" * 64}), {"subject"}),
        (put("subject", 0, "name")("local/other"), {"subject"}),
        (put("predicate", "resourceUri")("pkg:generic/other"), {"subject"}),
        (put("predicate", "verifier", "id")("https://other.example.org"), {"verifier"}),
        (put("predicate", "verificationResult")("FAILED"), {"result"}),
        (put("predicate", PROMOTION, "product")("other"), {"product", "run"}),
        (put("predicate", PROMOTION, "destination")("other/prod"), {"lane", "run"}),
        (put("predicate", PROMOTION, "sourceGitRef")("e" * 40), {"run"}),
        (put("predicate", PROMOTION, "chain", "hash")("e" * 64), {"ledger"}),
        (put("predicate", PROMOTION, "chain", "lane")("nothing"), {"run"}),
        (put("predicate", PROMOTION, "run")("r-AAAAAAAA"), {"run"}),
        (put("predicate", PROMOTION, "decisions")([]), {"run"}),
    ],
)
def test_what_the_key_signed_and_the_gate_did_not_say_is_named(
    signed: Signed, tmp_path: Path, change: Callable[[dict[str, Any]], None], differs: set[str]
) -> None:
    """As if another gate, or a thief, signed with the same key."""
    said = signed.prove("--output", "json", file=signed.forged(tmp_path, change, signed.key))
    assert said.exit_code == 1, said
    assert {what for what, state in signed.states(said).items() if state == "differs"} == differs


def test_it_is_held_to_the_lane_and_the_version_that_are_named(signed: Signed) -> None:
    for more in (("--lane", "testing"), ("--version", "v1.2.3")):
        said = signed.prove(*more)
        assert (said.exit_code, "is not what it is taken for" in said.out) == (1, True), said


def test_whoever_has_only_the_file_and_the_key_is_told_what_was_not_held_to_anything(
    signed: Signed, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "launchplane_gate", "prove", PRODUCT, "--attestation", str(signed.file)]
    command += ["--key", str(signed.site.folder / "attest.pub")]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told
    assert "Not held to anything: verifier, lane, subject, ledger." in told.stdout
    assert list(tmp_path.iterdir()) == []


# -- what is no attestation


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b'"\xff"', "is not UTF-8"),
        (b"[" * 100_000, "nested"),
        (b'{"payload": 1, "payload": 2}', "twice"),
        (b"null", "form of a DSSE envelope"),
        (b"[]", "form of a DSSE envelope"),
        (b"{}", "form of a DSSE envelope"),
        (b'{"payloadType": "application/vnd.in-toto+json", "payload": "%%", "signatures": []}', "form of a DSSE"),
        (b'{"payloadType": "application/vnd.in-toto+json", "payload": 5, "signatures": []}', "form of a DSSE"),
        (b'{"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": 5}', "form of a DSSE"),
        (b'{"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": [5]}', "form of a DSSE"),
        (b'{"payloadType": "text/plain", "payload": "e30=", "signatures": []}', "it holds text/plain"),
        (b'{"payloadType": 5, "payload": "e30=", "signatures": []}', "it holds 5"),
        (b'{"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []}', "_type"),
        (b'{"payloadType": "application/vnd.in-toto+json", "payload": "W10=", "signatures": []}', "it is no statement"),
        (b'{"payloadType": "application/vnd.in-toto+json", "payload": "gA==", "signatures": []}', "is not UTF-8"),
        (b" " * (1024 * 1024 + 1), "is larger than"),
    ],
)
def test_what_is_no_attestation_is_told_and_never_a_traceback(
    signed: Signed, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    said = signed.prove(file=file)
    assert (said.exit_code, "Traceback" in said.err) == (2, False), said
    assert says in said.err and "Nothing was checked." in said.err


def test_an_attestation_of_something_else_is_none(signed: Signed, tmp_path: Path) -> None:
    for change in (
        put("predicateType")("https://slsa.dev/provenance/v1"),
        put("predicate")({"verifier": {"id": "x"}}),
        put("subject")([]),
        lambda statement: statement["predicate"].pop(PROMOTION),
    ):
        said = signed.prove(file=signed.forged(tmp_path, change, signed.key))
        assert (said.exit_code, "it is no attestation of a promotion" in said.err) == (2, True), said


def test_every_signature_of_rubbish_is_no_signature(signed: Signed, tmp_path: Path) -> None:
    envelope = json.loads(signed.file.read_text())
    for signatures in ([], [{"keyid": "x", "sig": ""}], [{"keyid": "x", "sig": "AAAA"}, {"keyid": "", "sig": "AA=="}]):
        envelope["signatures"] = signatures
        (tmp_path / "file").write_text(json.dumps(envelope))
        assert signed.prove(file=tmp_path / "file").exit_code == 1


def test_the_id_of_a_key_is_only_a_hint(signed: Signed, tmp_path: Path) -> None:
    envelope = json.loads(signed.file.read_text())
    envelope["signatures"] = [{"keyid": "", "sig": envelope["signatures"][0]["sig"]}]
    (tmp_path / "file").write_text(json.dumps(envelope))
    assert signed.prove(file=tmp_path / "file").exit_code == 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--key", "none.pub"), "none.pub cannot be read"),
        (("--key", "/"), "is a directory"),
        (("--key", "attest.pem"), "attest.pem is no public key"),
        (("--key", "rsa.pub"), "rsa.pub is no public key of Ed25519 or ECDSA"),
    ],
)
def test_a_key_that_is_none_is_told(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_key(tmp_path)
    (tmp_path / "rsa.pub").write_bytes(public_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    said = signed.prove(*more)
    assert (said.exit_code, "Traceback" in said.err) == (2, False)
    assert says in said.err
    assert "PRIVATE" not in said.err


def test_usage(signed: Signed, tmp_path: Path) -> None:
    assert signed.site.run("prove", PRODUCT, "--key", "x").exit_code == 2
    assert signed.prove(file=tmp_path / "none").exit_code == 2
    assert signed.site.run("prove", "other", "--attestation", str(signed.file)).exit_code == 2
    assert signed.site.run("prove", "--all", "--attestation", str(signed.file)).exit_code == 2
    assert signed.site.run("prove", "--all", PRODUCT, "--attestation", str(signed.file)).exit_code == 2


# -- the settings


def with_table(site: Site, table: str) -> None:
    text = site.settings.read_text().partition("\n[attestation]")[0]
    site.settings.write_text(f"{text}\n[attestation]\n{table}\n")


UNUSABLE = {
    'key = { file = "none.pem" }': "attestation.key: the secret file",
    'key = { env = "NO_SUCH_KEY" }': "attestation.key: the environment variable NO_SUCH_KEY is not set",
    'key = { file = "attest.pub" }': "attestation.key is no private key",
    'key = { file = "rsa.pem" }': "attestation.key is no private key of Ed25519 or ECDSA",
    'key = { file = "curve.pem" }': "attestation.key is no private key of Ed25519 or ECDSA",
    'key = { file = "locked.pem" }': "attestation.key is encrypted",
}


def test_a_key_that_signs_nothing_refuses_promotions_alone_and_doctor_tells(site: Site) -> None:
    key = write_key(site.folder)
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (site.folder / "rsa.pem").write_bytes(private_pem(rsa_key))
    (site.folder / "curve.pem").write_bytes(private_pem(ec.generate_private_key(ec.SECP256K1())))
    locked = serialization.BestAvailableEncryption(b"secret")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (site.folder / "locked.pem").write_bytes(key.private_bytes(pem, pkcs8, locked))
    with_table(site, next(iter(UNUSABLE)))
    assert site.deploy(OLD).exit_code == 0
    for table, says in UNUSABLE.items():
        with_table(site, table)
        assert site.run("lanes").exit_code == 0
        for command in (("promote", PRODUCT), ("check", "promote", PRODUCT)):
            said = site.run(*command)
            assert (said.exit_code, says in said.err, "Traceback" in said.err) == (2, True, False), said
    assert "attestation.key is encrypted" in site.run("doctor").out
    assert not (site.folder / "state" / "attestations").exists()


def test_nothing_of_the_key_is_kept_or_told(signed: Signed) -> None:
    secret = private_pem(signed.key).splitlines()[1]
    said = [signed.site.run(*command) for command in (("doctor",), ("lanes",), ("runs", "list", "--output", "json"))]
    assert not [one for one in said if secret.decode() in one.out + one.err]
    with_it = {path.name for path in signed.site.folder.rglob("*") if path.is_file() and secret in path.read_bytes()}
    assert with_it == {"attest.pem"}


def test_a_key_of_the_environment_signs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    key = write_key(site.folder)
    (site.folder / "attest.pem").unlink()
    monkeypatch.setenv("ATTEST", private_pem(key).decode())
    with_table(site, 'key = { env = "ATTEST" }\npublic_keys = ["attest.pub"]')
    assert site.deploy(OLD).exit_code == 0
    name = site.promote("--output", "json").document["attestation"]["name"]
    monkeypatch.delenv("ATTEST")
    said = site.run("prove", PRODUCT, "--attestation", str(site.folder / "state" / "attestations" / name))
    assert (said.exit_code, "signed by attest.pub" in said.out) == (0, True), said


def test_who_only_checks_names_public_keys_and_signs_nothing(signed: Signed, site: Site) -> None:
    write_key(site.folder)
    shutil.copy(signed.site.folder / "attest.pub", site.folder / "other.pub")
    with_table(site, 'public_keys = ["attest.pub", "other.pub"]\nverifier = "https://gate.example.org"')
    said = site.run("prove", PRODUCT, "--attestation", str(signed.file))
    assert (said.exit_code, "signed by other.pub" in said.out) == (0, True), said
    assert "Not held to anything: ledger." in said.out  # it is another one that is here
    assert site.deploy(OLD).exit_code == 0
    assert site.promote("--output", "json").document["attestation"] is None
    assert "nothing is signed; believed is attest.pub (" in site.run("doctor").out


def test_without_a_key_of_any_kind_nobody_can_be_believed(signed: Signed, site: Site) -> None:
    said = site.run("prove", PRODUCT, "--attestation", str(signed.file))
    assert (said.exit_code, "--key FILE" in said.err) == (2, True), said


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('key = "-----BEGIN PRIVATE KEY-----"', "attestation.key is a secret: it is never written here"),
        ('key = { file = "a", env = "B" }', "attestation.key is a secret"),
        ('verifier = "gate"', "attestation.verifier"),
        ('keys = "attest.pub"', "attestation.keys is not a known key"),
    ],
)
def test_a_table_that_is_none_is_told(site: Site, table: str, says: str) -> None:
    with_table(site, table)
    said = site.run("lanes")
    assert (said.exit_code, says in said.err, "BEGIN" in said.err) == (2, True, False), said


@pytest.mark.thorough
def test_who_has_not_installed_what_it_takes_is_told_how(signed: Signed, tmp_path: Path) -> None:
    for missing in ("securesystemslib", "cryptography"):
        program = f"import sys; sys.modules[{missing!r}] = None; from launchplane_gate.cli import main; main()"
        for arguments in (
            ["prove", PRODUCT, "--attestation", str(signed.file), "--key", str(signed.site.folder / "attest.pub")],
            ["check", "promote", PRODUCT],
        ):
            command = [sys.executable, "-c", program, "--config", str(signed.site.settings), *arguments]
            told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert (told.returncode, "Traceback" in told.stderr) == (2, False), told
            assert "pip install 'launchplane-gate[attest]'" in told.stderr
