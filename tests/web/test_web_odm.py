"""ODM of the site: the whole history out, and back into an empty site with the same state and the same export."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from theratrial.web.capture.models import Query, QueryMessage, Record, Verification
from theratrial.web.capture.queries import query_raised, query_stepped
from theratrial.web.capture.services import record_change, record_entered_in_error
from theratrial.web.capture.verification import cells_verified
from theratrial.web.exports.odm import site_transactional
from theratrial.web.exports.odm_import import odm_imported
from theratrial.web.exports.odm_snapshot import site_snapshot_written
from theratrial.web.ledger.models import Event, Signature, SignedRow
from theratrial.web.ledger.triggers import triggers_dropped, triggers_installed
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.trials.models import Trial

NS = {"o": "http://www.cdisc.org/ns/odm/v1.3"}


def person(name: str) -> User:
    return User.objects.get(username=name)


def snapshot(version: Any = "1.3.2") -> bytes:
    out = io.BytesIO()
    site_snapshot_written(out, version)
    return out.getvalue()


@pytest.fixture
def history(cohort: Trial) -> Record:
    """A change, a blanked and a filled value, a row in error, a query with its thread, a verification."""
    user = person("coordinator1")
    record = Record.objects.get(table="participants", participant__code="P01")
    changed = record_change(user, record, {**record.cells, "weight_kg": "70.5"}, seen_version=1, reason="misread <&>")
    without = {k: v for k, v in changed.cells.items() if k != "height_cm"}
    changed = record_change(user, changed, without, seen_version=2, reason="not measured")
    changed = record_change(user, changed, {**without, "height_cm": "171"}, seen_version=3, reason="measured now")
    wrong = Record.objects.filter(table="laboratory", participant__code="P01").order_by("sequence")[0]
    record_entered_in_error(user, wrong, seen_version=1, reason="another patient's sample")
    query_raised(person("monitor1"), "Which scales\nwere these?", record=changed, column="weight_kg")
    query_stepped(user, Query.objects.get(), "answer", "the ones in room 2")
    assert cells_verified(person("monitor1"), changed, ["weight_kg", "age_years"], seen_version=4) == 2
    return changed


def state() -> dict[str, list[dict[str, Any]]]:
    """Everything that an import must bring back, without the numbers that a database gives."""
    people = {one.pk: one.code for one in Participant.objects.all()}
    found: dict[str, list[dict[str, Any]]] = {}
    for model in (Record, Query, QueryMessage, Verification):
        rows = []
        for row in model.objects.order_by("pk").values():
            row.pop("protocol_version_id", None)
            row.pop("site_id", None)
            row["participant_id"] = people.get(row.get("participant_id"))
            rows.append(json.loads(json.dumps(row, default=str, sort_keys=True)))
        found[model.__name__] = sorted(rows, key=lambda one: str(one["id"]))
    found["Participant"] = [
        {"code": p.code, "site": p.site.code, "on": str(p.screened_on), "state": p.data_state}
        for p in Participant.objects.order_by("code")
    ]
    return found


def emptied() -> None:
    """Past the triggers, which refuse it: an empty site with an empty ledger in the same database."""
    from theratrial.web.ledger.models import Head, Note, Payload
    from theratrial.web.people.models import Site

    triggers_dropped()
    for model in (Verification, QueryMessage, Query, SignedRow, Signature, Record, Participant, Note):
        model.objects.all().delete()
    Payload.objects.all().delete()
    Event.objects.all().delete()
    Head.objects.all().delete()
    Site.objects.exclude(pk__in=Site.objects.order_by("pk")[:1]).delete()
    triggers_installed()


@contextmanager
def empty_site() -> Iterator[None]:
    from django.db import transaction

    class PutBack(Exception):
        pass

    try:
        with transaction.atomic():
            emptied()
            yield
            raise PutBack
    except PutBack:
        pass


def written(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "export.xml"
    file.write_bytes(content)
    return file


def test_C2_a_transactional_file_in_an_empty_site_gives_the_same_state_and_the_same_file(
    history: Record, tmp_path: Path
) -> None:
    first, before = site_transactional(), state()
    with empty_site():
        made = odm_imported(written(tmp_path, first))
        assert made.records == len(before["Record"])
        assert state() == before
        assert site_transactional() == first
        assert Event.objects.filter(entity="capture_record").count() == made.records


def test_C2_a_snapshot_in_an_empty_site_gives_the_same_snapshot(history: Record, tmp_path: Path) -> None:
    first, before = snapshot(), state()
    with empty_site():
        odm_imported(written(tmp_path, first))
        assert snapshot() == first
        after = state()
        in_error = [one for one in before["Record"] if one["entered_in_error"]]
        assert len(in_error) == 1
        assert after["Record"] == [one for one in before["Record"] if not one["entered_in_error"]]
        assert after["Query"] == before["Query"]
        assert after["QueryMessage"] == before["QueryMessage"]


def test_a_history_that_came_in_goes_on_with_the_changes_of_the_new_site(history: Record, tmp_path: Path) -> None:
    first = site_transactional()
    with empty_site():
        odm_imported(written(tmp_path, first))
        user = User.objects.get(username="coordinator1")
        record = Record.objects.get(pk=history.pk)
        record_change(user, record, {**record.cells, "weight_kg": "71"}, seen_version=4, reason="after the move")
        later = site_transactional()
        assert b"after the move" in later
        tree, old = etree.fromstring(later), etree.fromstring(first)
        told, before = (one.findall(".//o:SubjectData", NS) for one in (tree, old))
        assert [etree.tostring(one) for one in told[: len(before)]] == [etree.tostring(one) for one in before]
        assert len(told) == len(before) + 1


def test_a_snapshot_of_an_imported_history_is_that_of_its_source(history: Record, tmp_path: Path) -> None:
    first, shot = site_transactional(), snapshot()
    with empty_site():
        odm_imported(written(tmp_path, first))
        assert snapshot() == shot
