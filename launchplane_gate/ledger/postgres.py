"""The ledger in Postgres, for several machines: its schema, its locks, its clock, and what a server may be asked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url

from launchplane_gate.errors import LedgerError, PastLost, SettingsError
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.database import GENESIS, Database, create_tables, format_of, see_the_format
from launchplane_gate.model import Lane

SCHEMA = "launchplane_gate"
CONNECT_S = 10
LOCK_S = 10  # that a lane's row is waited for; nobody holds one while something outside is waited for
STATEMENT_S = 60
HALTED_S = 20  # that a transaction may stand still, as in a process that was suspended, before the server ends it
_GUARDS = (
    f"SET LOCAL lock_timeout = '{LOCK_S}s'; SET LOCAL statement_timeout = '{STATEMENT_S}s'; "
    f"SET LOCAL idle_in_transaction_session_timeout = '{HALTED_S}s'; SET LOCAL synchronous_commit = "
)
_NOW = sa.text("SELECT extract(epoch FROM clock_timestamp())::float8")
_LOCK_LANE = tables.SELECT_LANE.with_for_update()
_NEW_LANE = insert(tables.lanes).on_conflict_do_nothing()
MIGRATE = "Nothing was done. `launchplane-gate ledger migrate` makes or changes the tables; take a backup before."


class Postgres(Database):
    """Raises LedgerError where it cannot be reached, read or written."""

    is_local = False
    hint = "Nothing more was done. Look at the server, and at what the user of its URL may do there."

    @classmethod
    def open(cls, url: str) -> Postgres:
        """Raises LedgerError where the tables are not there, or not those of this version."""
        database = cls.connect(url)
        with database.read() as connection:
            database._see_the_tables(connection)
        return database

    @classmethod
    def connect(cls, url: str) -> Postgres:
        """Open a server without looking whether the tables are there. Raises SettingsError."""
        try:
            given = make_url(url)
        except (sa.exc.ArgumentError, ValueError):
            raise SettingsError("settings: database_url is no URL: postgresql://USER:PASSWORD@HOST:PORT/NAME") from None
        if given.drivername not in ("postgresql", "postgres", "postgresql+psycopg") or not given.database:
            raise SettingsError("settings: database_url is not of Postgres: postgresql://USER:PASSWORD@HOST:PORT/NAME")
        engine = _engine(given.set(drivername="postgresql+psycopg"))
        name = given.set(password=None, username=None, query={}).render_as_string().partition("://")[2]
        return cls(engine, f"the ledger in {name}", given.password or "")

    def __init__(self, engine: sa.Engine, name: str, password: str) -> None:
        super().__init__(engine, name)
        self._password = password

    def time(self, connection: sa.Connection) -> float:
        return float(connection.execute(_NOW).scalar_one())

    def _begin(self, connection: sa.Connection, *, durable: bool) -> sa.RootTransaction:
        transaction = connection.begin()
        connection.exec_driver_sql(_GUARDS + ("on" if durable else "off"))
        return transaction

    def _begin_to_read(self, connection: sa.Connection) -> sa.RootTransaction:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return connection.begin()

    def _lock(self, connection: sa.Connection, lane: Lane) -> sa.Row[Any]:
        at = tables.of_lane(lane)
        row = connection.execute(_LOCK_LANE, at).first()
        if row is None:
            new = {"context": lane.context, "instance": lane.instance, "length": 0, "head": GENESIS}
            connection.execute(_NEW_LANE, new)
            row = connection.execute(_LOCK_LANE, at).one()
        return row

    def migrate(self, ledger_id: str) -> int | None:
        """Make the tables, or bring them to this version's form; gives the format that was there before.

        Raises LedgerError, with nothing changed, where an older gate has a run open, or a newer one was here.
        """
        with self.write() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('launchplane_gate migrate'))")
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{SCHEMA}"')
            found = format_of(connection, SCHEMA)
            if found is None:
                create_tables(connection, ledger_id)
                return None
            see_the_format(found, self.name)
            if found < tables.FORMAT:
                from launchplane_gate.ledger.migrating import migrate  # noqa: PLC0415  # alembic is seldom needed

                migrate(connection, self.time(connection), schema=SCHEMA)
            return found

    def _see_the_tables(self, connection: sa.Connection) -> None:
        found = format_of(connection, SCHEMA)
        if found is None:
            raise PastLost(f"{self.name} is empty: it has none of our tables", hint=MIGRATE)
        see_the_format(found, self.name)
        if found < tables.FORMAT:
            raise LedgerError(f"{self.name} has schema {found}; this version needs {tables.FORMAT}", hint=MIGRATE)

    def _words(self, error: sa.exc.SQLAlchemyError) -> str:
        words = super()._words(error)
        return words.replace(self._password, "***") if self._password else words


def _engine(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url,
            execution_options={"schema_translate_map": {None: SCHEMA}},  # a pooler loses a search_path
            pool_size=5,
            max_overflow=20,
            pool_timeout=CONNECT_S,
            connect_args={
                "connect_timeout": CONNECT_S,
                "keepalives_idle": 5,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 15_000,  # milliseconds
                "prepare_threshold": None,  # what was prepared stays with a connection that a pooler gives to another
                "application_name": "launchplane-gate",
            },
        )
    except ModuleNotFoundError:
        raise SettingsError(
            "settings: database_url needs psycopg, which is not installed",
            hint="Nothing was done. Type: pip install 'launchplane-gate[postgres]'",
        ) from None
