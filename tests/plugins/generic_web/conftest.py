"""The shipped policies for tests of the driver, which have not the time that a lane has to stay up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.policy import Bundle, EmbeddedEngine, load_bundle, shipped_policies
from tests.conftest import POLICY


def bundle_in(folder: Path, *, settle_s: int) -> Bundle:
    """The shipped policies with another time to stay up and, beside them, what they are told of the product."""
    return bundle_with(folder, POLICY, settle_s=settle_s)


def bundle_with(folder: Path, policy: Mapping[str, Any], *, settle_s: int) -> Bundle:
    """The same, where they are told something else."""
    shipped = shutil.copytree(shipped_policies(), folder / "shipped")
    config = json.loads((shipped / "config" / "data.json").read_text())
    for driver_id in ("generic-web", "verireel"):
        config["drivers"][driver_id] = {"settle_s": settle_s}
    (shipped / "config" / "data.json").write_text(json.dumps(config))
    (folder / "own" / "config").mkdir(parents=True)
    (folder / "own" / "config" / "data.json").write_text(json.dumps(policy))
    return load_bundle([shipped, folder / "own"])


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_in(tmp_path_factory.mktemp("policies-of-generic-web"), settle_s=0)


@pytest.fixture(scope="session")
def engine(bundle: Bundle) -> EmbeddedEngine:
    return EmbeddedEngine(bundle)
