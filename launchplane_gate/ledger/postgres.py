"""The ledger in Postgres, for several machines: its schema, its locks, its clock, and what a server may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from launchplane_gate.errors import LedgerError, PastLost, SettingsError
from launchplane_gate.extras import needed
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.database import GENESIS, Database, create_tables, format_of, see_the_format
from launchplane_gate.model import Lane

SCHEMA = "launchplane_gate"
CONNECT_S = 10
LOCK_S = 10  # that a lane's row is waited for; nobody holds one while something outside is waited for
STATEMENT_S = 60
HALTED_S = 20  # that a transaction may stand still, as in a process that was suspended, before the server ends it
_BOUNDED = f"SET LOCAL statement_timeout = '{STATEMENT_S}s'"
_GUARDS = (
    f"SET LOCAL lock_timeout = '{LOCK_S}s'; SET LOCAL idle_in_transaction_session_timeout = '{HALTED_S}s'; {_BOUNDED}"
)
# One request each, whatever the server has for defaults: who waited for a lock reads what came of it.
_TO_READ = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_BOUNDED}"
_TO_WRITE = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {_GUARDS}; SET LOCAL synchronous_commit = "
_CLOCK: sa.ColumnElement[float] = sa.literal_column("extract(epoch FROM clock_timestamp())::float8")
_NOW = sa.select(_CLOCK)
SHOWN = ("server_version", "fsync", "full_page_writes", "synchronous_commit")
_IS_OWNER = sa.text(
    "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE relname = 'entries' AND nspname = :schema"
)
_LOCK_LANE = tables.SELECT_LANE.add_columns(_CLOCK.label("now")).with_for_update(of=tables.lanes)
_NEW_LANE = insert(tables.lanes).on_conflict_do_nothing()
MIGRATE = "Nothing was done. `launchplane-gate ledger migrate` makes or changes the tables; take a backup before."
_CONNECTION: dict[str, Any] = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
    "application_name": "launchplane-gate",
}
_SECRETS = ("password", "sslpassword")


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
        """Open a server without looking whether the tables are there. Raises SettingsError.

        What the URL does not say, libpq takes from where it always does: PGPASSWORD, .pgpass, a service.
        """
        given = _parsed(url)
        return cls(_engine(given), f"the ledger in {_named(given)}", [given[key] for key in _SECRETS if key in given])

    def __init__(self, engine: sa.Engine, name: str, secrets: list[str]) -> None:
        super().__init__(engine, name)
        self._secrets = [form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))]

    def time(self, connection: sa.Connection) -> float:
        return float(connection.execute(_NOW).scalar_one())

    def _begin(self, connection: sa.Connection, *, durable: bool) -> sa.RootTransaction:
        return self._begun(connection, _TO_WRITE + ("on" if durable else "off"))

    def _begin_to_read(self, connection: sa.Connection, *, several: bool) -> sa.RootTransaction:
        return self._begun(connection, _TO_READ)

    def _begun(self, connection: sa.Connection, statement: str) -> sa.RootTransaction:
        """Begin on a connection that answers: the server may have been started again since it was used."""
        transaction = connection.begin()
        try:
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            transaction.rollback()
            if not error.connection_invalidated:
                raise
            transaction = connection.begin()
            connection.exec_driver_sql(statement)
        return transaction

    def _lock(self, connection: sa.Connection, lane: Lane) -> tuple[sa.Row[Any], float]:
        at = tables.of_lane(lane)
        row = connection.execute(_LOCK_LANE, at).first()
        if row is None:
            new = {"context": lane.context, "instance": lane.instance, "length": 0, "head": GENESIS}
            connection.execute(_NEW_LANE, new)
            row = connection.execute(_LOCK_LANE, at).one()
        return row, row.now

    def migrate(self, ledger_id: str) -> int | None:
        """Make the tables, or bring them to this version's form; gives the format that was there before.

        Raises LedgerError, with nothing changed, where an older gate has a run open, or a newer one was here.
        """
        with self.write() as connection:
            return self.make_tables(connection, ledger_id)

    def make_tables(self, connection: sa.Connection, ledger_id: str) -> int | None:
        """The same, as part of a transaction."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('launchplane_gate migrate'))")
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            hint = "Nothing was done. Make one that can: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
            raise LedgerError(f"{self.name} has the encoding {encoding}, which cannot hold every text", hint=hint)
        if not sa.inspect(connection).has_schema(SCHEMA):  # whose making takes a right that nothing else does
            connection.exec_driver_sql(f'CREATE SCHEMA "{SCHEMA}"')
        found = format_of(connection, SCHEMA)
        if found is None:
            create_tables(connection, ledger_id)
            return None
        see_the_format(found, self.name)
        if found < tables.FORMAT:
            from launchplane_gate.ledger.migrating import migrate  # noqa: PLC0415  # alembic is seldom needed

            migrate(connection, self.time(connection), schema=SCHEMA)
        return found

    def server(self) -> dict[str, str]:
        """What a server says of itself, as it would of anybody; ``is_owner``: whether the tables are ours to change."""
        with self.read(several=True) as connection:
            told = {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in SHOWN}
            told["is_owner"] = "yes" if connection.execute(_IS_OWNER, {"schema": SCHEMA}).scalar() else "no"
        return told

    def has_tables(self, connection: sa.Connection) -> bool:
        return format_of(connection, SCHEMA) is not None

    def _see_the_tables(self, connection: sa.Connection) -> None:
        found = format_of(connection, SCHEMA)
        if found is None:
            raise PastLost(f"{self.name} is empty: it has none of our tables", hint=MIGRATE)
        see_the_format(found, self.name)
        if found < tables.FORMAT:
            raise LedgerError(f"{self.name} has schema {found}; this version needs {tables.FORMAT}", hint=MIGRATE)

    def _words(self, error: sa.exc.SQLAlchemyError) -> str:
        words = super()._words(error)
        for secret in self._secrets:
            words = words.replace(secret, "***")
        return words


def _parsed(url: str) -> dict[str, Any]:
    """What a URL says, by the names of libpq. Raises SettingsError, which has nothing of it."""
    with needed("postgres", "settings: database_url"):
        from psycopg import ProgrammingError, conninfo  # noqa: PLC0415  # an extra
    try:
        if url.startswith(("postgresql://", "postgres://")):
            return {key: value for key, value in conninfo.conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        pass
    raise SettingsError("settings: database_url is no URL of Postgres: postgresql://USER@HOST:PORT/NAME") from None


def _named(given: Mapping[str, Any]) -> str:
    """Which database it is, without who asks."""
    if service := given.get("service"):
        return f"the service {service}"
    port = f":{given['port']}" if "port" in given else ""
    return f"{given.get('host', 'localhost')}{port}/{given.get('dbname', '')}"


def _engine(given: Mapping[str, Any]) -> sa.Engine:
    engine = sa.create_engine(
        "postgresql+psycopg://",
        execution_options={"schema_translate_map": {None: SCHEMA}},  # a pooler loses a search_path
        isolation_level="AUTOCOMMIT",  # we begin by ourselves, and say then how
        pool_size=5,
        max_overflow=20,
        pool_timeout=CONNECT_S,
    )

    @event.listens_for(engine, "do_connect")
    def _connects(_dialect: object, _record: object, _args: object, options: dict[str, Any]) -> None:
        # What is prepared stays with a connection that a pooler gives to another.
        options.update({**_CONNECTION, **given, "prepare_threshold": None})

    return engine
