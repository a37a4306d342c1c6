"""Whatever is sent is understood or refused in the words that are promised, and within a time."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.health_server import Answer, HealthServer
from tests.fuzz.servers import SERVERS, Everywhere, answers, well
from tests.fuzz.strangers import REFUSED, STRANGERS

THOROUGH = bool(os.environ.get("LAUNCHPLANE_GATE_THOROUGH"))


def tried(times: int) -> settings:
    return settings(
        max_examples=times * 8 if THOROUGH else times,
        derandomize=not THOROUGH,  # what everybody runs all day is the same each time; CI looks elsewhere each time
        database=None,
        deadline=timedelta(seconds=10),  # of one example; each takes milliseconds
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_understood_or_refused(name: str) -> None:
    stranger, seen, refused_before = STRANGERS[name], 0, REFUSED.total()

    def check(sent: Any) -> None:
        nonlocal seen
        seen += 1
        stranger.check(sent)

    tried(50)(given(stranger.sends())(check))()
    assert seen > REFUSED.total() - refused_before, "all of it was refused: what is nearly right is not"


@pytest.mark.thorough
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_understood_or_refused(name: str) -> None:
    one = SERVERS[name]
    with HealthServer() as server:

        def check(answer: Answer, first_is_well: bool) -> None:
            server.answers = Everywhere(answer, **(well(server) if first_is_well else {}))
            one.ask(server)

        tried(20)(given(answers(one.document), st.booleans())(check))()
