"""Completion: what a shell is offered, and that real ones, set up as the help says, take it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

import pytest
from click.testing import CliRunner

from launchplane_gate.cli import program
from launchplane_gate.cli.completion import VARIABLE

SETTINGS = """
[products.boats.lanes.testing]
[products.boats.lanes.prod]
[products.oars.lanes.testing]
[products.oars.lanes.production]
"""
SHELLS = {
    "bash": (".bashrc", ["bash", "--noprofile", "-i"]),
    "zsh": (".zshrc", ["zsh", "-d", "-i"]),
    "fish": (".config/fish/config.fish", ["fish", "-i"]),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "launchplane-gate.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAUNCHPLANE_GATE_CONFIG", raising=False)
    return tmp_path


def offered(line: str) -> list[str]:
    """What may stand in place of the last word, or of nothing after a blank; where a file may, that."""
    words = line.split()
    count = len(words) - (not line.endswith(" "))
    asked = {VARIABLE: "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(count)}
    said = CliRunner().invoke(program, ["promote", "boats"], env=asked)  # which is not done
    assert (said.exit_code, said.stderr) == (3, "")
    return [one.removeprefix("plain,") for one in said.stdout.split("\n") if one]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("promo", ["promote"]),
        ("policy di", ["diff"]),
        ("promote ", ["boats", "oars"]),
        ("check promote o", ["oars"]),
        ("promote oars --to ", ["testing", "production"]),
        ("promote --to prod", ["prod", "production"]),
        ("promote boats --reas", ["--reason"]),
        ("promote boats --bump m", ["major", "minor"]),
        ("rollback boats --lane p", ["prod"]),
        ("inventory history oars/", ["oars/testing", "oars/production"]),
        ("inventory show boats", ["boats", "boats/testing", "boats/prod"]),
        ("prove boats/testing oars/p", ["oars/production"]),
        ("lane hold boats/t", ["boats/testing"]),
        ("waiver request code --lane boats/p", ["boats/prod"]),
        ("lanes --output ", ["text", "json", "markdown"]),
        ("check --output s", ["sarif"]),
        ("lanes --config ", ["file,"]),
        ("check other.ya", ["file,other.ya"]),
        ("decisions verify ", ["file,"]),
        ("promote boats --idem=x --reason ", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_word_is_offered_where_it_may_stand(folder: Path, line: str, words: list[str]) -> None:
    assert offered(f"launchplane-gate {line}") == words


def test_products_are_those_of_the_settings_that_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "other.toml").write_text("[products.sails]\n")
    assert offered("launchplane-gate --config other.toml promote ") == ["sails"]
    assert offered("launchplane-gate promote --config other.toml ") == ["sails"]
    assert offered("launchplane-gate promote --to ") == ["testing", "prod", "production"]
    monkeypatch.setenv("LAUNCHPLANE_GATE_CONFIG", str(folder / "other.toml"))
    assert offered("launchplane-gate lanes ") == ["sails"]


@pytest.mark.parametrize(
    "content", ["[products", "products = 7", "[products]\nboats = 7", "[[products]]", "\xff", "x = 1"]
)
def test_settings_that_cannot_be_used_offer_nothing_and_say_nothing(folder: Path, content: str) -> None:
    (folder / "launchplane-gate.toml").write_bytes(content.encode("latin-1"))
    assert offered("launchplane-gate promote ") == []
    assert offered("launchplane-gate promo") == ["promote"]
    (folder / "launchplane-gate.toml").unlink()
    os.mkfifo(folder / "launchplane-gate.toml")
    assert offered("launchplane-gate promote ") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_as_it_is_sourced(shell: str) -> None:
    said = CliRunner().invoke(program, ["completion", shell])
    assert said.exit_code == 0 and VARIABLE in said.stdout
    if which(shell):
        subprocess.run([shell, "-n" if shell != "fish" else "--no-execute", "-c", said.stdout], check=True)


def line_for(shell: str) -> tuple[str, str]:
    """The file of a shell and the line that the help says to add to it."""
    text = CliRunner().invoke(program, ["completion", "--help"], env={"COLUMNS": "80"}).stdout
    file = SHELLS[shell][0]
    found = re.search(rf"~/{re.escape(file)}\s+(\S.*?)(  |$)", text, re.MULTILINE)
    assert found
    return file, found[1]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_that_is_set_up_as_the_help_says_completes(folder: Path, shell: str) -> None:
    if not which(shell):
        pytest.skip(f"this machine has no {shell}")
    file, line = line_for(shell)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(("autoload -Uz compinit; compinit -u -D\n" if shell == "zsh" else "") + line + "\n")
    with Typing(shell, folder) as typing:
        assert typing.completed("promo\toar\t--to pr\t--reas\t") == "promote oars --to production --reason"
        told = typing.completed("inventory hist\tboats/p\t--conf\tlaunchplane-gate.t\t")
        assert told == "inventory history boats/prod --config launchplane-gate.toml"
    assert "launchplane-gate:" not in typing.seen and "Traceback" not in typing.seen


SHOWN = """#!/bin/sh
if [ -n "$_LAUNCHPLANE_GATE_COMPLETE" ] || [ "$1" = completion ]; then exec {python} -m launchplane_gate "$@"; fi
echo "TYPED<$*>"
"""


class Typing:
    """A shell on a terminal of its own, and somebody who types. What is typed is shown, and not done."""

    def __init__(self, shell: str, home: Path) -> None:
        program = home / "bin" / "launchplane-gate"
        program.parent.mkdir()
        program.write_text(SHOWN.format(python=sys.executable))
        program.chmod(0o755)
        spawn = "import pty, sys; pty.spawn(sys.argv[1:])"
        environment = dict(os.environ) | {"HOME": str(home), "ZDOTDIR": str(home), "TERM": "xterm"}
        environment |= {"XDG_CONFIG_HOME": str(home / ".config"), "PATH": f"{home}/bin{os.pathsep}{os.environ['PATH']}"}
        command = [sys.executable, "-c", spawn, *SHELLS[shell][1]]
        self._shell = subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.seen = ""

    def __enter__(self) -> Typing:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.kill()
        self._shell.communicate()

    def completed(self, typed: str) -> str:
        """What the command is given in the end."""
        assert self._shell.stdin and self._shell.stdout
        self._shell.stdin.write(f"launchplane-gate {typed}\r".encode())
        self._shell.stdin.flush()
        until, begun = time.monotonic() + 60, len(self.seen)
        os.set_blocking(self._shell.stdout.fileno(), False)
        while not (found := re.search("TYPED<(.*?)>", self.seen[begun:])):
            assert time.monotonic() < until, self.seen
            self.seen += (self._shell.stdout.read() or b"").decode(errors="replace")
            time.sleep(0.05)
        return found[1]
