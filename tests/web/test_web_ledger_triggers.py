"""The ledger is written by the database: no path of a write goes past it, on either back end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from theratrial.errors import InputError
from theratrial.web.capture.models import Draft, Query, QueryMessage, Record, Verification
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.act import SystemActor, act, note, software_text
from theratrial.web.ledger.models import Event, Head, Note, Payload, Signature, SignedRow
from theratrial.web.ledger.startup import refuse_altered_triggers
from theratrial.web.ledger.triggers import installed_triggers_differ, triggers_checked, triggers_installed
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

POSTGRESQL = connection.vendor == "postgresql"


def refused() -> Any:
    return pytest.raises(DatabaseError, match="theratrial")


@pytest.fixture
def participant(site: Site) -> Participant:
    with act(SETUP, "test.register"):
        return Participant.objects.create(code="P01", site=site, screened_on="2022-03-01")


@pytest.fixture
def record(participant: Participant) -> Record:
    return record_create(SETUP, "participants", {"weight_kg": "61"}, participant=participant)


def last_event() -> Event:
    return Event.objects.order_by("-seq")[0]


def images(event: Event) -> tuple[Any, Any]:
    payload = Payload.objects.get(seq=event.seq)
    return tuple(None if text is None else json.loads(text) for text in (payload.old, payload.new))  # type: ignore[return-value]


def _broken_act(actor: SystemActor) -> None:
    with act(actor, "test.broken"):
        Site.objects.update(name="lost")
        raise RuntimeError


def raw(sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


# --- A1: who, when, what, why -------------------------------------------------------------------------------------


def test_A1_a_change_tells_who_when_what_and_why(cast: dict[str, User], record: Record) -> None:
    record_change(cast["coordinator1"], record, {"weight_kg": "62"}, seen_version=1, reason="misread the scale")
    event = last_event()
    assert (event.actor, event.actor_kind, event.action) == ("coordinator1", "person", "record.change")
    assert (event.reason, event.op, event.entity) == ("misread the scale", "update", "capture_record")
    assert (event.entity_id, event.participant, event.site) == (str(record.pk), "P01", "BUSHEHR-VIRTUAL")
    old, new = images(event)
    assert (old["cells"]["weight_kg"], new["cells"]["weight_kg"]) == ("61", "62")
    assert (old["version"], new["version"]) == (1, 2)


def test_A1_a_row_is_written_down_alike_on_both_back_ends(record: Record) -> None:
    _old, new = images(last_event())
    assert new["id"] == str(record.pk)
    assert new["entered_in_error"] is False
    assert new["session"] is None
    assert new["cells"] == {"participant_id": "P01", "weight_kg": "61"}


def test_A2_a_change_without_a_reason_is_refused(cast: dict[str, User], record: Record) -> None:
    with pytest.raises(InputError, match="reason"):
        record_change(cast["coordinator1"], record, {}, seen_version=1, reason=" ")
    assert last_event().action == "record.create"


def test_A4_a_value_that_goes_and_one_that_comes_are_both_in_the_ledger(record: Record) -> None:
    changed = record_change(SETUP, record, {}, seen_version=1, reason="never measured")
    assert [side["cells"].get("weight_kg") for side in images(last_event())] == ["61", None]
    record_change(SETUP, changed, {"weight_kg": "60"}, seen_version=2, reason="found it")
    assert [side["cells"].get("weight_kg") for side in images(last_event())] == [None, "60"]
    with act(SETUP, "record.change", reason="null column"):
        Record.objects.filter(pk=record.pk).update(session=2)
    assert [side["session"] for side in images(last_event())] == [None, 2]


# --- A3: no path goes past it -------------------------------------------------------------------------------------


def test_A3_queryset_update_is_audited_row_by_row(participant: Participant) -> None:
    for weight in ("60", "61", "62"):
        record_create(SETUP, "participants", {"weight_kg": weight}, participant=participant)
    with act(SETUP, "test.update", reason="all at once"):
        Record.objects.update(visit="screening")
    events = Event.objects.filter(action="test.update")
    assert events.count() == 3
    assert {event.entity_id for event in events} == {str(pk) for pk in Record.objects.values_list("pk", flat=True)}


def test_A3_bulk_create_and_bulk_update_are_audited(trial: Trial, participant: Participant) -> None:
    rows = [
        Record(table="participants", protocol_version=trial.in_force, participant=participant, cells={})
        for _ in range(5)
    ]
    with act(SETUP, "test.bulk-create"):
        Record.objects.bulk_create(rows)
    for row in rows:
        row.visit = "x"
    with act(SETUP, "test.bulk-update"):
        Record.objects.bulk_update(rows, ["visit"])
    assert Event.objects.filter(action="test.bulk-create", op="insert").count() == 5
    assert Event.objects.filter(action="test.bulk-update", op="update").count() == 5


def test_A3_raw_sql_is_audited(record: Record) -> None:
    with act(SETUP, "test.raw", reason="by hand"):
        raw("UPDATE capture_record SET visit = %s", "raw")
    assert last_event().action == "test.raw"
    assert images(last_event())[1]["visit"] == "raw"


def test_A3_loaddata_is_audited_and_refused_outside_an_act(site: Site, tmp_path: Any) -> None:
    file = tmp_path / "sites.json"
    file.write_text(serializers.serialize("json", [Site(pk=77, code="LOADED", name="Loaded", timezone="UTC")]))
    with refused(), transaction.atomic():
        call_command("loaddata", str(file), verbosity=0)
    with act(SETUP, "test.loaddata"):
        call_command("loaddata", str(file), verbosity=0)
    assert Event.objects.get(action="test.loaddata").site == "LOADED"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE capture_record SET visit = 'x'",
        "UPDATE people_user SET is_active = is_active IS NOT TRUE",
        "UPDATE people_site SET name = 'x'",
        "UPDATE trials_trial SET title = 'x'",
        "INSERT INTO ledger_note (action, participant, site, detail) VALUES ('sign-in', '', '', '{}')",
        "INSERT INTO ledger_signedrow (signature_id, entity, entity_id) VALUES (1, 'a', 'b')",
    ],
)
def test_A3_a_write_outside_an_act_is_refused(cast: dict[str, User], record: Record, statement: str) -> None:
    with refused():
        raw(statement)


def test_A3_after_an_act_nothing_of_it_is_left(site: Site) -> None:
    with act(SETUP, "test.inner"):
        Site.objects.update(name="x")
    with refused(), transaction.atomic():
        Site.objects.update(name="y")


def test_A3_an_inner_act_attributes_its_own_writes_and_the_outer_one_goes_on(site: Site, cast: dict[str, User]) -> None:
    with act(cast["manager1"], "test.outer") as outer:
        Site.objects.update(name="1")
        with act(SystemActor("edit-checks"), "test.inner") as inner:
            Site.objects.update(name="2")
        with pytest.raises(RuntimeError):
            _broken_act(SystemActor("worker"))
        Site.objects.update(name="4")
    assert outer.request_id == inner.request_id
    found = Event.objects.filter(request_id=outer.request_id).order_by("seq").values_list("actor", "action")
    assert list(found) == [("manager1", "test.outer"), ("edit-checks", "test.inner"), ("manager1", "test.outer")]


def test_A3_an_act_needs_somebody(site: Site) -> None:
    with pytest.raises(PermissionError), act(User(username=""), "test.nobody"):
        pass


def test_a_save_that_changes_nothing_leaves_no_event(record: Record) -> None:
    before = last_event().seq
    with act(SETUP, "test.nothing"):
        record.save()
    assert last_event().seq == before


def test_a_draft_is_no_data_and_needs_no_act(cast: dict[str, User]) -> None:
    before = last_event().seq
    Draft.objects.create(user=cast["coordinator1"], key="k", answers={}, saved_at=timezone.now())
    assert last_event().seq == before


def test_secrets_are_never_written_down(cast: dict[str, User]) -> None:
    user = cast["coordinator1"]
    with act(user, "password.change"):
        user.set_password("another-password-for-trying-out")
        user.save()
    old, new = images(last_event())
    assert (old["password"], new["password"]) == ("(not shown)", "(changed, not shown)")
    assert not Payload.objects.filter(new__contains=user.password).exists()


def test_the_key_of_a_code_device_is_never_written_down_and_its_counters_need_no_act(cast: dict[str, User]) -> None:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    with act(SETUP, "code.set-up"):
        device = TOTPDevice.objects.create(user=cast["nuclear1"], name="phone", key="ab" * 20)
    assert images(last_event())[1]["key"] == "(not shown)"
    TOTPDevice.objects.update(last_t=5, drift=1, throttling_failure_count=2)
    with refused(), transaction.atomic():
        TOTPDevice.objects.update(confirmed=False)
    with act(SETUP, "code.remove"):
        device.delete()
    assert (last_event().op, last_event().entity) == ("delete", "otp_totp_totpdevice")


# --- A5: append-only ----------------------------------------------------------------------------------------------

COLUMNS = "(seq, at, effective_at, actor, actor_kind, action, reason, op, entity, entity_id, participant, site, "
FORGED = f"""ledger_event {COLUMNS} request_id, software, payload_digest, previous_hash, hash)
SELECT seq + {{step}}, at, effective_at, 'somebody', actor_kind, action, reason, op, entity, entity_id,
participant, site, request_id, software, payload_digest, hash, hash FROM ledger_event
WHERE seq = (SELECT max(seq) FROM ledger_event)"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_event SET actor = 'somebody'",
        "DELETE FROM ledger_event",
        "UPDATE ledger_payload SET new = NULL",
        "DELETE FROM ledger_payload",
        "UPDATE ledger_head SET seq = 0",
        "UPDATE ledger_head SET seq = seq + 1",
        "DELETE FROM ledger_head",
        "INSERT INTO ledger_head VALUES (2, 0, '', '')",
        "INSERT INTO ledger_payload (seq, salt, old, new) VALUES (999999, '', NULL, '{}')",
        "INSERT INTO " + FORGED.format(step=1),
        "INSERT INTO " + FORGED.format(step=0) + " ON CONFLICT (seq) DO UPDATE SET actor = 'somebody'",
        "INSERT INTO " + FORGED.format(step=0) + " ON CONFLICT (seq) DO NOTHING",
        "UPDATE ledger_note SET action = 'x'",
        "DELETE FROM ledger_note",
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_A5_the_ledger_is_append_only(record: Record, statement: str, inside: bool) -> None:
    before = list(Event.objects.values())
    with act(SETUP, "test.note"):
        note("test.note")
    with refused():
        if inside:
            with act(SETUP, "test.forge"):
                raw(statement)
        else:
            raw(statement)
    assert list(Event.objects.values())[: len(before)] == before


@pytest.mark.skipif(POSTGRESQL, reason="INSERT OR REPLACE is SQLite's")
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_A5_insert_or_replace_is_refused(record: Record, recursive: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA recursive_triggers={recursive}")
    try:
        for statement in (
            "INSERT OR REPLACE INTO " + FORGED.format(step=0),
            "REPLACE INTO ledger_payload (seq, salt, old, new) VALUES (1, '', NULL, '{}')",
            "REPLACE INTO ledger_head VALUES (1, 0, '', '')",
        ):
            with refused(), act(SETUP, "test.replace"):
                raw(statement)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA recursive_triggers=ON")


@pytest.mark.skipif(not POSTGRESQL, reason="TRUNCATE is PostgreSQL's")
@pytest.mark.parametrize("table", ["ledger_event", "ledger_payload", "ledger_head", "capture_record", "people_user"])
def test_A5_truncate_is_refused(record: Record, table: str) -> None:
    with refused(), act(SETUP, "test.truncate"):
        raw("SET CONSTRAINTS ALL IMMEDIATE")
        raw(f"TRUNCATE {table} CASCADE")


@pytest.mark.skipif(not POSTGRESQL, reason="session_replication_role is PostgreSQL's")
def test_A5_a_session_that_says_it_replicates_is_audited_too(record: Record) -> None:
    with refused(), transaction.atomic():
        raw("SET LOCAL session_replication_role = replica")
        raw("UPDATE capture_record SET visit = 'x'")


@pytest.mark.skipif(not POSTGRESQL, reason="a function of PostgreSQL")
def test_A5_the_appending_function_cannot_be_called_by_hand(record: Record) -> None:
    with refused(), act(SETUP, "test.call"):
        raw("SELECT theratrial_append('insert', '', 'capture_record', 'x', '', '', NULL, '{}')")


@pytest.mark.skipif(POSTGRESQL, reason="SQLite's shell")
@pytest.mark.django_db(transaction=True)
def test_A5_another_program_on_the_database_file_can_write_nothing(tmp_path: Any) -> None:
    import sqlite3

    with act(SETUP, "test.site"):
        Site.objects.create(code="A", name="A", timezone="UTC")
    copy = sqlite3.connect(tmp_path / "copy.sqlite3")
    connection.ensure_connection()
    connection.connection.backup(copy)
    for statement in ("UPDATE people_site SET name = 'B'", "INSERT INTO people_site VALUES (9, 'B', 'B', 'UTC')"):
        with pytest.raises(sqlite3.OperationalError, match="no such function"):
            copy.execute(statement)
    with pytest.raises(sqlite3.DatabaseError):
        copy.execute("DELETE FROM ledger_event")
    copy.close()


# --- A7: cannot be switched off -----------------------------------------------------------------------------------


def test_A7_every_trigger_is_there_after_migration(db: None) -> None:
    assert installed_triggers_differ() == []
    assert triggers_checked(databases=["default"]) == []
    refuse_altered_triggers()


def _drop(table: str) -> None:
    raw(f"DROP TRIGGER theratrial_log_{table} ON {table}" if POSTGRESQL else f"DROP TRIGGER theratrial_au_{table}")


def test_A7_a_missing_trigger_stops_the_start_and_is_not_mended_in_silence(db: None) -> None:
    _drop("capture_record")
    assert any("capture_record is missing" in one for one in installed_triggers_differ())
    assert [check.id for check in triggers_checked(databases=["default"])] == ["ledger.E001"]
    call_command("migrate", verbosity=0, skip_checks=True)
    with pytest.raises(InputError, match="capture_record"):
        refuse_altered_triggers()
    triggers_installed()
    refuse_altered_triggers()
    assert "capture_record" in str(
        Note.objects.filter(action="ledger.triggers-installed").latest("pk").detail["differed"]
    )


def test_A7_an_altered_and_a_foreign_trigger_are_found(db: None) -> None:
    if POSTGRESQL:
        raw("ALTER TABLE capture_record DISABLE TRIGGER theratrial_log_capture_record")
        raw("CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
        raw("CREATE TRIGGER mine BEFORE UPDATE ON people_user FOR EACH ROW EXECUTE FUNCTION mine()")
    else:
        _drop("capture_record")
        raw("CREATE TRIGGER theratrial_au_capture_record AFTER UPDATE ON capture_record BEGIN SELECT 1; END")
        raw("CREATE TRIGGER mine BEFORE UPDATE ON people_user BEGIN SELECT RAISE(IGNORE); END")
    found = " ".join(installed_triggers_differ())
    assert "capture_record was altered" in found
    assert "mine does not belong here" in found


def test_A7_every_table_with_data_is_audited(db: None) -> None:
    from django.apps import apps

    from theratrial.web.ledger.tables import NOT_AUDITED, audited_tables

    own = {m._meta.db_table for m in apps.get_models() if m.__module__.startswith("theratrial.web.")}
    assert own - {table.name for table in audited_tables()} == NOT_AUDITED


# --- A11, A12 -----------------------------------------------------------------------------------------------------


def test_A11_a_clock_set_back_reorders_nothing(site: Site) -> None:
    with act(SETUP, "test.later", at=datetime(2090, 1, 1, tzinfo=UTC)):
        Site.objects.update(name="later")
    with act(SETUP, "test.earlier", at=datetime(2030, 1, 1, tzinfo=UTC)):
        Site.objects.update(name="earlier")
    later, earlier = (Event.objects.filter(action=f"test.{one}").latest("seq") for one in ("later", "earlier"))
    assert earlier.seq == later.seq + 1
    assert earlier.at == "2030-01-01T00:00:00.000000Z"
    assert earlier.effective_at == later.effective_at == "2090-01-01T00:00:00.000000Z"


def test_A12_the_system_acts_under_its_own_name_and_version(site: Site) -> None:
    with act(SystemActor("edit-checks"), "query.open"):
        note("query.open")
    event = last_event()
    assert (event.actor, event.actor_kind, event.software) == ("edit-checks", "system", software_text())


# --- D5, D2, S3 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Record, Participant, Site, User, Trial, Note])
def test_D5_rows_are_never_deleted(cast: dict[str, User], record: Record, model: Any) -> None:
    with act(SETUP, "test.note"):
        note("test.note")
    with refused(), act(SETUP, "test.delete", reason="gone"):
        raw(f"DELETE FROM {model._meta.db_table}")
    assert model.objects.exists()


@pytest.mark.skipif(POSTGRESQL, reason="INSERT OR REPLACE is SQLite's")
def test_D5_replacing_a_row_does_not_delete_it_unseen(record: Record) -> None:
    with refused(), act(SETUP, "test.replace"):
        raw("REPLACE INTO participants_participant (id, code, site_id, screened_on, data_state) "
            "SELECT id + 1, code, site_id, screened_on, data_state FROM participants_participant")  # fmt: skip


def _moved(row: Any, state: str, action: str) -> None:
    with act(SETUP, action, reason="test"):
        type(row).objects.filter(pk=row.pk).update(data_state=state)


def _question(record: Record) -> Query:
    return Query.objects.create(
        participant=record.participant, site=record.site, record=record, subject="s", kind="manual", text="?",
        opened_by="m", opened_at=timezone.now(),
    )  # fmt: skip


@pytest.mark.parametrize("of", ["trial", "participant", "record"])
def test_D2_frozen_data_take_no_entry_but_questions(trial: Trial, record: Record, of: str) -> None:
    row = {"trial": trial, "participant": record.participant, "record": record}[of]
    _moved(row, "frozen", "data.freeze")
    with refused(), act(SETUP, "record.change", reason="r"):
        Record.objects.update(visit="x")
    if of != "record":
        with refused(), act(SETUP, "record.create"):
            Record.objects.create(
                table="participants", protocol_version=trial.in_force, participant=record.participant, cells={}
            )
    with act(SETUP, "query.open"):
        _question(record)
    _moved(row, "open", "data.thaw")
    with act(SETUP, "record.change", reason="r"):
        Record.objects.update(visit="x")


@pytest.mark.parametrize("of", ["trial", "participant", "record"])
def test_D2_locked_data_refuse_every_write(trial: Trial, record: Record, of: str) -> None:
    with act(SETUP, "query.open"):
        query = _question(record)
    row = {"trial": trial, "participant": record.participant, "record": record}[of]
    _moved(row, "locked", "data.lock")
    writes = (
        lambda: Record.objects.update(visit="x"),
        lambda: _question(record),
        lambda: Query.objects.filter(pk=query.pk).update(state="closed"),
        lambda: QueryMessage.objects.create(query=query, author="m", at=timezone.now(), step="comment", text="t"),
        lambda: Verification.objects.create(
            record=record, column="weight_kg", record_version=1, verified_by="m", verified_at=timezone.now()
        ),
    )  # fmt: skip
    for write in writes:
        with refused(), act(SETUP, "data.unlock", reason="even so"):
            write()
    _moved(row, "open", "data.unlock")
    with act(SETUP, "query.open"):
        _question(record)


def test_D2_the_state_of_data_is_moved_by_its_own_acts_only(trial: Trial, record: Record) -> None:
    for row in (trial, record.participant, record):
        with refused():
            _moved(row, "locked", "record.change")


def test_D2_a_hard_lock_is_for_good(trial: Trial) -> None:
    _moved(trial, "hard_locked", "data.hard-lock")
    with refused():
        _moved(trial, "open", "data.unlock")


@pytest.fixture
def signature(record: Record) -> Signature:
    with act(SETUP, "sign"):
        head = Head.objects.get()
        made = Signature.objects.create(
            signer="investigator1", printed_name="I", role="r", signed_at=timezone.now(), meaning="approved",
            kind="record", key=str(record.pk), participant="P01", site="", content={}, digest="d",
            ledger_seq=head.seq, ledger_hash=head.hash, software="s",
        )  # fmt: skip
        SignedRow.objects.create(signature=made, entity="capture_record", entity_id=str(record.pk))
    return made


def test_S3_a_later_change_voids_the_signature_and_that_is_an_event(record: Record, signature: Signature) -> None:
    record_change(SETUP, record, {"weight_kg": "70"}, seen_version=1, reason="misread")
    signature.refresh_from_db()
    assert signature.voided_at is not None
    assert abs((signature.voided_at - timezone.now()).total_seconds()) < 60
    assert "misread" in signature.voided_because
    event = last_event()
    assert (event.action, event.entity, event.entity_id) == ("sign.void", "ledger_signature", str(signature.pk))
    assert event.participant == "P01"


def test_S3_a_change_of_another_row_leaves_the_signature(record: Record, signature: Signature) -> None:
    record_create(SETUP, "participants", {"weight_kg": "61"}, participant=record.participant)
    signature.refresh_from_db()
    assert signature.voided_at is None


def test_S2_a_signature_cannot_be_altered_or_deleted(signature: Signature) -> None:
    for statement in (
        "UPDATE ledger_signature SET signer = 'somebody'",
        "UPDATE ledger_signature SET key = 'another', voided_at = '2026-01-01 00:00:00+00'",
        "DELETE FROM ledger_signedrow",
        "UPDATE ledger_signedrow SET entity_id = 'another'",
        "DELETE FROM ledger_signature",
    ):
        with refused(), act(SETUP, "test.alter", reason="r"):
            raw(statement)


def test_S3_a_voided_signature_stays_voided(record: Record, signature: Signature) -> None:
    record_change(SETUP, record, {}, seen_version=1, reason="r")
    with refused(), act(SETUP, "test.revive", reason="r"):
        raw("UPDATE ledger_signature SET voided_at = NULL, voided_because = ''")


def test_S7_locking_keeps_the_signature_and_unlocking_voids_it_visibly(record: Record, signature: Signature) -> None:
    _moved(record, "frozen", "data.freeze")
    _moved(record, "locked", "data.lock")
    signature.refresh_from_db()
    assert signature.voided_at is None
    with act(SETUP, "data.unlock", reason="a wrong date was found"):
        Record.objects.filter(pk=record.pk).update(data_state="open")
    signature.refresh_from_db()
    assert "data.unlock" in signature.voided_because
    assert "a wrong date was found" in signature.voided_because


# --- C4: all or nothing -------------------------------------------------------------------------------------------


def test_C4_what_is_rolled_back_leaves_nothing_behind(site: Site) -> None:
    before = (last_event().seq, Head.objects.get().hash)
    with pytest.raises(RuntimeError):
        _broken_act(SETUP)
    assert (last_event().seq, Head.objects.get().hash) == before
    with act(SETUP, "test.kept"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Site.objects.create(code=site.code, name="twice", timezone="UTC")
        Site.objects.update(name="kept")
    assert last_event().seq == before[0] + 1
