"""The Postgres of the tests forgets nothing that it confirmed, however it ends."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.postgres import PostgresServer

pytestmark = pytest.mark.thorough  # of a tool of the tests

ENDINGS: dict[str, Callable[[PostgresServer], None]] = {
    "stopped": PostgresServer.stop,
    "stopped at once": lambda server: server.stop("immediate"),
    "killed": PostgresServer.kill,
}


@pytest.mark.parametrize("ends", ENDINGS.values(), ids=ENDINGS)
def test_what_was_committed_is_there_when_the_server_is_back(
    own_postgres: PostgresServer, ends: Callable[[PostgresServer], None]
) -> None:
    url = own_postgres.create_database("kept")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE said AS SELECT 'committed' AS word")
        connection.commit()
        connection.execute("INSERT INTO said VALUES ('not committed')")
        ends(own_postgres)
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    own_postgres.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT word FROM said").fetchall() == [("committed",)]


def test_each_test_has_an_empty_database(postgres: str, postgres_server: PostgresServer) -> None:
    other = postgres_server.create_database("other")
    try:
        with psycopg.connect(other) as connection:
            connection.execute("CREATE TABLE theirs ()")
        with psycopg.connect(postgres) as connection:
            assert connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall() == []
            assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
                False,
            )
    finally:
        postgres_server.drop_database("other")
