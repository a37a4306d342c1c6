"""Reading a folder of policies. Whatever is not known to belong there stops it, but for notes and hidden files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from launchplane_gate import private, strictjson
from launchplane_gate.errors import PolicyError
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.form import BadForm
from launchplane_gate.policy.bundle.places import Place, found, line_of_repeated_key, lines_of, told
from launchplane_gate.policy.bundle.syntax import Finding, Source

CONFIG_PATH = "config/data.json"
CASES = "cases"
"""The folder of cases in a folder of policies: tests in YAML, which decide nothing and are read by tools alone."""
LARGEST_FILE = 256 * 1024  # bytes


@dataclass(frozen=True)
class Folder:
    """``config`` is empty where the folder has none; ``config_text`` is what it was read from."""

    path: Path
    sources: tuple[Source, ...]
    config: dict[str, Any]
    config_file: str
    config_text: str

    @cached_property
    def _lines(self) -> dict[Place, int]:
        return lines_of(self.config_text)

    def line_of(self, place: Sequence[str | int]) -> int:
        """The line of a place in the configuration, or of what stands above it."""
        there = found(self.config, place)
        return next(self._lines[there[:end]] for end in range(len(there), -1, -1) if there[:end] in self._lines)


def read_folder(folder: Path) -> Folder:
    """Raises BadForm for a file that cannot be read as what its name says, PolicyError where there is no folder."""
    if folder.is_symlink():
        raise _bad(folder, 1, "is a link, and may show another folder tomorrow", "Name the folder that it leads to.")
    if not folder.is_dir():
        raise PolicyError(f"{folder}: there is no such folder of policies")
    sources: list[Source] = []
    config: dict[str, Any] = {}
    text = ""
    for file in sorted(_files(folder)):
        path = file.relative_to(folder).as_posix()
        if path.startswith(f"{CASES}/"):
            _check_case(file)
        elif path == CONFIG_PATH:
            text = _read(file)
            config = _config(file, text)
        elif file.suffix == ".rego":
            sources.append(Source(path, str(file), _read(file)))
        elif file.suffix != ".md":
            holds = f"a folder of policies holds *.rego, *.md, {CONFIG_PATH} and {CASES}/"
            raise _bad(file, 1, holds, "Move it elsewhere.")
    return Folder(folder, tuple(sources), config, str(folder / CONFIG_PATH), text)


def case_files(folder: Path) -> list[Path]:
    """The cases in a folder of policies, none of them read. Raises BadForm as ``read_folder`` does."""
    return (
        sorted(file for file in _files(folder / CASES) if file.suffix == ".yaml") if (folder / CASES).is_dir() else []
    )


def _check_case(file: Path) -> None:
    if file.suffix not in {".yaml", ".md"}:
        remedy = "Call it *.yaml." if file.suffix == ".yml" else "Move it elsewhere."
        raise _bad(file, 1, f"{CASES}/ holds *.yaml and *.md", remedy)
    if file.name == "data.yaml":
        raise _bad(file, 1, "OPA takes a file of this name for data of the policies", "Call it otherwise.")


def _bad(file: Path | str, line: int, message: str, remedy: str) -> BadForm:
    return BadForm([Finding(str(file), line, message, remedy)])


def _files(folder: Path) -> Iterator[Path]:
    """Every file below. Hidden ones are passed over: they are an editor's, and no file can lessen what is asked."""
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*folders, *files]:
            if (Path(place) / name).is_symlink():
                raise _bad(Path(place) / name, 1, "is a link, and may show another file tomorrow", "Copy it.")
        yield from (Path(place) / name for name in files if not name.startswith("."))


def _refuse(error: OSError) -> NoReturn:
    raise _bad(error.filename, 1, f"cannot be read: {error.strerror}", "Let the gate read it, or move it elsewhere.")


def _read(file: Path) -> str:
    try:
        content = private.read_regular(file, LARGEST_FILE + 1)
    except OSError as error:
        _refuse(OSError(error.errno, error.strerror, str(file)))
    if len(content) > LARGEST_FILE:
        raise _bad(file, 1, f"is larger than {LARGEST_FILE // 1024} KB", "Divide it.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _bad(file, line, "is not UTF-8", "Save it as UTF-8.") from None


_MEND = "Mend it; policies/README.md says what may stand there."


def _config(file: Path, text: str) -> dict[str, Any]:
    try:
        config = strictjson.loads(text)
    except strictjson.NotStrictJson as error:
        raise _bad(file, _line_of_json(text), str(error), _MEND) from None
    try:
        Config.model_validate_json(strictjson.dumps(config))
    except ValidationError as error:
        findings = [_finding(file, config, text, one) for one in error.errors(include_url=False)]
        raise BadForm(findings) from None
    read: dict[str, Any] = config
    return read


def _finding(file: Path, config: Any, text: str, error: Any) -> Finding:
    folder = Folder(file.parent, (), config, str(file), text)
    message = f"{told(error['loc']) or 'it'}: {error['msg']}"
    return Finding(str(file), folder.line_of(error["loc"]), message, _MEND)


def _line_of_json(text: str) -> int:
    """Where a text ends to be JSON, or has a key for the second time; else the first line."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno
    except (ValueError, RecursionError):
        return 1
    return line_of_repeated_key(text) or 1
