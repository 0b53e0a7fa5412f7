"""What was computed is not copied into the ledger; its digest is, and verification holds one against the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import connection

from theratrial.web.ledger.models import Event, Payload
from theratrial.web.ledger.startup import refuse_altered_triggers
from theratrial.web.ledger.triggers import triggers_dropped, triggers_installed
from theratrial.web.ledger.verification import ledger_verified
from theratrial.web.results.models import Computation, ParticipantResultRow, TrialResultRow


def flipped(table: str, column: str, old: str, new: str) -> None:
    """Somebody who may do everything on the machine edits a result and puts the triggers back."""
    triggers_dropped()
    cast = "::jsonb" if connection.vendor == "postgresql" else ""
    text = f"({column})::text" if connection.vendor == "postgresql" else column
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = replace({text}, %s, %s){cast}"
            f" WHERE id = (SELECT min(id) FROM {table} WHERE {text} LIKE %s)",
            [old, new, f"%{old}%"],
        )
        assert cursor.rowcount == 1
    triggers_installed()


def test_the_ledger_holds_the_digest_of_a_result_and_not_its_content(computed_site: Computation) -> None:
    for model in (ParticipantResultRow, TrialResultRow):
        row = model.objects.order_by("pk").first()
        assert row is not None
        event = Event.objects.get(entity=model._meta.db_table, entity_id=str(row.pk))
        text = Payload.objects.get(seq=event.seq).new or ""
        assert json.loads(text)["digest"] == row.digest
        assert json.loads(text)["content"] == "(not shown)"
        assert len(text) < 1000 < len(json.dumps(row.content))
    refuse_altered_triggers()


def test_stored_results_give_their_digests(computed_site: Computation, tmp_path: Path) -> None:
    assert ledger_verified(tmp_path).sentences() == []


@pytest.mark.parametrize(
    ("table", "column", "old", "new"),
    [
        ("results_participantresultrow", "content", "determined", "determinet"),
        ("results_participantresultrow", "for_gate", "kidney", "kidnez"),
        ("results_trialresultrow", "content", "endpoint", "endpoins"),
    ],
)
def test_one_flipped_character_of_a_result_is_found(
    computed_site: Computation, tmp_path: Path, table: str, column: str, old: str, new: str
) -> None:
    flipped(table, column, old, new)
    (fault,) = ledger_verified(tmp_path).rows
    assert fault.table == table
    assert column in fault.message
    assert "does not give its digest" in fault.message


def test_a_result_exchanged_together_with_its_digest_is_found(computed_site: Computation, tmp_path: Path) -> None:
    digest = ParticipantResultRow.objects.order_by("pk").values_list("digest", flat=True)[0]
    flipped("results_participantresultrow", "content", "determined", "determinet")
    triggers_dropped()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE results_participantresultrow SET digest = %s WHERE digest = %s", ["0" * 64, digest])
    triggers_installed()
    messages = [one.message for one in ledger_verified(tmp_path).rows]
    assert any(message.startswith("changed past the ledger: digest") for message in messages)
