"""The ledger's triggers for PostgreSQL. Who acts comes from settings local to the transaction, which `act` sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from theratrial.web.ledger.chain import HALF_SALT, META
from theratrial.web.ledger.tables import CHAIN_TABLES, CHANGED, NOT_SHOWN, STATE_ACTIONS, AuditedTable

PREFIX: Final = "theratrial_"
LOCK: Final = 5_318_008_447_100_001
"""Number of the advisory lock that puts acts one after the other."""
_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32
_STATES = ", ".join(f"'{action}'" for action in STATE_ACTIONS)
_REFUSE = "RAISE EXCEPTION 'theratrial: {message}' USING ERRCODE = 'integrity_constraint_violation';"
_HEADER = "LANGUAGE plpgsql SET timezone TO 'UTC' AS"


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the ledger: its signature and its body, which PostgreSQL keeps as it is."""

    name: str
    arguments: str
    returns: str
    body: str

    @property
    def statement(self) -> str:
        head = f"CREATE FUNCTION {self.name}({self.arguments}) RETURNS {self.returns}"
        return f"{head} {_HEADER} $theratrial${self.body}$theratrial$"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger: `kind` are PostgreSQL's bits of ``pg_trigger.tgtype``."""

    name: str
    table: str
    kind: int
    function: str

    @property
    def statements(self) -> tuple[str, str]:
        when = "BEFORE" if self.kind & _BEFORE else "AFTER"
        bits = ((_INSERT, "INSERT"), (_UPDATE, "UPDATE"), (_DELETE, "DELETE"), (_TRUNCATE, "TRUNCATE"))
        events = " OR ".join(text for bit, text in bits if self.kind & bit)
        each = "ROW" if self.kind & _ROW else "STATEMENT"
        return (
            f"CREATE TRIGGER {self.name} {when} {events} ON {self.table}"
            f" FOR EACH {each} EXECUTE FUNCTION {self.function}()",
            # ALWAYS: also for a session that says it only replicates.
            f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {self.name}",
        )


def _setting(name: str) -> str:
    return f"coalesce(current_setting('theratrial.{name}', true), '')"


def _refuse(message: str) -> str:
    return _REFUSE.format(message=message.replace("'", "''"))


_HALF = Function(
    "theratrial_half", "salt text, content text", "text",
    """
BEGIN
  RETURN CASE WHEN content IS NULL THEN encode(sha256(convert_to(salt || '-', 'UTF8')), 'hex')
    ELSE encode(sha256(convert_to(salt || '+' || content, 'UTF8')), 'hex') END;
END
""",
)  # fmt: skip

_CANONICAL = " || ".join(f"octet_length(e.{name}::text)::text || ':' || e.{name}::text" for name in META)
_APPEND = Function(
    "theratrial_append",
    "op text, own_action text, entity text, entity_id text, participant text, site text, old text, new text",
    "void",
    f"""
DECLARE
  h ledger_head;
  e ledger_event;
  salt text := replace(gen_random_uuid()::text, '-', '') || replace(gen_random_uuid()::text, '-', '');
BEGIN
  IF {_setting("actor")} = '' THEN
    {_refuse("a write outside an act is refused; open one: with act(actor, action, reason=...)")}
  END IF;
  PERFORM pg_advisory_xact_lock({LOCK});
  SELECT * INTO h FROM ledger_head WHERE id = 1;
  IF NOT FOUND THEN
    {_refuse("the ledger has lost its head; run theratrial ledger verify")}
  END IF;
  e.seq := h.seq + 1;
  e.at := {_setting("at")};
  e.effective_at := GREATEST(e.at COLLATE "C", h.effective_at COLLATE "C");
  e.actor := {_setting("actor")};
  e.actor_kind := {_setting("actor_kind")};
  e.action := CASE WHEN own_action = '' THEN {_setting("action")} ELSE own_action END;
  e.reason := {_setting("reason")};
  e.op := op;
  e.entity := entity;
  e.entity_id := entity_id;
  e.participant := coalesce(participant, '');
  e.site := coalesce(site, '');
  e.request_id := {_setting("request_id")};
  e.software := {_setting("software")};
  e.payload_digest := encode(sha256(convert_to(
    theratrial_half(left(salt, {HALF_SALT}), old)
      || theratrial_half(substr(salt, {HALF_SALT + 1}), new), 'UTF8')), 'hex');
  e.previous_hash := h.hash;
  e.hash := encode(sha256(convert_to(h.hash || {_CANONICAL} || e.payload_digest, 'UTF8')), 'hex');
  INSERT INTO ledger_event SELECT e.*;
  INSERT INTO ledger_payload (seq, salt, old, new) VALUES (e.seq, salt, old, new);
  UPDATE ledger_head SET seq = e.seq, hash = e.hash, effective_at = e.effective_at WHERE id = 1;
END
""",
)

_GUARDS = (
    Function("theratrial_append_only", "", "trigger", f"\nBEGIN\n  {_refuse('the ledger is append-only')}\nEND\n"),
    Function("theratrial_kept", "", "trigger",
             f"\nBEGIN\n  {_refuse('rows are never deleted; mark the record as entered in error')}\nEND\n"),
    Function("theratrial_unchanging", "", "trigger",
             f"\nBEGIN\n  {_refuse('what a signature rests on, and a note of the ledger, do not change')}\nEND\n"),
    Function("theratrial_event_guard", "", "trigger", f"""
BEGIN
  IF pg_trigger_depth() < 2 OR NOT EXISTS (SELECT 1 FROM ledger_head h WHERE h.id = 1 AND h.seq + 1 = NEW.seq
      AND h.hash = NEW.previous_hash) OR NEW.actor <> {_setting("actor")} THEN
    {_refuse("events are written by the database alone")}
  END IF;
  RETURN NEW;
END
"""),
    Function("theratrial_payload_guard", "", "trigger", f"""
BEGIN
  IF pg_trigger_depth() < 2 OR NOT EXISTS (SELECT 1 FROM ledger_event e JOIN ledger_head h ON h.id = 1
      WHERE e.seq = NEW.seq AND e.seq = h.seq + 1) THEN
    {_refuse("payloads are written by the database alone")}
  END IF;
  RETURN NEW;
END
"""),
    Function("theratrial_redaction_guard", "", "trigger", f"""
DECLARE
  blank text := repeat('-', {HALF_SALT});
  old_kept bool := NEW.old IS NOT DISTINCT FROM OLD.old AND left(NEW.salt, {HALF_SALT}) = left(OLD.salt, {HALF_SALT});
  new_kept bool := NEW.new IS NOT DISTINCT FROM OLD.new
    AND substr(NEW.salt, {HALF_SALT + 1}) = substr(OLD.salt, {HALF_SALT + 1});
  old_emptied bool := OLD.old IS NOT NULL AND left(NEW.salt, {HALF_SALT}) = blank
    AND NEW.old = 'redacted:' || theratrial_half(left(OLD.salt, {HALF_SALT}), OLD.old);
  new_emptied bool := OLD.new IS NOT NULL AND substr(NEW.salt, {HALF_SALT + 1}) = blank
    AND NEW.new = 'redacted:' || theratrial_half(substr(OLD.salt, {HALF_SALT + 1}), OLD.new);
BEGIN
  IF NOT (old_kept OR coalesce(old_emptied, false)) OR NOT (new_kept OR coalesce(new_emptied, false))
      OR (old_kept AND new_kept) OR NEW.seq <> OLD.seq
      OR NOT EXISTS (SELECT 1 FROM ledger_redaction r WHERE r.id = NEW.redacted_by_id AND r.state = 'done'
        AND r.approved_by <> '' AND r.approved_by <> r.requested_by AND r.seqs @> to_jsonb(NEW.seq)) THEN
    {_refuse("a payload is only emptied, by an approved redaction of two people")}
  END IF;
  RETURN NEW;
END
"""),
    Function("theratrial_head_guard", "", "trigger", f"""
BEGIN
  IF pg_trigger_depth() < 2 OR NEW.id <> OLD.id OR NEW.seq <> OLD.seq + 1
      OR NOT EXISTS (SELECT 1 FROM ledger_event e WHERE e.seq = NEW.seq AND e.hash = NEW.hash) THEN
    {_refuse("the head of the ledger is moved by the database alone")}
  END IF;
  RETURN NEW;
END
"""),
    Function("theratrial_signature_guard", "", "trigger", f"""
BEGIN
  IF OLD.voided_at IS NOT NULL OR NEW.voided_at IS NULL OR
      (to_jsonb(OLD) - 'voided_at' - 'voided_because') <> (to_jsonb(NEW) - 'voided_at' - 'voided_because') THEN
    {_refuse("a signature does not change; it is voided, once")}
  END IF;
  RETURN NEW;
END
"""),
)  # fmt: skip


def image(table: AuditedTable, row: str) -> str:
    """SQL expression: the row as JSON, secrets left out."""
    hidden = "".join(f" || jsonb_build_object('{c.name}', '{NOT_SHOWN}')" for c in table.columns if c.hidden)
    return f"(({_bare(row, table)}){hidden})"


def _bare(row: str, table: AuditedTable) -> str:
    from theratrial.web.ledger.tables import BOOKKEEPING

    return f"to_jsonb({row})" + "".join(f" - '{name}'" for name in BOOKKEEPING.get(table.name, ()))


def key(table: AuditedTable, row: str) -> str:
    """SQL expression: the row's primary key as text."""
    return f'{row}."{table.key.name}"::text'


def _logging(table: AuditedTable) -> Function:
    participant, site = table.participant.format(row="r"), table.site.format(row="r")
    op, action = "lower(TG_OP)", "''"
    if table.is_note:
        op, action = "'note'", "r.action"
    elif table.name == "ledger_signature":
        action = "CASE TG_OP WHEN 'UPDATE' THEN 'sign.void' ELSE '' END"
    changed = "".join(
        f"""
  IF TG_OP = 'UPDATE' AND OLD."{c.name}" IS DISTINCT FROM NEW."{c.name}" THEN
    after_image := after_image || jsonb_build_object('{c.name}', '{CHANGED}');
  END IF;"""
        for c in table.columns
        if c.hidden
    )
    return Function(
        f"theratrial_log_{table.name}",
        "",
        "trigger",
        f"""
DECLARE
  r {table.name};
  before_image jsonb;
  after_image jsonb;
BEGIN
  IF TG_OP <> 'INSERT' THEN before_image := {image(table, "OLD")}; r := OLD; END IF;
  IF TG_OP <> 'DELETE' THEN after_image := {image(table, "NEW")}; r := NEW; END IF;{changed}
  IF before_image IS NOT DISTINCT FROM after_image THEN RETURN NULL; END IF;
  PERFORM theratrial_append({op}, {action}, '{table.name}', {key(table, "r")}, {participant}, {site},
    before_image::text, after_image::text);{_voiding(table) if table.voids_signatures else ""}
  RETURN NULL;
END
""",
    )


def _voiding(table: AuditedTable) -> str:
    # Closing the data leaves what was signed as it was; opening it again, and every other change, voids.
    changed = ""
    if table.own_state:
        changed = " AND ((to_jsonb(OLD) - 'data_state') <> (to_jsonb(NEW) - 'data_state') OR NEW.data_state = 'open')"
    return f"""
  IF TG_OP = 'UPDATE'{changed} THEN
    UPDATE ledger_signature SET voided_at = {_setting("at")}::timestamptz,
      voided_because = '{table.name} ' || {key(table, "r")} || ' was changed (' || {_setting("action")} || ' by '
        || {_setting("actor")} || '): ' || {_setting("reason")}
      WHERE voided_at IS NULL AND id IN (SELECT signature_id FROM ledger_signedrow
        WHERE ledger_signedrow.entity = '{table.name}' AND ledger_signedrow.entity_id = {key(table, "r")});
  END IF;"""


def _guarding(table: AuditedTable) -> Function:
    name = f'"{table.key.name}"'
    body = f"""
  IF TG_OP = 'UPDATE' AND OLD.{name} IS DISTINCT FROM NEW.{name} THEN
    {_refuse("the key of an audited row does not change")}
  END IF;"""
    if table.set_once:
        once = f'"{table.set_once[0]}"'
        old, new = (
            f"(to_jsonb({row})" + "".join(f" - '{one}'" for one in table.set_once) + ")" for row in ("OLD", "NEW")
        )
        body += f"""
  IF TG_OP = 'UPDATE' THEN
    IF OLD.{once} IS NOT NULL OR NEW.{once} IS NULL OR {old} <> {new} THEN
      {_refuse("a version does not change; make the next one (the day it was sent is recorded once)")}
    END IF;
  END IF;"""
    if table.refused_when:
        message = _refuse("the data are frozen or locked; a data manager can unlock with a second person")
        refused = table.refused_when
        update = f"({refused.format(row='OLD')} OR {refused.format(row='NEW')})"
        if table.own_state:
            update = (
                f"(OLD.data_state <> 'open' OR {update})"
                " AND (to_jsonb(OLD) - 'data_state') <> (to_jsonb(NEW) - 'data_state')"
            )
        body += f"""
  IF TG_OP = 'INSERT' AND {refused.format(row="NEW")} THEN
    {message}
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF {update} THEN
      {message}
    END IF;
  END IF;"""
    if table.own_state:
        body += f"""
  IF TG_OP = 'UPDATE' AND OLD.data_state IS DISTINCT FROM NEW.data_state THEN
    IF OLD.data_state = 'hard_locked' OR {_setting("action")} NOT IN ({_STATES}) THEN
      {_refuse("the state of data is moved by freeze, thaw, lock, unlock or hard lock alone")}
    END IF;
  END IF;"""
    return Function(f"theratrial_guard_{table.name}", "", "trigger", f"\nBEGIN{body}\n  RETURN NEW;\nEND\n")


def functions(tables: tuple[AuditedTable, ...]) -> dict[str, Function]:
    """Every function that must be there."""
    made = [_HALF, _APPEND, *_GUARDS]
    for table in tables:
        made += [_logging(table), _guarding(table)]
    return {function.name: function for function in made}


def triggers(tables: tuple[AuditedTable, ...]) -> dict[str, Trigger]:
    """Every trigger that must be there."""
    row, before = _ROW, _ROW | _BEFORE
    made = [
        Trigger("theratrial_insert_event", "ledger_event", before | _INSERT, "theratrial_event_guard"),
        Trigger("theratrial_keep_event", "ledger_event", before | _UPDATE | _DELETE, "theratrial_append_only"),
        Trigger("theratrial_insert_payload", "ledger_payload", before | _INSERT, "theratrial_payload_guard"),
        Trigger("theratrial_redact_payload", "ledger_payload", before | _UPDATE, "theratrial_redaction_guard"),
        Trigger("theratrial_keep_payload", "ledger_payload", before | _DELETE, "theratrial_append_only"),
        Trigger("theratrial_move_head", "ledger_head", before | _UPDATE, "theratrial_head_guard"),
        Trigger("theratrial_keep_head", "ledger_head", before | _INSERT | _DELETE, "theratrial_append_only"),
        Trigger("theratrial_void_once", "ledger_signature", before | _UPDATE, "theratrial_signature_guard"),
        Trigger("theratrial_keep_signedrow", "ledger_signedrow", before | _UPDATE, "theratrial_unchanging"),
        Trigger("theratrial_keep_note", "ledger_note", before | _UPDATE, "theratrial_unchanging"),
    ]
    for name in (*CHAIN_TABLES, *(table.name for table in tables)):
        made.append(Trigger(f"theratrial_bt_{name}", name, _BEFORE | _TRUNCATE, "theratrial_append_only"))
    for table in tables:
        name = table.name
        logged = row | _INSERT | _UPDATE | (_DELETE if table.deletable else 0)
        made.append(Trigger(f"theratrial_log_{name}", name, logged, f"theratrial_log_{name}"))
        made.append(Trigger(f"theratrial_guard_{name}", name, before | _INSERT | _UPDATE, f"theratrial_guard_{name}"))
        if not table.deletable:
            made.append(Trigger(f"theratrial_bd_{name}", name, before | _DELETE, "theratrial_kept"))
    return {f"{one.table}.{one.name}": one for one in made}


def expected(tables: tuple[AuditedTable, ...]) -> dict[str, str]:
    """Name -> what must be there, comparable with `installed`."""
    found = {f"function {name}": one.body for name, one in functions(tables).items()}
    for name, one in triggers(tables).items():
        found[name] = f"{one.kind} {one.function} A"
    return found


def installed(cursor: Any) -> dict[str, str]:
    """Name -> what is there, with every other trigger of the schema's tables; conditions of a trigger show."""
    cursor.execute(
        "SELECT 'function ' || p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = current_schema() AND p.proname LIKE 'theratrial\\_%'"
    )
    found: dict[str, str] = dict(cursor.fetchall())
    cursor.execute(
        "SELECT c.relname || '.' || t.tgname, t.tgtype::text || ' ' || p.proname || ' ' || t.tgenabled::text"
        " || CASE WHEN t.tgqual IS NULL AND cardinality(t.tgattr::int2[]) = 0 THEN '' ELSE ' with a condition' END"
        " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND NOT t.tgisinternal"
    )
    found.update(cursor.fetchall())
    return found


def create_statements(tables: tuple[AuditedTable, ...]) -> list[str]:
    """Put everything in."""
    made = [one.statement for one in functions(tables).values()]
    for one in triggers(tables).values():
        made += one.statements
    return made


def drop_statements(names: list[str]) -> list[str]:
    """Take the ledger's own triggers and functions away."""
    pairs = [name.split(".") for name in names if "." in name]
    made = [f"DROP TRIGGER {name} ON {table}" for table, name in pairs if name.startswith(PREFIX)]
    return made + [f"DROP FUNCTION {n.removeprefix('function ')} CASCADE" for n in names if n.startswith("function ")]
