"""Records in the host's database: a row each, whose columns say which lane it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from launchplane_gate import strictjson
from launchplane_gate.errors import RecordUnreadable, SettingsError
from launchplane_gate.model import Lane
from launchplane_gate_launchplane.shelves import Text, lane_of

AT_ONCE = 500  # of the names in one question
_LANE = {"launchplane_promotions": ("context", "to_instance")}  # elsewhere it is these two:
_USUAL = ("context", "instance")


class RowShelf:
    """``key``: the column of the ids; empty where the lane itself is the key, and ``context/instance`` the name."""

    def __init__(self, engine: sa.Engine, table: sa.Table, key: str) -> None:
        self._engine, self._table, self._key = engine, table, key
        self._lane = tuple(table.c[name] for name in _LANE.get(table.name, _USUAL) if name in table.c)
        self._name = table.c[key] if key else self._lane[0] + "/" + self._lane[1]
        self._payload = sa.cast(table.c.payload, sa.Text)

    def standing(self, lane: Lane | None) -> Mapping[str, str]:
        """By what Postgres knows of each row; elsewhere by all that it holds."""
        is_postgres = self._engine.dialect.name == "postgresql"
        version = sa.literal_column("xmin::text || '.' || ctid::text") if is_postgres else self._payload
        query = sa.select(self._name, version).select_from(self._table)
        if lane:
            query = query.where(self._lane[0] == lane.context, self._lane[1] == lane.instance)
        return {name: found if is_postgres else strictjson.sha256(found.encode()) for name, found in self._rows(query)}

    def texts(self, names: Iterable[str]) -> Mapping[str, Text]:
        wanted, found = list(names), {}
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            query = sa.select(self._name, self._payload, *self._lane).where(self._name.in_(some))
            for name, text, *lane in self._rows(query):
                found[name] = self._held_to_its_row(name, text.encode(), lane)
        return found

    def where(self, name: str) -> str:
        return f"{self._table.name} {name}"

    def holds_any(self) -> bool:
        return any(True for _ in self._rows(sa.select(self._name).limit(1)))

    def _held_to_its_row(self, name: str, text: bytes, lane: list[str]) -> Text:
        """The host finds a record by the columns, and reads what stands beside them."""
        here = Lane.model_construct(context=lane[0], instance=lane[1]) if lane else None
        said = lane_of(text)
        if here and said and said != here:
            return Text(why=f"{self.where(name)} says that it is of {said}, and its row is of {here}", lane=here)
        return Text(text, lane=here)

    def _rows(self, query: sa.Select[Any]) -> Iterator[Any]:
        with told(self._engine), self._engine.connect() as connection:
            yield from connection.execute(query).all()


def engine_of(store: Any) -> sa.Engine:
    """Raises SettingsError for a store of the host that has none where it is looked for."""
    engine = getattr(store, "_engine", None)
    if not isinstance(engine, sa.Engine):
        raise SettingsError(
            f"the host's {type(store).__name__} is not the one that the plugin launchplane knows: it has no _engine",
            hint="Nothing was done. Use the version of launchplane-gate that is made for this Launchplane.",
        )
    return engine


@contextmanager
def told(engine: sa.Engine) -> Iterator[None]:
    """Raises RecordUnreadable where the database cannot be used; its password is in no word of it."""
    try:
        yield
    except SQLAlchemyError as error:
        words = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:300]
        password = engine.url.password
        raise RecordUnreadable(
            f"the host's database cannot be used: {words.replace(password, '***') if password else words}",
            hint="Nothing more was done. Look at the host's database.",
        ) from None
