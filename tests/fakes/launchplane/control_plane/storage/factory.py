"""Which of the two stores it is."""

from __future__ import annotations

import os
from pathlib import Path

from .filesystem import FilesystemRecordStore
from .postgres import PostgresRecordStore

DATABASE_URL_ENV_VARS = ("LAUNCHPLANE_DATABASE_URL",)


def resolve_database_url(database_url: str | None = None) -> str | None:
    """A trap: who hands in no URL gets that of the environment, where one stands there."""
    named = [database_url or "", *(os.environ.get(name, "") for name in DATABASE_URL_ENV_VARS)]
    return next((url.strip() for url in named if url.strip()), None)


def build_record_store(
    *, state_dir: Path, database_url: str | None = None
) -> FilesystemRecordStore | PostgresRecordStore:
    url = resolve_database_url(database_url)
    if url is None:
        return FilesystemRecordStore(state_dir=state_dir)
    store = PostgresRecordStore(database_url=url)
    store.ensure_schema()
    return store


def storage_backend_name(record_store: object) -> str:
    return str(getattr(record_store, "backend_name", "")).strip() or "filesystem"
