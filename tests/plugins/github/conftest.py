from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.github import FakeGitHub, Repository
from tests.fakes.github.stage import FIRST, SECOND
from tests.plugins.github.desk import Desk


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        yield github
        assert github.violations == []
        assert github.pending() == []


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    """v0.2.9 is out on FIRST; SECOND is what was promoted."""
    shop = github.add_repository("acme/shop")
    shop.commit("Sell outboards", sha=FIRST)
    shop.commit("Show prices with tax", sha=SECOND)
    shop.release("v0.2.9", FIRST)
    return shop


@pytest.fixture
def desk(github: FakeGitHub, shop: Repository, tmp_path: Path) -> Desk:
    return Desk(github, tmp_path)
