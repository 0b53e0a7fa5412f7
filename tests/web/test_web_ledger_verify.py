"""Verification finds what was done to the ledger or past it, and names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from theratrial.errors import InputError
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.act import act
from theratrial.web.ledger.chain import Anchor, verify_chain
from theratrial.web.ledger.models import Event, Head, Payload, Redaction
from theratrial.web.ledger.redaction import redaction_approved, redaction_refused, redaction_requested
from theratrial.web.ledger.startup import anchor_written
from theratrial.web.ledger.triggers import triggers_dropped, triggers_installed
from theratrial.web.ledger.verification import Verification, exported_lines, ledger_verified, stored_events
from theratrial.web.ledger.verification_file import file_verified
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import SETUP


@pytest.fixture
def record(cast: dict[str, User], site: Site) -> Record:
    with act(SETUP, "test.register"):
        participant = Participant.objects.create(code="P01", site=site, screened_on="2022-03-01")
    made = record_create(SETUP, "participants", {"note": "first"}, participant=participant)
    return record_change(SETUP, made, {"note": "second"}, seen_version=1, reason="r")


def tampered(sql: str, *values: Any) -> None:
    """What somebody does who may do everything on the machine: away with the triggers, edit, back with them."""
    triggers_dropped()
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
    triggers_installed()


def verified(folder: Path) -> Verification:
    return ledger_verified(folder)


def last_seq(entity: str = "capture_record") -> int:
    return Event.objects.filter(entity=entity).latest("seq").seq


def test_A6_an_untouched_ledger_is_whole(record: Record, tmp_path: Path) -> None:
    anchor_written(tmp_path)
    found = verified(tmp_path)
    assert found.sentences() == []
    assert found.events == Head.objects.get().seq == Event.objects.count()


@pytest.mark.parametrize("field", ["actor", "reason", "at", "entity_id", "action", "participant", "software"])
def test_A6_an_altered_field_is_named_by_its_event(record: Record, tmp_path: Path, field: str) -> None:
    seq = last_seq()
    tampered(f"UPDATE ledger_event SET {field} = 'x' WHERE seq = %s", seq)
    first = verified(tmp_path).chain.faults[0]
    assert (first.seq, "altered" in first.message) == (seq, True)


def test_A6_one_flipped_character_of_a_payload_is_found(record: Record, tmp_path: Path) -> None:
    seq = last_seq()
    tampered("UPDATE ledger_payload SET new = replace(new, 'second', 'sEcond') WHERE seq = %s", seq)
    assert verified(tmp_path).chain.faults[0].seq == seq


def test_A6_a_deleted_event_is_found(record: Record, tmp_path: Path) -> None:
    seq = last_seq() - 1
    tampered("DELETE FROM ledger_event WHERE seq = %s", seq)
    first = verified(tmp_path).chain.faults[0]
    assert (first.seq, first.message) == (seq + 1, f"event {seq} is missing before it")


def test_A6_two_exchanged_events_are_found(record: Record, tmp_path: Path) -> None:
    seq = last_seq()
    for old, new in ((seq, -1), (seq - 1, seq), (-1, seq - 1)):
        tampered("UPDATE ledger_event SET seq = %s WHERE seq = %s", new, old)
    assert verified(tmp_path).chain.faults[0].seq == seq - 1


def test_A6_a_recomputed_hash_breaks_the_next_event(record: Record, tmp_path: Path) -> None:
    seq = last_seq() - 1
    event = next(one for one in stored_events() if one["seq"] == seq)
    from theratrial.web.ledger.chain import event_hash

    event["actor"] = "somebody"
    forged = event_hash(event["previous_hash"], event, event["payload_digest"])
    tampered("UPDATE ledger_event SET actor = 'somebody', hash = %s WHERE seq = %s", forged, seq)
    assert verified(tmp_path).chain.faults[0].seq == seq + 1


def test_A6_a_cut_off_tail_is_told_by_the_head(record: Record, tmp_path: Path) -> None:
    seq = last_seq()
    tampered("DELETE FROM ledger_event WHERE seq >= %s", seq)
    first = verified(tmp_path).chain.faults[0]
    assert "missing before it" in first.message
    assert str(seq) in first.message


def test_A6_a_tail_cut_off_with_its_head_is_told_by_the_anchor(record: Record, tmp_path: Path) -> None:
    seq = Head.objects.get().seq
    file = anchor_written(tmp_path, datetime(2026, 11, 23, tzinfo=UTC))
    assert file is not None
    assert file.name == "2026-11-23"
    kept = list(stored_events())[: seq - 2]
    head = Anchor(kept[-1]["seq"], kept[-1]["hash"], "the ledger's head")
    assert verify_chain(kept, head=head).faults == []
    from theratrial.web.ledger.startup import anchors_of

    found = verify_chain(kept, head=head, anchors=anchors_of(tmp_path)).faults
    assert [(one.seq, "2026-11-23" in one.message) for one in found] == [(seq - 1, True)]


def test_A6_a_ledger_written_anew_is_told_by_the_anchor(record: Record, tmp_path: Path) -> None:
    anchor_written(tmp_path)
    file = next((tmp_path / "anchors").iterdir())
    file.write_text(file.read_text().replace(file.read_text().split()[1], "f" * 64))
    assert "wrote down" in verified(tmp_path).sentences()[0]


def test_A6_an_emptied_payload_without_redaction_is_found(record: Record, tmp_path: Path) -> None:
    tampered("UPDATE ledger_payload SET old = NULL, new = NULL WHERE seq = %s", last_seq())
    assert "altered or emptied" in verified(tmp_path).sentences()[0]
    tampered("DELETE FROM ledger_payload WHERE seq = %s", last_seq() - 1)
    assert "is missing" in verified(tmp_path).sentences()[0]


def test_A6_a_row_edited_past_the_ledger_is_named_with_its_column(record: Record, tmp_path: Path) -> None:
    tampered("UPDATE capture_record SET visit = 'secret'")
    found = verified(tmp_path)
    assert found.chain.faults == []
    assert [(one.table, one.entity_id) for one in found.rows] == [("capture_record", str(record.pk))]
    assert 'visit "" -> "secret"' in found.rows[0].message


def test_A6_of_a_record_edited_past_the_ledger_the_cell_that_differs_is_shown(record: Record, tmp_path: Path) -> None:
    tampered("UPDATE capture_record SET cells = %s", json.dumps({**record.cells, "note": "forged"}))
    assert 'cells.note "second" -> "forged"' in verified(tmp_path).rows[0].message


def test_A6_an_edit_hidden_by_a_later_honest_change_is_found(record: Record, tmp_path: Path) -> None:
    tampered("UPDATE capture_record SET visit = 'secret'")
    record.refresh_from_db()
    record_change(SETUP, record, {"note": "third"}, seen_version=2, reason="honest")
    first = verified(tmp_path).chain.faults[0]
    assert first.seq == last_seq()
    assert "changed past the ledger before it: visit" in first.message


def test_A6_a_row_put_in_or_taken_away_past_the_ledger_is_found(record: Record, tmp_path: Path) -> None:
    tampered("INSERT INTO people_site (code, name, timezone) VALUES ('X', 'X', 'UTC')")
    assert "put in past it" in verified(tmp_path).sentences()[0]
    tampered("DELETE FROM people_site WHERE code = 'X'")
    assert verified(tmp_path).whole
    tampered("DELETE FROM people_delegation")
    assert "it is gone" in verified(tmp_path).sentences()[0]


def test_A11_a_clock_set_back_is_a_remark_and_no_fault(record: Record, tmp_path: Path) -> None:
    with act(SETUP, "test.past", at=datetime(2001, 1, 1, tzinfo=UTC)):
        Site.objects.update(name="x")
    found = verified(tmp_path)
    assert found.whole
    assert "set back" in found.chain.notes[0]


def test_A6_an_exported_ledger_verifies_without_the_site(record: Record) -> None:
    lines = list(exported_lines())
    check = file_verified(lines)
    assert (check.faults, check.seq) == ([], Event.objects.count())


@pytest.mark.parametrize(
    "harm",
    [
        lambda lines: lines[:5] + lines[6:],
        lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
        lambda lines: [*lines[:-3], lines[-1]],
        lambda lines: lines[:-1],
        lambda lines: [*lines[:4], lines[4].replace("site-setup", "somebody"), *lines[5:]],
        lambda lines: [*lines[:4], json.dumps(json.loads(lines[4]) | {"payload": None}), *lines[5:]],
    ],
)
def test_A6_an_exported_ledger_that_was_altered_is_refused(
    record: Record, harm: Callable[[list[str]], list[str]]
) -> None:
    assert file_verified(harm(list(exported_lines()))).faults


@pytest.mark.parametrize("line", ["", "[]", "nonsense", '{"seq": 1}', '{"head": 3}', "null"])
def test_a_file_that_is_no_ledger_is_told_by_its_line(line: str) -> None:
    with pytest.raises(InputError, match="line 1"):
        file_verified([line])


# --- A8: redaction ------------------------------------------------------------------------------------------------


@pytest.fixture
def named(cast: dict[str, User], record: Record) -> list[int]:
    """Events that hold an identifier, which was typed by mistake and then corrected."""
    wrong = record_change(cast["coordinator1"], record, {"note": "IDENTIFIER"}, seen_version=2, reason="typed")
    record_change(cast["coordinator1"], wrong, {"note": "-"}, seen_version=3, reason="identifier removed")
    return [*Payload.objects.filter(new__contains="IDENTIFIER").values_list("seq", flat=True), last_seq()]


def test_A8_two_people_take_an_identifier_out_and_the_chain_stays_whole(
    cast: dict[str, User], named: list[int], tmp_path: Path
) -> None:
    before = Head.objects.get().hash
    asked = redaction_requested(cast["manager1"], named, justification="a name was typed into a remark")
    assert Payload.objects.filter(old__contains="IDENTIFIER").exists()
    redaction_approved(cast["manager2"], asked)
    assert not any("IDENTIFIER" in (p.old or "") + (p.new or "") for p in Payload.objects.all())
    found = verified(tmp_path)
    assert found.sentences() == []
    assert found.chain.redacted == 2
    assert Event.objects.filter(hash=before).exists()
    assert set(Event.objects.filter(seq__in=named).values_list("actor", flat=True)) == {"coordinator1"}
    assert Event.objects.filter(action="redaction.approve", reason="a name was typed into a remark").exists()


def test_A8_what_was_taken_out_cannot_be_guessed_from_its_digest(cast: dict[str, User], named: list[int]) -> None:
    salts = {p.seq: p.salt for p in Payload.objects.filter(seq__in=named)}
    redaction_approved(cast["manager2"], redaction_requested(cast["manager1"], named, justification="j"))
    for payload in Payload.objects.filter(seq__in=named):
        assert payload.old is not None
        assert payload.old.startswith("redacted:")
        assert salts[payload.seq][:32] not in payload.salt


def test_A8_nobody_approves_her_own_request(cast: dict[str, User], named: list[int]) -> None:
    asked = redaction_requested(cast["manager1"], named, justification="j")
    with pytest.raises(InputError, match="another person"):
        redaction_approved(cast["manager1"], asked)
    assert Payload.objects.filter(old__contains="IDENTIFIER").exists()


def test_A8_a_refused_request_takes_nothing_out_and_stays_refused(cast: dict[str, User], named: list[int]) -> None:
    asked = redaction_requested(cast["manager1"], named, justification="j")
    redaction_refused(cast["manager2"], asked, reason="no identifier")
    with pytest.raises(InputError, match="decided already"):
        redaction_approved(cast["manager2"], asked)
    assert Payload.objects.filter(old__contains="IDENTIFIER").exists()


def test_A8_the_row_as_it_stands_cannot_be_redacted(cast: dict[str, User], site: Site) -> None:
    with pytest.raises(InputError, match="change the row first"):
        redaction_requested(cast["manager1"], [Event.objects.get(entity="people_site").seq], justification="j")


@pytest.mark.parametrize(
    ("approved_by", "state", "seqs"),
    [("manager1", "done", True), ("", "done", True), ("manager2", "requested", True), ("manager2", "done", False)],
)
def test_A8_the_database_itself_wants_two_people_and_the_named_event(
    cast: dict[str, User], named: list[int], approved_by: str, state: str, seqs: bool
) -> None:
    from theratrial.web.ledger.redaction import _empty

    with act(SETUP, "test.redaction"):
        redaction = Redaction.objects.create(
            requested_by="manager1", requested_at=datetime.now(UTC), justification="j", seqs=named if seqs else [1],
            approved_by=approved_by, state=state,
        )  # fmt: skip
        with pytest.raises(DatabaseError, match="two people"), transaction.atomic():
            _empty(Payload.objects.get(seq=named[0]), redaction, keep_new=False)


def test_A8_a_redaction_cannot_exchange_the_content(cast: dict[str, User], named: list[int]) -> None:
    asked = redaction_requested(cast["manager1"], named, justification="j")
    redaction_approved(cast["manager2"], asked)
    for sql in ("new = '{}'", "new = 'redacted:' || salt", "salt = 'x'", "old = 'redacted:00'"):
        with pytest.raises(DatabaseError, match="theratrial"), act(SETUP, "x"), connection.cursor() as cursor:
            cursor.execute(f"UPDATE ledger_payload SET {sql} WHERE seq = %s", [named[0]])
