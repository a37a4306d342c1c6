"""What ``launchplane_gate_http`` promises: nothing of what is asked gets elsewhere than to who is asked."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest

from launchplane_gate_http import Address, Answer, NoAnswer, Wire, WrongAddress, exchange, usual_tls
from tests.fakes.authority import Authority
from tests.fakes.health_server import HealthServer, drips, says, sleeps
from tests.places import ROOT

SECRET = "s3cret-5f1e6d9b"


@pytest.fixture
def server() -> Iterator[HealthServer]:
    with HealthServer() as server:
        server.answers["/"] = says(b"{}", Set_Cookie=f"session={SECRET}")
        yield server


def ask(url: str, *, may_be_at: Callable[[Address], bool] | None = None, timeout_s: float = 5) -> Answer:
    return exchange(
        "GET",
        url,
        headers={"Authorization": f"Bearer {SECRET}"},
        tls=usual_tls(),
        connect_timeout_s=timeout_s,
        timeout_s=timeout_s,
        max_bytes=1000,
        may_be_at=may_be_at,
    )


def test_a_cookie_that_no_request_could_carry_is_left(server: HealthServer) -> None:
    """httpx makes the request that a redirect asks for, followed or not, with every cookie of the answer."""
    server.answers["/"] = says(b"", code=301, Location="/", Set_Cookie="\x80")
    assert ask(server.url("/")).status == 301


# -- logs


def test_nothing_of_it_is_logged_where_everything_is(server: HealthServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(server.url(f"/?token={SECRET}"))
    assert server.seen
    assert [record for record in caplog.records if record.name.startswith("http")] == []
    assert SECRET not in caplog.text


def test_what_others_ask_by_the_same_libraries_is_logged_as_before(
    server: HealthServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def both() -> None:
        async with httpx.AsyncClient(trust_env=False) as theirs:
            await asyncio.gather(theirs.get(server.url("/?theirs")), asyncio.to_thread(ask, server.url("/?ours")))
            await theirs.get(server.url("/?later"))

    with caplog.at_level(logging.DEBUG):
        asyncio.run(both())
    assert len(server.seen) == 3
    assert "/?theirs" in caplog.text
    assert "/?later" in caplog.text
    assert "receive_response_headers.complete" in caplog.text
    assert "ours" not in caplog.text


def test_logging_that_is_set_up_meanwhile_logs_nothing_of_it_either(
    server: HealthServer, caplog: pytest.LogCaptureFixture
) -> None:
    ask(server.url("/"))
    for name in ("httpx", "httpcore.http11", "httpcore.connection"):
        logger = logging.getLogger(name)
        for one in list(logger.filters):
            logger.removeFilter(one)
    with caplog.at_level(logging.DEBUG):
        ask(server.url(f"/?token={SECRET}"))
    assert SECRET not in caplog.text


# -- the keys of a connection

ASKS = """
import ssl, sys
from pathlib import Path
from launchplane_gate_http import exchange, tls_trusting, usual_tls
usual_tls()
tls = tls_trusting(Path(sys.argv[2]), "plugins.any.ca_file")
answer = exchange("GET", sys.argv[1], headers={}, tls=tls, connect_timeout_s=5, timeout_s=5, max_bytes=99)
assert answer.status == 200
if sys.argv[3:]:
    ssl.create_default_context()
"""


@pytest.mark.parametrize("as_usual", [False, True])
def test_the_keys_of_a_connection_are_written_nowhere(server: HealthServer, tmp_path: Path, as_usual: bool) -> None:
    authority, log = Authority(tmp_path), tmp_path / "keys.log"
    server.socket = authority.server_context("127.0.0.1").wrap_socket(server.socket, server_side=True)
    url = f"https://127.0.0.1:{server.server_port}/"
    subprocess.run(
        [sys.executable, "-c", ASKS, url, str(authority.file), *(["as usual"] if as_usual else [])],
        env=os.environ | {"SSLKEYLOGFILE": str(log)},
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    assert log.exists() == as_usual  # so that it is known what would have been


def test_a_server_has_to_prove_its_name() -> None:
    assert usual_tls().verify_mode is ssl.CERT_REQUIRED
    assert usual_tls().check_hostname
    assert usual_tls().cert_store_stats()["x509_ca"] > 50


def test_no_plugin_makes_a_context_or_a_client_of_its_own() -> None:
    found = [
        path.name
        for path in (ROOT / "plugins").rglob("*.py")
        if "launchplane_gate_http" not in path.parts
        and any(word in path.read_text() for word in ("create_ssl_context", "create_default_context", "SSLContext("))
    ]
    assert found == []


# -- where it is


def test_an_address_is_looked_at_before_anything_is_sent_there(server: HealthServer) -> None:
    looked_at: list[Any] = []

    def refuses(address: Address) -> bool:
        looked_at.append(address)
        return False

    for host in ("127.0.0.1", "127.1", "localhost"):
        with pytest.raises(WrongAddress, match=r"it is at 127\.0\.0\.1") as error:
            ask(server.url("/", host=host), may_be_at=refuses)
        assert not error.value.sent
    assert looked_at == [ip_address("127.0.0.1")] * 3
    assert server.seen == []
    assert ask(server.url("/"), may_be_at=lambda address: address == ip_address("127.0.0.1")).status == 200


# -- how long it takes


@pytest.mark.parametrize("answer", [sleeps(30, says(b"{}")), drips(b"x" * 500), drips(b"x" * 500, headers_too=True)])
def test_a_server_that_is_silent_or_drips_is_given_up_in_time(server: HealthServer, answer: Any) -> None:
    server.answers["/"] = answer
    began = time.monotonic()
    with pytest.raises(NoAnswer, match=r"within 0\.4 s") as error:
        ask(server.url("/"), timeout_s=0.4)
    assert error.value.sent
    assert time.monotonic() - began < 2


def test_a_host_is_asked_at_the_next_of_its_addresses_where_one_does_not_answer(server: HealthServer) -> None:
    """``localhost`` is at ::1 too, where nobody listens, or where the system has no such address at all."""
    assert ask(server.url("/", host="localhost")).status == 200


def test_what_was_given_up_sends_nothing_any_more(server: HealthServer) -> None:
    """As where a name is found at last, after whoever asked was told that nothing was sent."""
    wire = Wire(timeout_s=5, connect_timeout_s=5)
    stream = wire.connect_tcp("127.0.0.1", server.server_port)
    assert not wire.give_up()
    with pytest.raises(TimeoutError):
        stream.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    stream.close()
    assert server.seen == []
