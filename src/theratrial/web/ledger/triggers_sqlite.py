"""The ledger's triggers for SQLite. Who acts comes from SQL functions of the connection (`connection.py`): a database
opened without them, by the sqlite3 shell say, can write nothing to an audited table."""

from __future__ import annotations

from typing import Final

from theratrial.web.ledger.tables import CHANGED, NOT_SHOWN, STATE_ACTIONS, AuditedTable, Column

PREFIX: Final = "theratrial_"
_NO_ACT = "theratrial: a write outside an act is refused; open one: with act(actor, action, reason=...)"
_STATE_MOVED = "theratrial: the state of data is moved by freeze, thaw, lock, unlock or hard lock alone"
_FIXED = "theratrial: a version does not change; make the next one (the day it was sent is recorded once)"
_STATES = ", ".join(f"'{action}'" for action in STATE_ACTIONS)

_META = (
    "seq", "at", "effective_at", "actor", "actor_kind", "action", "reason", "op", "entity", "entity_id", "participant",
    "site", "request_id", "software", "payload_digest", "previous_hash", "hash",
)  # fmt: skip

_OF_EVENT = ", ".join(f"theratrial_of_event('{name}')" for name in _META)
_APPEND = f"""
CREATE VIEW theratrial_append AS
SELECT '' AS op, '' AS action, '' AS entity, '' AS entity_id, '' AS participant, '' AS site, NULL AS old, NULL AS new
  WHERE 0;
CREATE TRIGGER theratrial_append_event INSTEAD OF INSERT ON theratrial_append BEGIN
  SELECT RAISE(ABORT, '{_NO_ACT}') WHERE theratrial_act('actor') IS NULL;
  SELECT RAISE(ABORT, 'theratrial: the ledger has lost its head; run theratrial ledger verify')
    WHERE (SELECT count(*) FROM ledger_head WHERE id = 1) <> 1;
  SELECT theratrial_event(NEW.op, NEW.action, NEW.entity, NEW.entity_id, coalesce(NEW.participant, ''),
    coalesce(NEW.site, ''), NEW.old, NEW.new,
    (SELECT seq FROM ledger_head WHERE id = 1), (SELECT hash FROM ledger_head WHERE id = 1),
    (SELECT effective_at FROM ledger_head WHERE id = 1));
  INSERT INTO ledger_event ({", ".join(_META)}) VALUES ({_OF_EVENT});
  INSERT INTO ledger_payload (seq, salt, old, new)
    VALUES (theratrial_of_event('seq'), theratrial_of_event('salt'), NEW.old, NEW.new);
  UPDATE ledger_head SET seq = theratrial_of_event('seq'), hash = theratrial_of_event('hash'),
    effective_at = theratrial_of_event('effective_at') WHERE id = 1;
  SELECT theratrial_event_done();
END;
"""

_CHAIN = """
CREATE TRIGGER theratrial_event_insert BEFORE INSERT ON ledger_event BEGIN
  SELECT RAISE(ABORT, 'theratrial: events are written by the database alone')
    WHERE theratrial_of_event('hash') IS NOT NEW.hash OR EXISTS (SELECT 1 FROM ledger_event WHERE seq = NEW.seq);
END;
CREATE TRIGGER theratrial_event_update BEFORE UPDATE ON ledger_event BEGIN
  SELECT RAISE(ABORT, 'theratrial: the ledger is append-only');
END;
CREATE TRIGGER theratrial_event_delete BEFORE DELETE ON ledger_event BEGIN
  SELECT RAISE(ABORT, 'theratrial: the ledger is append-only');
END;
CREATE TRIGGER theratrial_payload_insert BEFORE INSERT ON ledger_payload BEGIN
  SELECT RAISE(ABORT, 'theratrial: payloads are written by the database alone')
    WHERE theratrial_of_event('seq') IS NOT NEW.seq OR EXISTS (SELECT 1 FROM ledger_payload WHERE seq = NEW.seq);
END;
CREATE TRIGGER theratrial_payload_update BEFORE UPDATE ON ledger_payload BEGIN
  SELECT RAISE(ABORT, 'theratrial: a payload is only emptied, by an approved redaction of two people')
    WHERE NOT theratrial_is_redaction(OLD.salt, OLD.old, OLD.new, NEW.salt, NEW.old, NEW.new) OR NEW.seq IS NOT OLD.seq
      OR NOT EXISTS (SELECT 1 FROM ledger_redaction r WHERE r.id = NEW.redacted_by_id AND r.state = 'done'
        AND r.approved_by <> '' AND r.approved_by <> r.requested_by
        AND EXISTS (SELECT 1 FROM json_each(r.seqs) WHERE value = NEW.seq));
END;
CREATE TRIGGER theratrial_payload_delete BEFORE DELETE ON ledger_payload BEGIN
  SELECT RAISE(ABORT, 'theratrial: the ledger is append-only');
END;
CREATE TRIGGER theratrial_head_insert BEFORE INSERT ON ledger_head BEGIN
  SELECT RAISE(ABORT, 'theratrial: the ledger has one head');
END;
CREATE TRIGGER theratrial_head_update BEFORE UPDATE ON ledger_head BEGIN
  SELECT RAISE(ABORT, 'theratrial: the head of the ledger is moved by the database alone')
    WHERE NEW.id IS NOT OLD.id OR NEW.seq IS NOT OLD.seq + 1 OR theratrial_of_event('hash') IS NOT NEW.hash;
END;
CREATE TRIGGER theratrial_head_delete BEFORE DELETE ON ledger_head BEGIN
  SELECT RAISE(ABORT, 'theratrial: the ledger has one head');
END;
CREATE TRIGGER theratrial_signature_once BEFORE UPDATE ON ledger_signature BEGIN
  SELECT RAISE(ABORT, 'theratrial: a signature does not change; it is voided, once')
    WHERE OLD.voided_at IS NOT NULL OR NEW.voided_at IS NULL OR {same};
END;
CREATE TRIGGER theratrial_signedrow_once BEFORE UPDATE ON ledger_signedrow BEGIN
  SELECT RAISE(ABORT, 'theratrial: what a signature rests on does not change');
END;
CREATE TRIGGER theratrial_note_once BEFORE UPDATE ON ledger_note BEGIN
  SELECT RAISE(ABORT, 'theratrial: a note of the ledger does not change');
END;
"""


def _uuid(name: str) -> str:
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return "||'-'||".join(f"substr({name},{start},{length})" for start, length in parts)


def _value(column: Column, row: str, changed: str = NOT_SHOWN) -> str:
    name = f'{row}."{column.name}"'
    if column.hidden:
        return f"'{changed}'"
    if column.kind == "uuid":
        return _uuid(name)
    if column.kind == "boolean":
        return f"json(CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"
    if column.kind == "json":
        return f"json(coalesce({name}, 'null'))"
    return name


def image(table: AuditedTable, row: str) -> str:
    """SQL expression: the row as JSON text, secrets left out."""
    cells = ", ".join(f"'{column.name}', {_value(column, row)}" for column in table.columns)
    return f"json_object({cells})"


def _new_image(table: AuditedTable) -> str:
    """As `image`, but a secret that was changed says so."""
    cells = []
    for column in table.columns:
        value = _value(column, "NEW")
        if column.hidden:
            same = f'NEW."{column.name}" IS OLD."{column.name}"'
            value = f"CASE WHEN {same} THEN '{NOT_SHOWN}' ELSE '{CHANGED}' END"
        cells.append(f"'{column.name}', {value}")
    return f"json_object({', '.join(cells)})"


def key(table: AuditedTable, row: str) -> str:
    """SQL expression: the row's primary key as text, as Python writes it."""
    name = f'{row}."{table.key.name}"'
    return _uuid(name) if table.key.kind == "uuid" else f"CAST({name} AS TEXT)"


def _append(table: AuditedTable, op: str, row: str, old: str, new: str) -> str:
    action = "''"
    if table.is_note:
        op, action = "note", "NEW.action"
    elif table.name == "ledger_signature" and op == "update":
        action = "'sign.void'"
    participant, site = table.participant.format(row=row), table.site.format(row=row)
    return (
        "  INSERT INTO theratrial_append (op, action, entity, entity_id, participant, site, old, new)\n"
        f"  VALUES ('{op}', {action}, '{table.name}', {key(table, row)}, {participant}, {site}, {old}, {new});"
    )


def _differs(table: AuditedTable, left_out: tuple[str, ...] = ()) -> str:
    names = [column.name for column in table.columns if column.name not in left_out]
    return " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in names)


def _voiding(table: AuditedTable) -> str:
    # Closing the data leaves what was signed as it was; opening it again, and every other change, voids.
    changed = f"AND ({_differs(table, ('data_state',))} OR NEW.data_state = 'open')" if table.own_state else ""
    return (
        "  UPDATE ledger_signature SET voided_at = replace(substr(theratrial_act('at'), 1, 26), 'T', ' '),\n"
        f"    voided_because = '{table.name} ' || {key(table, 'NEW')} || ' was changed (' || theratrial_act('action')"
        " || ' by ' || theratrial_act('actor') || '): ' || theratrial_act('reason')\n"
        "    WHERE voided_at IS NULL AND id IN (SELECT signature_id FROM ledger_signedrow\n"
        f"      WHERE entity = '{table.name}' AND entity_id = {key(table, 'NEW')}) {changed};\n"
    )


def _table_statements(table: AuditedTable) -> list[str]:
    name = table.name
    made = [
        f"CREATE TRIGGER theratrial_ai_{name} AFTER INSERT ON {name} BEGIN\n"
        f"{_append(table, 'insert', 'NEW', 'NULL', image(table, 'NEW'))}\nEND",
        f"CREATE TRIGGER theratrial_au_{name} AFTER UPDATE ON {name} WHEN {_differs(table)} BEGIN\n"
        f"{_append(table, 'update', 'NEW', image(table, 'OLD'), _new_image(table))}\n"
        f"{_voiding(table) if table.voids_signatures else ''}END",
        f"CREATE TRIGGER theratrial_bk_{name} BEFORE UPDATE ON {name}\n"
        f'  WHEN OLD."{table.key.name}" IS NOT NEW."{table.key.name}" BEGIN\n'
        "  SELECT RAISE(ABORT, 'theratrial: the key of an audited row does not change');\nEND",
    ]
    if table.deletable:
        made.append(
            f"CREATE TRIGGER theratrial_ad_{name} AFTER DELETE ON {name} BEGIN\n"
            f"{_append(table, 'delete', 'OLD', image(table, 'OLD'), 'NULL')}\nEND"
        )
    else:
        made.append(
            f"CREATE TRIGGER theratrial_bd_{name} BEFORE DELETE ON {name} BEGIN\n"
            "  SELECT RAISE(ABORT, 'theratrial: rows are never deleted; mark the record as entered in error');\nEND"
        )
    return made + _state_statements(table)


def _state_statements(table: AuditedTable) -> list[str]:
    """Frozen and locked data, and versions that were made, refuse, whatever the path of the write."""
    name = table.name
    message = "theratrial: the data are frozen or locked; a data manager can unlock with a second person"
    made = []
    if table.set_once:
        once = table.set_once[0]
        changed = f'OLD."{once}" IS NOT NULL OR NEW."{once}" IS NULL OR {_differs(table, table.set_once)}'
        made.append(
            f"CREATE TRIGGER theratrial_bf_{name} BEFORE UPDATE ON {name} WHEN {changed} BEGIN\n"
            f"  SELECT RAISE(ABORT, '{_FIXED}');\nEND"
        )
    if table.refused_when:
        refused = table.refused_when
        made.append(
            f"CREATE TRIGGER theratrial_bi_{name} BEFORE INSERT ON {name} WHEN {refused.format(row='NEW')} BEGIN\n"
            f"  SELECT RAISE(ABORT, '{message}');\nEND"
        )
        closed = f"({refused.format(row='OLD')} OR {refused.format(row='NEW')})"
        if table.own_state:
            closed = f"(OLD.data_state <> 'open' OR {closed}) AND ({_differs(table, ('data_state',))})"
        made.append(
            f"CREATE TRIGGER theratrial_bu_{name} BEFORE UPDATE ON {name} WHEN {closed} BEGIN\n"
            f"  SELECT RAISE(ABORT, '{message}');\nEND"
        )
    if table.own_state:
        made.append(
            f"CREATE TRIGGER theratrial_bs_{name} BEFORE UPDATE ON {name}\n"
            "  WHEN OLD.data_state IS NOT NEW.data_state BEGIN\n"
            f"  SELECT RAISE(ABORT, '{_STATE_MOVED}')\n"
            f"    WHERE OLD.data_state = 'hard_locked'\n"
            f"    OR coalesce(theratrial_act('action'), '') NOT IN ({_STATES});\nEND"
        )
    return made


def expected(tables: tuple[AuditedTable, ...]) -> dict[str, str]:
    """Name -> SQL of every view and trigger that must be there."""
    signature = next(table for table in tables if table.name == "ledger_signature")
    chain = _CHAIN.format(same=_differs(signature, ("voided_at", "voided_because")))
    statements = _split(_APPEND) + _split(chain)
    for table in tables:
        statements += _table_statements(table)
    return {statement.split()[2]: statement for statement in statements}


def _split(script: str) -> list[str]:
    made = []
    for part in script.replace("\nCREATE ", "\0CREATE ").split("\0"):
        if text := part.strip().removesuffix(";"):
            made.append(text)
    return made


def installed(cursor: object) -> dict[str, str]:
    """Name -> SQL of what is there, with every other trigger on the tables."""
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' OR (type = 'view' AND name LIKE 'theratrial%')"
    )
    return dict(cursor.fetchall())  # type: ignore[attr-defined]


def drop_statements(names: list[str], found: dict[str, str]) -> list[str]:
    """Take the ledger's own triggers away; views last."""
    own = [name for name in names if name.startswith(PREFIX)]
    views = [name for name in own if found[name].startswith("CREATE VIEW")]
    return [f'DROP TRIGGER "{name}"' for name in own if name not in views] + [f'DROP VIEW "{name}"' for name in views]
