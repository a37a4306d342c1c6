"""Signatures of the real ssh-keygen, and what is none."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from launchplane_gate.ssh import NAMESPACE, BadSignature, fingerprint, public_key, signer

TEXT = b"launchplane-gate waiver\nreason: checkout is down\n"
KINDS = [("ed25519", ""), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")]


def new_key(folder: Path, kind: str = "ed25519", bits: str = "", name: str = "key") -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen")
    key = folder / name
    size = ["-b", bits] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "alice@desk", "-f", str(key)], check=True)
    return key


def sign(key: Path, text: bytes = TEXT, *more: str, namespace: str = NAMESPACE) -> str:
    made = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", namespace, *more],
        input=text,
        capture_output=True,
        check=True,
    )
    return made.stdout.decode()


def public(key: Path) -> str:
    return key.with_suffix(".pub").read_text().strip()


@pytest.mark.parametrize(("kind", "bits"), KINDS, ids=str)
@pytest.mark.parametrize("hashed_by", ["sha256", "sha512"])
def test_a_signature_of_ssh_keygen_names_its_key(tmp_path: Path, kind: str, bits: str, hashed_by: str) -> None:
    key = new_key(tmp_path, kind, bits)
    signature = sign(key, TEXT, "-O", f"hashalg={hashed_by}")
    assert signer(TEXT, signature) == public_key(public(key))
    with pytest.raises(BadSignature, match="not of this text"):
        signer(TEXT + b" ", signature)


def test_a_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    key = new_key(tmp_path)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(key)], capture_output=True, text=True, check=True).stdout
    assert fingerprint(public_key(public(key))) in shown


def test_a_signature_for_another_purpose_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadSignature, match="another purpose; sign with -n launchplane-gate"):
        signer(TEXT, sign(new_key(tmp_path), namespace="git"))


def armored(blob: bytes) -> str:
    return f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(blob).decode()}\n-----END SSH SIGNATURE-----\n"


def blob_of(signature: str) -> bytes:
    return base64.b64decode("".join(signature.split("\n")[1:-2]))


def test_every_bit_of_a_signature_counts(tmp_path: Path) -> None:
    key = new_key(tmp_path)
    blob = blob_of(sign(key))
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises(BadSignature):
            assert signer(TEXT, armored(bytes(changed))) == public_key(public(key))


def test_a_signature_that_is_cut_or_drawn_out_is_none(tmp_path: Path) -> None:
    blob = blob_of(sign(new_key(tmp_path)))
    for odd in [*(blob[:length] for length in range(len(blob))), blob + b"\0", blob * 2]:
        with pytest.raises(BadSignature):
            signer(TEXT, armored(odd))


@pytest.mark.parametrize(
    "text", ["", "yes", armored(b""), armored(b"SSHSIG"), "é" * 100, "-" * 100_000, armored(b"a" * 90_000)]
)
def test_what_is_no_signature_is_none(text: str) -> None:
    with pytest.raises(BadSignature):
        signer(TEXT, text)


def test_the_key_of_another_proves_only_that_one(tmp_path: Path) -> None:
    alice, bob = new_key(tmp_path), new_key(tmp_path, name="bob")
    assert signer(TEXT, sign(bob)) == public_key(public(bob)) != public_key(public(alice))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "alice",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!",
        "ssh-dss AAAAB3NzaC1kc3MAAAA=",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIEX9YGbLWvzVDqIIGhiuiHZdlmS8MTYxVhPiBOsHVyjU",
        "restrict ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX9YGbLWvzVDqIIGhiuiHZdlmS8MTYxVhPiBOsHVyjU",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX9YGbLWvzVDqIIGhiuiHZdlmS8MTYxVhPiBOsHVyjU\nssh-ed25519 AAAA",
    ],
)
def test_what_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="public SSH key"):
        public_key(line)


def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    key = new_key(tmp_path, "rsa", "1024")
    with pytest.raises(ValueError, match="shorter than 2048 bits"):
        public_key(public(key))
