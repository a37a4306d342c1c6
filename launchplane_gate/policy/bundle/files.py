"""Reading a folder of policies. Whatever is not known to belong there stops it, but for notes and hidden files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from launchplane_gate import private, strictjson
from launchplane_gate.errors import PolicyError
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.syntax import Source

CONFIG_PATH = "config/data.json"
LARGEST_FILE = 256 * 1024  # bytes


@dataclass(frozen=True)
class Folder:
    """``config`` is empty where the folder has none."""

    sources: tuple[Source, ...]
    config: dict[str, Any]
    config_file: str


def read_folder(folder: Path) -> Folder:
    """Raises PolicyError for a file that cannot be read as what its name says."""
    if not folder.is_dir():
        raise PolicyError(f"{folder}: there is no such folder of policies")
    sources: list[Source] = []
    config: dict[str, Any] = {}
    for file in sorted(_files(folder)):
        path = file.relative_to(folder).as_posix()
        if path == CONFIG_PATH:
            config = _read_config(file)
        elif file.suffix == ".rego":
            sources.append(Source(path, str(file), _read(file)))
        elif file.suffix != ".md":
            raise PolicyError(f"{file}: a folder of policies holds *.rego, *.md and {CONFIG_PATH}; move it elsewhere")
    return Folder(tuple(sources), config, str(folder / CONFIG_PATH))


def _files(folder: Path) -> Iterator[Path]:
    """Every file below. Hidden ones are passed over: they are an editor's, and no file can lessen what is asked."""
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*folders, *files]:
            if (Path(place) / name).is_symlink():
                raise PolicyError(f"{Path(place) / name}: is a link, and may show another file tomorrow; copy it")
        yield from (Path(place) / name for name in files if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise PolicyError(f"{error.filename}: cannot be read: {error.strerror}")


def _read(file: Path) -> str:
    try:
        content = private.read_regular(file, LARGEST_FILE + 1)
    except OSError as error:
        raise PolicyError(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise PolicyError(f"{file}: is larger than {LARGEST_FILE // 1024} KB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyError(f"{file}:{line}: is not UTF-8") from None


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = strictjson.loads(_read(file))
        Config.model_validate_json(strictjson.dumps(config))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise PolicyError(f"{file}: {place}: {first['msg']}") from None
    except ValueError as error:
        raise PolicyError(f"{file}: {error}") from None
    read: dict[str, Any] = config
    return read
