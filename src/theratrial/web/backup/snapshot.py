"""The database of a site at one moment, whoever writes meanwhile: its tables, their rows, its migrations."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from theratrial.errors import InputError
from theratrial.web.backup.kinds import TableColumns, kind_of, portable

NOT_KEPT: Final = frozenset({"django_session"})
"""Whoever was signed in signs in again."""
_BATCH: Final = 2000

Row = tuple[Any, ...]
Migrations = dict[str, list[str]]


class Snapshot(Protocol):
    """What both databases give."""

    vendor: str

    def names(self) -> set[str]:
        """The tables that are there."""

    def raw(self, table: TableColumns) -> Iterator[Row]:
        """The rows of a table in the order of its key, as the driver gives them."""

    def migrations(self) -> Migrations:
        """App -> the migrations that were applied, sorted."""


def tables_of(snapshot: Snapshot) -> tuple[TableColumns, ...]:
    """Every table of the site but what is not kept.

    Raises
    ------
    InputError
        The database is of another version than the software.
    """
    refuse_other_version(snapshot.migrations())
    found = {}
    for model in apps.get_models(include_auto_created=True):
        name = model._meta.db_table
        if name in NOT_KEPT or model._meta.proxy or not model._meta.managed:
            continue
        columns = tuple((str(field.column), kind_of(field)) for field in model._meta.concrete_fields)
        key = model._meta.pk
        assert key is not None
        found[name] = TableColumns(name, columns, str(key.column))
    missing = sorted(found.keys() - snapshot.names())
    if missing:
        raise InputError(f"the database lacks {', '.join(missing[:5])}; start the site once, which makes its tables")
    return tuple(found[name] for name in sorted(found))


def rows_of(snapshot: Snapshot, table: TableColumns) -> Iterator[Row]:
    """The rows as a backup holds them."""
    kinds = table.kinds
    for row in snapshot.raw(table):
        yield tuple(portable(kind, value) for kind, value in zip(kinds, row, strict=True))


def known_migrations() -> Migrations:
    """App -> the migrations of this version of the software."""
    found: Migrations = {}
    for app, name in MigrationLoader(None).disk_migrations:
        found.setdefault(app, []).append(name)
    return {app: sorted(names) for app, names in sorted(found.items())}


def refuse_other_version(applied: Migrations) -> None:
    """Refuse a database that is older or newer than this software.

    Raises
    ------
    InputError
        It is.
    """
    if not applied:
        raise InputError("there is no site in this database; `theratrial site init` makes one")
    known = known_migrations()
    if newer := beyond(applied, known):
        raise InputError(f"the database was made by a newer theratrial ({', '.join(newer[:3])}); use that version")
    if older := beyond(known, applied):
        raise InputError(
            f"the database was made by an older theratrial (without {', '.join(older[:3])}); start the site once with "
            "this version, or use the version that made it"
        )


def beyond(some: Migrations, others: Migrations) -> list[str]:
    """What the first have and the others have not."""
    return [f"{app} {name}" for app in sorted(some) for name in some[app] if name not in others.get(app, ())]


class Sqlite:
    """A copy of the database file, taken in one read transaction by SQLite's own backup."""

    vendor = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def names(self) -> set[str]:
        return {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def raw(self, table: TableColumns) -> Iterator[Row]:
        columns = ", ".join(f'"{name}"' for name, _kind in table.columns)
        yield from self._connection.execute(f'SELECT {columns} FROM "{table.name}" ORDER BY "{table.key}"')

    def migrations(self) -> Migrations:
        if "django_migrations" not in self.names():
            return {}
        return gathered(self._connection.execute("SELECT app, name FROM django_migrations"))


class Postgresql:
    """One read-only transaction that sees one moment."""

    vendor = "postgresql"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def names(self) -> set[str]:
        found = self._connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return {name for (name,) in found.fetchall()}

    def raw(self, table: TableColumns) -> Iterator[Row]:
        columns = ", ".join(_selected(name, kind) for name, kind in table.columns)
        # As SQLite orders text: by its bytes.
        order = f'"{table.key}"' + (' COLLATE "C"' if dict(table.columns)[table.key] == "text" else "")
        with self._connection.cursor(name="backup") as cursor:
            cursor.itersize = _BATCH
            cursor.execute(f'SELECT {columns} FROM "{table.name}" ORDER BY {order}')
            yield from cursor

    def migrations(self) -> Migrations:
        if "django_migrations" not in self.names():
            return {}
        return gathered(self._connection.execute("SELECT app, name FROM django_migrations").fetchall())


def _selected(name: str, kind: str) -> str:
    if kind == "json":
        return f'"{name}"::text'
    return f'host("{name}")' if kind == "address" else f'"{name}"'


def gathered(rows: Any) -> Migrations:
    """Pairs of app and migration by app."""
    found: Migrations = {}
    for app, name in rows:
        found.setdefault(app, []).append(name)
    return {app: sorted(names) for app, names in sorted(found.items())}


@contextmanager
def snapshot_taken(folder: Path, working: Path, url: str = "") -> Iterator[Snapshot]:
    """The site's database as it is now.

    Parameters
    ----------
    folder
        The site folder.
    working
        A folder in which a copy of a SQLite database may lie for a while.
    url
        Where PostgreSQL is; "" means SQLite in the site folder.

    Raises
    ------
    InputError
        There is no database, or it is damaged.
    """
    if url:
        with postgresql_opened(url) as snapshot:
            yield snapshot
        return
    source, copy = folder / "site.sqlite3", working / ".snapshot.sqlite3"
    if not source.is_file():
        raise InputError(f"{folder} holds no site's database; name the site folder with --site")
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(copy)) as kept:
            with closing(sqlite3.connect(source, timeout=20)) as live:
                live.backup(kept)  # all pages in one step: one read transaction, which writers do not disturb
            state = kept.execute("PRAGMA integrity_check").fetchone()[0]
            if state != "ok":
                raise InputError(f"{source} is damaged: {state}; restore an earlier backup")
            yield Sqlite(kept)
    except sqlite3.DatabaseError as error:
        raise InputError(f"{source} cannot be read: {error}; restore an earlier backup") from error
    finally:
        for name in ("", "-wal", "-shm", "-journal"):
            Path(f"{copy}{name}").unlink(missing_ok=True)


def connected(url: str) -> Any:
    """A connection of psycopg to a DATABASE_URL.

    Raises
    ------
    InputError
        It is no address of PostgreSQL, or nobody answers there.
    """
    import environ
    import psycopg

    given = environ.Env.db_url_config(url)
    if "postgresql" not in str(given.get("ENGINE")):
        raise InputError("the address of a database is postgres://user:password@host:port/name, or it is SQLite")
    parts = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    wanted = {name: given[key] for name, key in parts.items() if given.get(key)} | dict(given.get("OPTIONS", {}))
    try:
        return psycopg.connect(**wanted)
    except psycopg.OperationalError as error:
        raise InputError(f"PostgreSQL does not answer: {str(error).strip()}") from error


@contextmanager
def postgresql_opened(url: str) -> Iterator[Postgresql]:
    """PostgreSQL in one read-only transaction of one moment."""
    import psycopg

    with connected(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield Postgresql(connection)
