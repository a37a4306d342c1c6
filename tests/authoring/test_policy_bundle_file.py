"""`policy bundle` writes what the gate loaded, so that an OPA which serves it answers as the embedded engine does."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from launchplane_gate import strictjson
from launchplane_gate.authoring.bundle_file import write_bundle
from launchplane_gate.authoring.opa_tests import find_opa
from launchplane_gate.cli import program
from launchplane_gate.cli.policy.folders import NO_OPA
from launchplane_gate.demo.workspace import PRODUCT
from launchplane_gate.errors import UsageError
from launchplane_gate.policy import Bundle, EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.packing import packed
from launchplane_gate.policy.decision import ANSWER
from tests import opa
from tests.authoring.test_policy_test_on_opa import pretend
from tests.fakes import bundles
from tests.places import CASES

pytestmark = pytest.mark.thorough  # whole processes, and OPA's

NAMES = ("promote_admit", "promote_confirm", "deploy_admit", "deploy_confirm")
CONFIG = "config/data.json"


def case(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped policies, with the product of the golden cases."""
    products = {"products": case("config")["products"]}
    return load_bundle([shipped_policies(), bundles.write(tmp_path_factory.mktemp("product"), {}, products)])


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]  # files


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, ["policy", "bundle", *map(str, arguments)])


# -- what is in the file


def test_the_file_holds_the_manifest_the_merged_configuration_and_every_module(bundle: Bundle) -> None:
    files = unpacked(packed(bundle))
    manifest = json.loads(files.pop(".manifest"))
    assert manifest == {"revision": bundle.revision, "roots": ["config", "gate", "gate_test"], "rego_version": 1}
    assert json.loads(files.pop(CONFIG)) == bundle.config
    assert files == {module.path: module.text.encode() for module in bundle.modules}
    assert any(path.endswith("_test.rego") for path in files)


def test_the_revision_is_the_digest_of_everything_but_the_manifest(bundle: Bundle) -> None:
    files = unpacked(packed(bundle))
    revision = json.loads(files.pop(".manifest"))["revision"]
    config = json.loads(files.pop(CONFIG))
    modules = {path: content.decode() for path, content in files.items()}
    assert strictjson.digest({"config": config, "modules": modules}) == revision


def test_the_entries_are_sorted_and_say_nothing_of_who_packed_them_or_when(bundle: Bundle) -> None:
    content = packed(bundle)
    assert content[4:8] == b"\0\0\0\0"  # the time in the header of gzip
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    assert {(entry.mode, entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries} == {
        (0o644, 0, 0, "", "", 0)
    }


def test_the_same_policies_make_the_same_bytes_however_they_lie_in_folders(tmp_path: Path) -> None:
    shipped = bundles.small(tmp_path / "shipped")
    codes = ["lane.one", "lane.two"]
    added = {"waivable": ["lane.one", "lane.two"]}
    together = load_bundle([shipped, bundles.further(tmp_path / "together", codes, added)])
    apart = [bundles.further(tmp_path / code, [code], {"waivable": [code]}) for code in codes]
    for folder in apart:
        os.utime(folder / CONFIG, (1, 1))
    divided = load_bundle([shipped, *apart])
    assert divided.revision == together.revision
    assert packed(divided) == packed(together)


def variants(folder: Path) -> Iterator[Bundle]:
    """A small bundle, and the same with one thing changed at a time."""
    config = bundles.config()
    yield load_bundle([bundles.small(folder)])
    test = folder / "gate" / "small_test.rego"
    for changed in (
        {"gate/small_test.rego": test.read_text() + "# a word\n"},
        {bundles.path_of("lane.settled"): bundles.rule("lane.settled") + "# a word\n"},
        {"gate/lib/more.rego": "package gate.lib.more\n\nf(x) := x\n"},
        {CONFIG: json.dumps(config | {"thresholds": config["thresholds"] | {"health_s": 61}})},
        {CONFIG: json.dumps(config | {"products": {"p": {}}})},
        {CONFIG: json.dumps(config | {"waivable": []})},
    ):
        bundles.write(folder, changed)
        yield load_bundle([folder])


def test_whatever_changes_in_the_file_changes_its_revision(tmp_path: Path) -> None:
    made = list(variants(tmp_path))
    assert len({packed(bundle) for bundle in made}) == len({bundle.revision for bundle in made}) == 7


# -- writing it


def test_the_command_says_what_it_wrote_and_how_it_is_served(tmp_path: Path) -> None:
    file = tmp_path / "the gate.tar.gz"
    said = command("-o", file)
    made = load_bundle([shipped_policies()])
    assert said.exit_code == 0
    first, tested, last = said.stdout.splitlines()
    assert first == f"{file}: {len(made.modules)} modules, revision {made.revision}"
    assert last == f"  serve it: opa run --server --bundle '{file}'"
    found = find_opa()
    assert tested.strip() == (f"tested on the embedded engine and on OPA {found.version}" if found else NO_OPA)
    assert file.read_bytes() == packed(made)
    document = json.loads(command("-o", file, "--output", "json").stdout)
    version = found.version if found else None
    assert document == {
        "file": str(file),
        "revision": made.revision,
        "modules": len(made.modules),
        "opa": version,
    }


def test_folders_that_are_named_are_in_the_file(tmp_path: Path) -> None:
    further = bundles.write(tmp_path / "further", {}, {"products": {"p": {}}})
    assert command("-o", tmp_path / "gate.tar.gz", further).exit_code == 0
    assert json.loads(unpacked((tmp_path / "gate.tar.gz").read_bytes())[CONFIG])["products"] == {"p": {}}


def test_without_folders_those_of_the_settings_are_in_the_file(tmp_path: Path) -> None:
    bundles.write(tmp_path / "mine", {}, {"products": {"p": {}}})
    settings = tmp_path / "settings.toml"
    settings.write_text('schema_version = 1\n[policy]\nfolders = ["mine"]\n')
    assert command("-o", tmp_path / "gate.tar.gz", "--config", settings).exit_code == 0
    assert json.loads(unpacked((tmp_path / "gate.tar.gz").read_bytes())[CONFIG])["products"] == {"p": {}}


def test_the_bundle_may_go_to_standard_output_and_then_nothing_else_does(tmp_path: Path) -> None:
    said = command("-o", "-", "--output", f"json={tmp_path / 'document'}")
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout_bytes == packed(load_bundle([shipped_policies()]))
    assert json.loads((tmp_path / "document").read_text())["file"] == "-"
    clash = command("-o", "-", "--output", "json")
    assert clash.exit_code == 2
    assert "standard output" in json.loads(clash.stdout)["error"]["message"]


def test_no_bundle_is_poured_over_a_terminal() -> None:
    ours, theirs = os.openpty()
    try:
        words = [sys.executable, "-m", "launchplane_gate", "policy", "bundle", "-o", "-"]
        done = subprocess.run(words, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == 2
    assert "no text for a terminal" in done.stderr


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"gate/mine_test.rego": "package gate_test.mine\n\ntest_it if 1 == 2\n"}, "test_it does not hold"),
        ({"gate/lib/odd.rego": "package gate.lib.odd\n\nx := 1\n"}, "`x` is no function"),
        (
            {CONFIG: '{"thresholds": {"health_s": 1000000000}}'},
            "data.json:1: thresholds.health_s: 1000000000 is looser",
        ),
        ({"notes.txt": ""}, "Move it elsewhere"),
    ],
)
def test_nothing_is_written_of_policies_that_the_gate_would_not_take(
    tmp_path: Path, files: dict[str, str], told: str
) -> None:
    folder = bundles.write(tmp_path / "mine", files)
    said = command("-o", tmp_path / "gate.tar.gz", folder)
    assert (said.exit_code, said.stdout) == (2, "")
    assert told in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("tests", "told"),
    [
        ("echo '[]'", "OPA 1.22.2: test_it does not hold"),
        ('echo \'[{OF_IT, "name": "test_it", "fail": true}]\'', "test_it does not hold"),
        ('echo \'[{OF_IT, "name": "test_x"}]\'', "takes data.gate_test.more.test_x for a test"),
        ("echo 'panic: oh' >&2; exit 1", "ended with 1: panic: oh"),
    ],
)
def test_nothing_is_written_of_policies_that_opa_does_not_pass(tmp_path: Path, tests: str, told: str) -> None:
    of_it = '"package": "data.gate_test.more", "location": {"file": "gate/more_test.rego", "row": 3}'
    fake = pretend(tmp_path, tests.replace("OF_IT", of_it))
    folder = bundles.write(tmp_path / "mine", {"gate/more_test.rego": "package gate_test.more\n\ntest_it if true\n"})
    said = command("-o", tmp_path / "gate.tar.gz", "--opa", fake, folder)
    assert said.exit_code in (2, 3) and said.stdout == ""
    assert told in said.stderr
    assert not (tmp_path / "gate.tar.gz").exists()


def test_an_opa_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    said = command("-o", tmp_path / "gate.tar.gz", "--opa", tmp_path / "opa")
    assert said.exit_code == 2 and "there is no program" in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_opa_the_command_says_so(tmp_path: Path) -> None:
    words = ["policy", "bundle", "-o", str(tmp_path / "gate.tar.gz")]
    said = CliRunner().invoke(program, words, env={"PATH": str(tmp_path)})
    assert said.exit_code == 0 and NO_OPA in said.stdout


# -- over what stands there


@pytest.fixture
def small(tmp_path: Path) -> Bundle:
    return load_bundle([bundles.small(tmp_path / "small")])


def test_an_older_bundle_is_replaced(bundle: Bundle, small: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "gate.tar.gz"
    write_bundle(small, file)
    write_bundle(bundle, file)
    assert file.read_bytes() == packed(bundle)
    assert file.stat().st_mode & 0o444 == 0o444 & ~os.umask(os.umask(0o022))


@pytest.mark.parametrize("content", [b"", b"my thesis", b"\x1f\x8b", packed.__doc__.encode() * 100])  # type: ignore[union-attr]
def test_a_file_that_is_no_bundle_is_left_alone(small: Bundle, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "thesis"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="is there already and is no bundle"):
        write_bundle(small, file)
    assert file.read_bytes() == content


def test_another_archive_a_torn_bundle_a_folder_a_pipe_and_a_dangling_link_are_left_alone(
    small: Bundle, tmp_path: Path
) -> None:
    places = [tmp_path / name for name in ("archive", "torn", "folder", "pipe", "link")]
    archive, torn, folder, pipe, link = places
    with tarfile.open(archive, "w:gz") as other:
        other.add(tmp_path / "small" / CONFIG, "data.json")
    torn.write_bytes(packed(small)[:20])
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to("nowhere")
    for place in places:
        with pytest.raises(UsageError, match="is there already and is no bundle"):
            write_bundle(small, place)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*(place.name for place in places), "small"])


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(small: Bundle, tmp_path: Path) -> None:
    for place in (tmp_path / "none" / "gate.tar.gz", tmp_path / ("x" * 300), tmp_path / "small" / CONFIG / "gate"):
        with pytest.raises(UsageError, match="cannot be written: ") as refused:
            write_bundle(small, place)
        assert refused.value.hint == "Nothing was written."
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


# -- on OPA itself


@opa.needs_opa
def test_a_server_with_the_file_answers_as_the_embedded_engine_does(bundle: Bundle, tmp_path: Path) -> None:
    file, engine = tmp_path / "gate.tar.gz", EmbeddedEngine(bundle)
    write_bundle(bundle, file)
    asked = {"strict-builtin-errors": "true", "provenance": "true"}
    with opa.serving(file) as client:
        for name in NAMES:
            answer = client.post("/v1/data/gate/decision/answer", params=asked, json={"input": case(name)}).json()
            assert answer["result"] == engine.ask(ANSWER, case(name))
            assert all(result["satisfied"] for result in answer["result"]["results"].values())
            assert [served["revision"] for served in answer["provenance"]["bundles"].values()] == [bundle.revision]
        served = {policy["id"]: policy["raw"] for policy in client.get("/v1/policies").json()["result"]}
        assert served == {f"{file}/{module.path}": module.text for module in bundle.modules}
        assert client.get("/v1/data/config").json()["result"] == bundle.config
        assert client.put("/v1/data/config/thresholds", json={}).status_code == 400
        assert client.put("/v1/policies/mine", content="package gate.mine\n\nx := 1\n").status_code == 400


@opa.needs_opa
def test_the_file_passes_opas_own_checks(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "gate.tar.gz")
    for arguments in (["check", "--strict"], ["test"]):
        done = opa.run(*arguments, "--bundle", tmp_path / "gate.tar.gz")
        assert done.returncode == 0, done.stdout + done.stderr


COMMIT = ("init", "add .", "-c user.name=a -c user.email=a@b.invalid commit -m one")
OF_RECORDS = ("decisions ", "check ", "policy replay ", "policy case d-", "policy list ")
"""Commands that take settings, and what was decided."""


def committed(folder: Path) -> None:
    for command in (*COMMIT, "update-ref refs/remotes/origin/main HEAD"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True, capture_output=True)


def gate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "launchplane_gate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@opa.needs_opa
@pytest.mark.thorough  # every command of a guide, some of which ask hundreds of questions
def test_the_commands_that_policy_authors_are_told_end_well(tmp_path: Path) -> None:
    """Those on records in a workspace with a refusal on record; the others where there are no settings at all."""
    site = tmp_path / "site"
    bundles.write(tmp_path / "mine", {}, {"products": {"p": {}}})
    (tmp_path / "mine" / "cases").mkdir()
    committed(tmp_path)
    assert gate(tmp_path, "init", "--example", "site").returncode == 0
    refused = gate(site, "promote", PRODUCT, "--output", "json")
    decision = json.loads(refused.stdout)["admitted"]["decision_id"]
    (site / "facts.json").write_text((CASES / "promote_admit.json").read_text())
    told = re.findall(r"^    ((?:launchplane-gate|opa) .+)$", (shipped_policies() / "README.md").read_text(), re.M)
    assert len(told) > 25
    for line in told:
        words = line.replace("d-7Q2M4KXB", decision).replace("PRODUCT", PRODUCT)
        program, *arguments = shlex.split(words.replace("SHIPPED", str(shipped_policies())))
        if program == "opa":
            assert opa.run(*arguments, cwd=tmp_path).returncode == 0, line
        elif line.removeprefix("launchplane-gate ").startswith(OF_RECORDS):
            if not (site / "mine").exists():
                shutil.copytree(tmp_path / "mine", site / "mine")
            done = gate(site, *arguments)
            assert done.returncode in ((0, 1) if "--explain" in line else (0,)), line + done.stderr
            if "sample.jsonl" in line and not (site / ".git").exists():
                committed(site)
        else:
            done = gate(tmp_path, *arguments)
            assert done.returncode == 0, line + done.stderr


SIGN = """set -e
opa sign --signing-key key.pem --bundle gate.tar.gz
gunzip gate.tar.gz
tar --append --file gate.tar .signatures.json
gzip --no-name gate.tar
"""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with a pair of keys."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "public.pem").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))
    return tmp_path


@opa.needs_opa
def test_a_signed_bundle_is_served_and_an_altered_or_unsigned_one_is_not(bundle: Bundle, keys: Path) -> None:
    file = keys / "gate.tar.gz"
    write_bundle(bundle, file)
    unsigned = file.read_bytes()
    path = f"{Path(str(opa.PROGRAM)).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-c", SIGN], cwd=keys, env={**os.environ, "PATH": path}, check=True, timeout=60)
    verified = ("--verification-key", keys / "public.pem")
    with opa.serving(file, *verified) as client:
        policies = client.get("/v1/policies").json()["result"]
        assert {policy["raw"] for policy in policies} == {module.text for module in bundle.modules}
        answer = client.get("/v1/data/config", params={"provenance": "true"}).json()
        assert [served["revision"] for served in answer["provenance"]["bundles"].values()] == [bundle.revision]
    signed = unpacked(file.read_bytes())
    for name in (".manifest", CONFIG, "gate/decision.rego"):
        file.write_bytes(archive_of(signed | {name: signed[name].replace(b"e", b"E", 1)}))
        refused(file, *verified)
    for files in (signed | {"gate/more.rego": b"package gate.more\n"}, without(signed, "gate/decision.rego")):
        file.write_bytes(archive_of(files))
        refused(file, *verified)
    file.write_bytes(unsigned)
    refused(file, *verified)


def archive_of(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return content.getvalue()


def without(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path != name}


def refused(file: Path, *options: str | Path) -> None:
    with pytest.raises(AssertionError, match="load error: bundle"), opa.serving(file, *options):
        pass
