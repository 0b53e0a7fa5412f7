"""The ledger's triggers: put into the database, taken away for a migration, compared with what must be there."""

from __future__ import annotations

from typing import Any, Final

from django.core.checks import CheckMessage, Error
from django.db import connection, connections, transaction

from theratrial.web.ledger import triggers_postgresql, triggers_sqlite
from theratrial.web.ledger.act import SystemActor, act, note
from theratrial.web.ledger.chain import GENESIS
from theratrial.web.ledger.tables import AuditedTable, audited_tables

LEDGER: Final = SystemActor("ledger")


def _tables() -> tuple[AuditedTable, ...]:
    """Audited tables that were made already; one whose migration is still to come gets its triggers with it."""
    made = set(connection.introspection.table_names())
    return tuple(table for table in audited_tables() if table.name in made)


def _expected() -> dict[str, str]:
    module = triggers_postgresql if connection.vendor == "postgresql" else triggers_sqlite
    return module.expected(_tables())


def _installed(cursor: Any) -> dict[str, str]:
    module = triggers_postgresql if connection.vendor == "postgresql" else triggers_sqlite
    return module.installed(cursor)


def triggers_dropped() -> None:
    """Take the triggers away: for migrations, which put them in again when they are done."""
    with transaction.atomic(), connection.cursor() as cursor:
        found = _installed(cursor)
        if connection.vendor == "postgresql":
            # Checks that wait for the end of the transaction would forbid to alter the tables.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            statements = triggers_postgresql.drop_statements(list(found))
        else:
            statements = triggers_sqlite.drop_statements(list(found), found)
        for statement in statements:
            cursor.execute(statement)


def triggers_installed() -> None:
    """Put the triggers in as they have to be, with a note of it; does nothing where all is right."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_head")
        has_head = cursor.fetchone()[0] > 0
        faults = installed_triggers_differ()
        if has_head and not faults:
            return
        triggers_dropped()
        cursor.execute("SELECT count(*) FROM ledger_event")
        if not has_head and cursor.fetchone()[0] == 0:
            cursor.execute(f"INSERT INTO ledger_head (id, seq, hash, effective_at) VALUES (1, 0, '{GENESIS}', '')")
        tables = _created(cursor)
        with act(LEDGER, "ledger.triggers-installed"):
            note(
                "ledger.triggers-installed",
                tables=[table.name for table in tables],
                differed=faults[:20],
                count=len(faults),
            )


def triggers_put_in() -> None:
    """Create the triggers in a database that has none yet, without a note: for a backup that is being loaded."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        _created(cursor)


def _created(cursor: Any) -> tuple[AuditedTable, ...]:
    tables = _tables()
    if connection.vendor == "postgresql":
        statements = triggers_postgresql.create_statements(tables)
    else:
        statements = list(triggers_sqlite.expected(tables).values())
    for statement in statements:
        cursor.execute(statement)
    return tables


def installed_triggers_differ() -> list[str]:
    """What is wrong with the triggers, one sentence each; empty when every one is there and as it must be."""
    with connection.cursor() as cursor:
        found = _installed(cursor)
        wanted = _expected()
        faults = []
        for name in sorted(wanted.keys() | found.keys()):
            if name not in found:
                faults.append(f"{name} is missing")
            elif name not in wanted:
                faults.append(f"{name} does not belong here")
            elif found[name] != wanted[name]:
                faults.append(f"{name} was altered")
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA recursive_triggers")
            if not cursor.fetchone()[0]:
                faults.append("recursive_triggers is off: INSERT OR REPLACE would not be seen")
    return faults


def ledger_tables_exist() -> bool:
    """Whether the tables of every audited app were made."""
    made = set(connection.introspection.table_names())
    return {"ledger_head", "capture_record", "studies_series", "results_trialresultrow"} <= made


def triggers_checked(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check of Django, tag ``database``: the site does not start without its ledger."""
    if not databases or "default" not in databases or not ledger_tables_exist():
        return []
    return [
        Error(
            f"the ledger's trigger {fault}",
            hint="find out who did it; then run: theratrial ledger install-triggers, and theratrial ledger verify",
            id="ledger.E001",
        )
        for fault in installed_triggers_differ()
    ]


def before_migrations(sender: Any, using: str = "default", plan: Any = (), **kwargs: Any) -> None:
    """Hook of Django: SQLite remakes tables in migrations, which triggers would hinder."""
    if (
        sender.label == "ledger"
        and using == "default"
        and plan
        and "ledger_event" in connections[using].introspection.table_names()
    ):
        triggers_dropped()


def after_migrations(sender: Any, using: str = "default", plan: Any = (), **kwargs: Any) -> None:
    """Hook of Django, once per app: in with them when all tables are there.

    Where nothing was migrated nothing is mended: that a trigger is missing must be seen at the start.
    """
    if using == "default" and plan and ledger_tables_exist():
        triggers_installed()
