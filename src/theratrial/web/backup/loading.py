"""Rows of a backup into a database that is new: its tables made, its rows loaded, its ledger's triggers put in last.

Loading goes past the ledger's triggers because they are not there yet: only a database without any table is taken, the
triggers are created in the same transaction that loads the rows, and nothing is committed before they are as they must
be and the ledger is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_migrate, pre_migrate

from theratrial.errors import InputError
from theratrial.web.backup.kinds import POSTGRESQL, ContentDigest, TableColumns, checked, for_sqlite
from theratrial.web.backup.snapshot import Migrations, Postgresql, Snapshot, Sqlite, known_migrations, rows_of
from theratrial.web.ledger.triggers import after_migrations, before_migrations, triggers_put_in
from theratrial.web.ledger.verification import ledger_verified

_BATCH: Final = 500

Tables = Mapping[TableColumns, Callable[[], Iterable[Any]]]
"""Table -> gives its rows anew each time."""


@contextmanager
def loaded(tables: Tables, migrations: Migrations, compared: Callable[[], None]) -> Iterator[None]:
    """Load everything; what is done inside belongs to the transaction that commits it.

    Parameters
    ----------
    migrations
        Of the database that the rows are from; the tables are made so, and brought up to this version afterwards.
    compared
        Looks at the loaded rows before anything is added to them; raises where they are not those of the backup.

    Raises
    ------
    InputError
        The database is not empty, or a row cannot be taken.
    """
    refuse_used_database()
    older = known_migrations() != migrations
    if connection.vendor == "postgresql":
        # Its tables too appear with the commit alone.
        with transaction.atomic():
            _tables_made(migrations, older)
            _rows_loaded(tables)
            compared()
            _completed(older)
            yield
        return
    # SQLite remakes tables outside of a transaction; the file is not in its place before all is done.
    _tables_made(migrations, older)
    with transaction.atomic():
        _rows_loaded(tables)
        compared()
        if not older:
            _completed(older)
    if older:
        _completed(older)
    with transaction.atomic():
        yield


def refuse_used_database() -> None:
    """Refuse a database in which there is anything.

    Raises
    ------
    InputError
        There is.
    """
    try:
        there = sorted(connection.introspection.table_names())
    except DatabaseError as error:
        raise InputError(f"the database cannot be used: {str(error).strip()}") from error
    if there:
        raise InputError(
            f"the database is not empty ({', '.join(there[:3])} ...); a backup is restored into an empty database only"
        )


def _tables_made(migrations: Migrations, older: bool) -> None:
    """The tables as they were when the backup was made, without triggers."""
    pre_migrate.disconnect(dispatch_uid="ledger.before_migrations")
    post_migrate.disconnect(dispatch_uid="ledger.after_migrations")
    try:
        if older:
            for app in sorted(migrations):
                call_command("migrate", app, migrations[app][-1], verbosity=0, interactive=False)
        else:
            call_command("migrate", verbosity=0, interactive=False)
    finally:
        pre_migrate.connect(before_migrations, dispatch_uid="ledger.before_migrations")
        post_migrate.connect(after_migrations, dispatch_uid="ledger.after_migrations")


def _completed(older: bool) -> None:
    """Put the triggers in; after the migrations of a newer version they come by themselves, with a note."""
    if older:
        call_command("migrate", verbosity=0, interactive=False)
    else:
        triggers_put_in()


def _rows_loaded(tables: Tables) -> None:
    with connection.cursor() as cursor:
        # What the migrations themselves wrote (content types, permissions) is in the backup.
        made = [name for name in connection.introspection.table_names(cursor) if name != "django_migrations"]
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA defer_foreign_keys = ON")
        else:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for name in made:
            cursor.execute(f'DELETE FROM "{name}"')
        for table, rows in tables.items():
            if table.name not in made:
                raise InputError(f"the backup holds a table {table.name!r} that this version of theratrial has not")
            _table_loaded(cursor, table, rows())
        if connection.vendor == "postgresql":
            models = apps.get_models(include_auto_created=True)
            there = [model for model in models if model._meta.db_table in made]
            for statement in connection.ops.sequence_reset_sql(no_style(), there):
                cursor.execute(statement)


def _table_loaded(cursor: Any, table: TableColumns, rows: Iterable[Any]) -> None:
    names = ", ".join(f'"{name}"' for name, _kind in table.columns)
    if connection.vendor == "postgresql":
        marks = ", ".join(f"%s::{POSTGRESQL[kind]}" for kind in table.kinds)
    else:
        marks = ", ".join("%s" for _kind in table.kinds)
    statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'
    values = (_values(table, checked(table, row)) for row in rows)
    while batch := list(islice(values, _BATCH)):
        try:
            cursor.executemany(statement, batch)
        except (DatabaseError, ValueError) as error:
            raise InputError(f"{table.name}: a row cannot be taken by this database: {str(error).strip()}") from error


def _values(table: TableColumns, row: Any) -> list[Any]:
    if connection.vendor == "postgresql":
        return list(row)
    try:
        return [for_sqlite(kind, value) for kind, value in zip(table.kinds, row, strict=True)]
    except ValueError as error:
        raise InputError(f"{table.name}: a value of the backup is not what its column holds: {error}") from error


def database_now() -> Snapshot:
    """The database of this process as a snapshot: what was just loaded, read back inside the transaction."""
    connection.ensure_connection()
    raw = connection.connection
    return Postgresql(raw) if connection.vendor == "postgresql" else Sqlite(raw)


def contents_now(tables: Iterable[TableColumns]) -> dict[str, tuple[int, str]]:
    """Table -> number of its rows, and the digest of their contents, read from the database."""
    found = {}
    for table in tables:
        digest = ContentDigest(table.kinds)
        for row in rows_of(database_now(), table):
            digest.take(row)
        found[table.name] = digest.rows, digest.hexadecimal
    return found


def ledger_faults(folder: Path) -> list[str]:
    """What is wrong with the ledger of the database of this process and with the rows it tells of."""
    found = ledger_verified(folder)
    return [one for one in found.sentences() if not one.startswith("trigger ")]
