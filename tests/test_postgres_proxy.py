"""What the proxy loses is lost for the client alone, or for the server too, as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.fakes.postgres_proxy import PostgresProxy
from tests.postgres import PostgresServer

pytestmark = pytest.mark.thorough  # of a tool of the tests

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def proxy(postgres_server: PostgresServer, postgres: str) -> Iterator[PostgresProxy]:
    with psycopg.connect(postgres) as directly, PostgresProxy(postgres_server) as proxy:
        directly.execute("CREATE TABLE said (word text PRIMARY KEY)")
        directly.commit()
        yield proxy


@pytest.fixture
def client(proxy: PostgresProxy, postgres: str) -> Iterator[Connection]:
    with connect(proxy, postgres) as connection:
        yield connection


def connect(proxy: PostgresProxy, postgres: str) -> Connection:
    return psycopg.connect(proxy.url(urlsplit(postgres).path.removeprefix("/")))


def say(client: Connection, word: str) -> None:
    client.execute("INSERT INTO said VALUES (%s)", [word])


def said(postgres: str) -> list[object]:
    with psycopg.connect(postgres) as directly:
        return [word for (word,) in directly.execute("SELECT word FROM said ORDER BY word")]


def in_a_pipeline(client: Connection) -> None:
    with client.pipeline():
        client.commit()


def prepared(client: Connection) -> None:
    client.execute("COMMIT", prepare=True)


COMMITS: dict[str, Callable[[Connection], object]] = {
    "simple": lambda client: client.commit(),
    "in a pipeline": in_a_pipeline,
    "prepared": prepared,
    "by hand": lambda client: client.execute(" end"),
}
every_commit = pytest.mark.parametrize("commit", COMMITS.values(), ids=COMMITS)


@every_commit
def test_a_commit_whose_answer_is_lost_is_done(
    proxy: PostgresProxy, client: Connection, postgres: str, commit: Callable[[Connection], object]
) -> None:
    say(client, "one")
    proxy.lose_the_answer_of(1)
    with pytest.raises(psycopg.OperationalError):
        commit(client)
    assert client.broken
    assert said(postgres) == ["one"]


@every_commit
def test_a_commit_that_is_lost_is_not_done(
    proxy: PostgresProxy, client: Connection, postgres: str, commit: Callable[[Connection], object]
) -> None:
    say(client, "one")
    proxy.lose_the_commit()
    with pytest.raises(psycopg.OperationalError):
        commit(client)
    assert said(postgres) == []


@every_commit
def test_a_commit_that_is_late_is_done_after_its_client_was_cut_off(
    proxy: PostgresProxy, client: Connection, postgres: str, commit: Callable[[Connection], object]
) -> None:
    say(client, "one")
    proxy.delay_the_commit()
    with pytest.raises(psycopg.OperationalError):
        commit(client)
    assert said(postgres) == []
    proxy.deliver()
    assert said(postgres) == ["one"]


def test_commits_are_counted_over_all_connections(proxy: PostgresProxy, client: Connection, postgres: str) -> None:
    before = proxy.commits
    proxy.lose_the_answer_of(2)
    say(client, "one")
    client.commit()
    with connect(proxy, postgres) as other:
        say(other, "two")
        with pytest.raises(psycopg.OperationalError):
            other.commit()
    say(client, "three")
    client.commit()
    assert proxy.commits == before + 3
    assert said(postgres) == ["one", "three", "two"]


def test_a_commit_that_the_server_refuses_has_its_answer_lost_too(
    proxy: PostgresProxy, client: Connection, postgres: str
) -> None:
    client.execute("ALTER TABLE said ADD UNIQUE (word) DEFERRABLE INITIALLY DEFERRED, DROP CONSTRAINT said_pkey")
    client.commit()
    client.execute("INSERT INTO said VALUES ('one'), ('one')")
    proxy.lose_the_answer_of(1)
    with pytest.raises(psycopg.OperationalError):
        client.commit()
    assert said(postgres) == []


def test_a_cut_ends_what_is_connected_and_lets_others_through(
    proxy: PostgresProxy, client: Connection, postgres: str
) -> None:
    say(client, "one")
    proxy.cut()
    with pytest.raises(psycopg.OperationalError):
        client.commit()
    with connect(proxy, postgres) as again:
        say(again, "two")
    assert said(postgres) == ["two"]


def test_what_is_stalled_goes_on_when_it_is_let_through(
    proxy: PostgresProxy, client: Connection, postgres: str
) -> None:
    say(client, "one")
    proxy.stall()
    with ThreadPoolExecutor() as threads:
        committed = threads.submit(client.commit)
        connected = threads.submit(connect, proxy, postgres)
        try:
            for waits in (committed, connected):
                with pytest.raises(NotYet):
                    waits.result(timeout=0.2)
            assert said(postgres) == []
        finally:
            proxy.let_through()
        committed.result(timeout=10)
        with connected.result(timeout=10) as other:
            assert other.execute("SELECT word FROM said").fetchall() == [("one",)]


def test_a_server_that_is_killed_is_seen_through_the_proxy(own_postgres: PostgresServer) -> None:
    own_postgres.create_database("kept")
    with PostgresProxy(own_postgres) as proxy:
        with psycopg.connect(proxy.url("kept")) as client:
            own_postgres.kill()
            with pytest.raises(psycopg.OperationalError):
                client.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(proxy.url("kept"))
        own_postgres.start()
        with psycopg.connect(proxy.url("kept")) as client:
            assert client.execute("SELECT 1").fetchone() == (1,)
