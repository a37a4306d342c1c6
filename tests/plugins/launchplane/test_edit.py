"""The edit of a checkout: shown, written whole or not at all, and refused where the host has another form."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from launchplane_gate_launchplane.edit.__main__ import main
from launchplane_gate_launchplane.edit.checkout import EDITS, GATE, WriteFailed, plan, write
from launchplane_gate_launchplane.edit.source import ShapeDiffers, Source
from tests.plugins.launchplane.hosts import STAND_IN

pytestmark = pytest.mark.thorough  # it edits many copies of a host

EDITED = ["control_plane/gate.py", "control_plane/dokploy.py", "control_plane/cli.py", "control_plane/service.py"]
SERVICE, PROVIDER, CLI = "control_plane/service.py", "control_plane/dokploy.py", "control_plane/cli.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the stand-in: its form is the host's."""
    return copied(tmp_path / "checkout")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An edited copy, to be copied."""
    copy = copied(tmp_path_factory.mktemp("written") / "checkout")
    assert run("--write", copy).exit_code == 0
    return copy


def copied(to: Path) -> Path:
    return Path(shutil.copytree(STAND_IN, to, ignore=shutil.ignore_patterns("__pycache__")))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def contents(checkout: Path) -> dict[str, bytes]:
    found = (path for path in checkout.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(checkout)): path.read_bytes() for path in found}


def replace(checkout: Path, name: str, old: str, new: str) -> None:
    text = (checkout / name).read_text()
    assert old in text, old
    (checkout / name).write_text(text.replace(old, new))


def in_git(checkout: Path, *arguments: str) -> str:
    own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", "-C", str(checkout), *own, *arguments], capture_output=True, text=True, check=True)
    return ran.stdout


def test_the_change_is_shown_with_its_reasons_and_nothing_is_changed(checkout: Path) -> None:
    before = contents(checkout)
    shown = run(checkout)
    assert shown.exit_code == 0
    assert contents(checkout) == before
    assert "@@ /v1/drivers/generic-web/deploy asks the gate, which owns the key of what it governs" in shown.stdout
    hunks = [line for line in shown.stdout.splitlines() if line.startswith("@@")]
    assert all(line.rpartition("@@ ")[2] for line in hunks)
    assert len(hunks) > len(EDITED)
    assert f"--write changes {', '.join(EDITED)}" in shown.stderr


def test_what_is_shown_is_a_patch_that_makes_what_would_be_written(checkout: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(checkout, tmp_path / "other"))
    in_git(other, "init", "-q")
    (tmp_path / "shown.patch").write_text(run(checkout).stdout)
    in_git(other, "apply", str(tmp_path / "shown.patch"))
    assert run("--write", checkout).exit_code == 0
    assert contents(other) == contents(checkout)


def test_it_is_written_once_and_an_edited_checkout_is_told_to_be_so(checkout: Path) -> None:
    before = contents(checkout)
    assert run("--check", checkout).exit_code == 1
    (checkout / CLI).chmod(0o755)
    written = run("--write", checkout)
    assert written.exit_code == 0
    assert f"Edited: {', '.join(EDITED)}" in written.stderr
    after = contents(checkout)
    assert sorted(name for name in after if after[name] != before.get(name)) == sorted(EDITED)
    assert (checkout / CLI).stat().st_mode & 0o777 == 0o755
    for again in (run(checkout), run("--write", checkout), run("--check", checkout)):
        assert (again.exit_code, again.stdout) == (0, "")
        assert "Edited already: nothing to do." in again.stderr
    assert contents(checkout) == after


def test_every_other_line_stays_as_it_was(checkout: Path) -> None:
    (checkout / CLI).write_bytes((checkout / CLI).read_bytes().replace(b"\n", b"\r\n"))
    before = {name: (checkout / name).read_bytes().splitlines() for name in EDITED[1:]}
    assert run("--write", checkout).exit_code == 0
    assert b"\n" not in (checkout / CLI).read_bytes().replace(b"\r\n", b"")
    for name, lines in before.items():
        kept = (checkout / name).read_bytes().splitlines()
        gone = [line for line in lines if line.strip() not in {line.strip() for line in kept}]
        assert len(gone) < len(lines) / 20, gone


@pytest.mark.parametrize("done", [0, 1, 3])
def test_one_that_was_killed_in_the_middle_is_finished_by_the_next(checkout: Path, written: Path, done: int) -> None:
    write(checkout, plan(checkout).edits[:done])
    (checkout / "control_plane" / ".service.py.edit").write_text("left by one that was killed")
    told = run("--write", checkout)
    assert told.exit_code == 0
    assert ("Edited in part" in told.stderr) == bool(done)
    assert contents(checkout) == contents(written)


def test_what_cannot_be_written_beside_changes_nothing(checkout: Path) -> None:
    (checkout / "control_plane" / ".cli.py.edit").mkdir()
    before = contents(checkout)
    failed = run("--write", checkout)
    assert failed.exit_code == 2
    assert "Nothing was changed." in failed.stderr
    assert contents(checkout) == before


def test_what_somebody_else_changes_meanwhile_is_left_alone(checkout: Path) -> None:
    edits = plan(checkout).edits
    replace(checkout, SERVICE, "EVIDENCE", "WITNESSED")
    before = contents(checkout)
    with pytest.raises(WriteFailed, match="changed by somebody else"):
        write(checkout, edits)
    assert contents(checkout) == before


def test_what_cannot_be_put_in_its_place_is_told_with_what_is_changed(checkout: Path) -> None:
    gate, provider, *rest = plan(checkout).edits
    with pytest.raises(WriteFailed) as failed:
        write(checkout, [gate, provider, provider, *rest])  # the second finds gone what stood beside
    assert failed.value.hint == f"Changed are {GATE}, {PROVIDER}, each of them whole; run this again for the rest."
    assert not list(checkout.rglob(".*.edit"))
    assert run("--write", checkout).exit_code == 0


OTHER_FORMS = [
    (SERVICE, "def create_launchplane_service_app(", "def make_app(", "create_launchplane_service_app: there is no"),
    (SERVICE, "    def app(", "    def application(", "app: there is no such function"),
    (SERVICE, "        lane=lane,\n", "        lane=lane,\n                    urgent=True,\n", "'urgent': 'True'"),
    (SERVICE, "driver_result = execute_generic_web_deploy(", "driver_result = deploy(", "execute_generic_web_deploy"),
    (
        SERVICE,
        '"/v1/drivers/verireel/prod-deploy":',
        '"/v1/verireel/deploy":',
        "no branch answers /v1/drivers/verireel",
    ),
    (
        SERVICE,
        "        except ProductDriverMismatchError:",
        "        except ProductMismatch:",
        "catches (PermissionError",
    ),
    (SERVICE, "if idempotent_response is not None:", "if idempotent_response:", "does not answer a known key"),
    (SERVICE, "    segments = [segment", "    parts = [segment", "does not begin with the segments"),
    (SERVICE, "def _match_read_route(path: str)", "def _match_read_route(path: str, method: str)", "something else"),
    (SERVICE, "action, params = read_route", "what, params = read_route", "action and params"),
    (SERVICE, "should_store_idempotency = True", "should_store_idempotency = bool(result)", "store answers under"),
    (SERVICE, "request_fingerprint = _request_f", "request_print = _request_f", "has no request_fingerprint"),
    (SERVICE, "            driver_result=driver_result,\n", "", "makes its answer with"),
    (SERVICE, '    original_trace_id: str = "",\n) -> dict', ") -> dict", "replayed and original_trace_id by name"),
    (
        SERVICE,
        "\ndef _latest_operations(",
        "\nagain = execute_odoo_prod_rollback()\n\n\ndef _latest_operations(",
        "calls execute_odoo_prod_rollback in 2 places, of which 1 are known",
    ),
    (PROVIDER, "def dokploy_request(", "def ask_dokploy(", "dokploy_request: there is no such function"),
    (PROVIDER, "    path: str,\n    method", "    path: str,\n    retries: int = 0,\n    method", "by name alone"),
    (
        PROVIDER,
        "    *,\n    host: str,\n    token: str,\n    path",
        "    host: str,\n    token: str,\n    path",
        "by name",
    ),
    (PROVIDER, "    except URLError as error:", "    except OSError as error:", "catches HTTPError; OSError"),
    (
        PROVIDER,
        "from urllib.request import",
        "fetch = urlopen('x')\nfrom urllib.request import",
        "outside of dokploy_request",
    ),
    (CLI, "def ship_execute(", "def ship_now(", "ship_execute: there is no such function"),
    (
        CLI,
        "def ship_execute(state_dir: Path,",
        "def ship_execute(force: bool, state_dir: Path,",
        "does not take state_dir",
    ),
    (
        CLI,
        "    deployment_record = record_store.read",
        "    found = record_store.read",
        "does not assign deployment_record",
    ),
    (CLI, "@click.group()\ndef main()", "@click.group(chain=True)\ndef main()", "is not a plain group"),
    (
        CLI,
        "    result = execute_odoo_prod_rollback(",
        "    done = execute_odoo_prod_rollback(",
        "begin with the rollback",
    ),
    (CLI, "from control_plane import dokploy as", "from control_plane.all import dokploy as", "imports no module"),
    (CLI, "def main() -> None:", "def main() -> None", "cannot be read as Python"),
]


@pytest.mark.parametrize(("name", "old", "new", "told"), OTHER_FORMS, ids=[form[3] for form in OTHER_FORMS])
def test_another_form_is_refused_by_file_function_and_what_differs(
    checkout: Path, name: str, old: str, new: str, told: str
) -> None:
    replace(checkout, name, old, new)
    edit = next(edit for edited, edit, _ in EDITS if edited == name)
    with pytest.raises(ShapeDiffers) as refused:
        edit(Source(checkout, name))
    assert str(refused.value).startswith(name)
    assert told in str(refused.value)
    assert "Nothing was changed." in refused.value.hint


@pytest.mark.parametrize("option", [(), ("--write",), ("--check",)])
def test_where_one_file_has_another_form_none_is_changed(checkout: Path, option: tuple[str, ...]) -> None:
    replace(checkout, SERVICE, "    def app(", "    def application(")
    before = contents(checkout)
    refused = run(*option, checkout)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"{SERVICE}, app: there is no such function\nNothing was changed.")
    assert contents(checkout) == before


EDITED_BY_HAND = [
    (SERVICE, "gated = gate_writer.write(", "asked = gate_writer.write(", "does not ask it as this command would"),
    (
        SERVICE,
        "execute=lambda store, request: execute_generic_web_deploy(",
        "execute=lambda store, request: go(",
        "as this",
    ),
    (PROVIDER, "answer = gate.change(", "answer = gate.pass_by(", "does not ask it as this command would have it"),
    (
        CLI,
        '    control_plane_gate.ask_for_command(\n        "launchplane ship',
        '    print(\n        "launchplane ship',
        "ship_ex",
    ),
    (CLI, "@click.group(cls=control_plane_gate.GatedGroup)", "@click.group()", "main"),
    (GATE, "class GateDenied(Exception):", "class GateDenied(ValueError):", "is not what this command writes"),
]


@pytest.mark.parametrize(("name", "old", "new", "told"), EDITED_BY_HAND)
def test_one_that_is_edited_in_another_way_is_refused(checkout: Path, name: str, old: str, new: str, told: str) -> None:
    run("--write", checkout)
    replace(checkout, name, old, new)
    before = contents(checkout)
    refused = run("--check", checkout)
    assert refused.exit_code == 2
    assert name in refused.stderr
    assert told in refused.stderr
    assert contents(checkout) == before


def test_what_is_not_committed_is_told(checkout: Path) -> None:
    assert "git does not know this checkout" in run(checkout).stderr
    in_git(checkout, "init", "-q")
    in_git(checkout, "add", "-A")
    in_git(checkout, "commit", "-qm", "as it is")
    assert "Not committed" not in run(checkout).stderr
    with (checkout / CLI).open("a") as file:
        file.write("# a note\n")
    assert f"Not committed, and harder to get back if this is undone: {CLI}" in run("--write", checkout).stderr


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_holds_no_host_is_refused(tmp_path: Path, there: bool) -> None:
    folder = tmp_path if there else tmp_path / "nowhere"
    refused = run(folder)
    assert refused.exit_code == 2
    assert f"{folder} is no checkout of Launchplane" in refused.stderr


@pytest.mark.parametrize("asked", [("format", "--check"), ("check", "--select", "E,F")], ids=["format", "check"])
def test_what_it_brings_has_the_hosts_form_too(checkout: Path, asked: tuple[str, ...]) -> None:
    """Which is lines of 100, and not ours."""
    [gate] = [edit.after for edit in plan(checkout).edits if edit.name == GATE]
    form = ("--isolated", "--line-length", "100", "--target-version", "py313", "--stdin-filename", "gate.py", "-")
    ruff = [sys.executable, "-m", "ruff", *asked, *form]
    ran = subprocess.run(ruff, input=gate, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_write_and_check_do_not_go_together(checkout: Path) -> None:
    assert run("--write", "--check", checkout).exit_code == 2


def test_it_is_run_as_a_module_and_names_what_it_lacks(checkout: Path) -> None:
    module = "launchplane_gate_launchplane.edit"
    ran = subprocess.run(
        [sys.executable, "-m", module, "--check", checkout], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (1, f"Not edited: {', '.join(EDITED)}\n")
    without = f"import sys, runpy; sys.modules['libcst'] = None; runpy.run_module('{module}', run_name='__main__')"
    ran = subprocess.run([sys.executable, "-c", without, checkout], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert (
        ran.stderr
        == "this command needs libcst, which is not installed; type: pip install 'launchplane-gate[launchplane]'\n"
    )
