"""ODM of the site: the whole history out, and back into an empty site with the same state and the same export."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from lxml import etree
from odmlib.odm_parser import ODMSchemaValidator

from theratrial.errors import InputError
from theratrial.web.capture.models import Query, QueryMessage, Record, Verification
from theratrial.web.capture.queries import query_raised, query_stepped
from theratrial.web.capture.services import record_change, record_entered_in_error
from theratrial.web.capture.verification import cells_verified
from theratrial.web.exports.making import package_made
from theratrial.web.exports.models import Package
from theratrial.web.exports.odm import site_transactional
from theratrial.web.exports.odm_import import odm_imported
from theratrial.web.exports.odm_snapshot import site_snapshot_written
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Note, Signature, SignedRow
from theratrial.web.ledger.redaction import redaction_approved, redaction_requested
from theratrial.web.ledger.triggers import triggers_dropped, triggers_installed
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]
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


@pytest.fixture
def signed(history: Record) -> Record:
    """A signature that rests on her screening, and was voided by a change; one that stands on the next state."""
    for key in ("P01/1", "P01/2"):
        with act(person("investigator1"), "sign"):
            signature = Signature.objects.create(
                signer="investigator1", printed_name="Investigator One", role="principal_investigator",
                signed_at="2026-11-23T06:00:00Z", meaning="approved", statement="I approve.", kind="gate", key=key,
                participant="P01", site=history.site.code, content={"x": 1}, digest="ab" * 32, ledger_seq=1,
                ledger_hash="0" * 64, software="theratrial",
            )  # fmt: skip
            SignedRow.objects.create(signature=signature, entity="capture_record", entity_id=str(history.pk))
        if key == "P01/1":
            current = Record.objects.get(pk=history.pk)
            history = record_change(
                person("coordinator1"), current, {**current.cells, "weight_kg": "72"}, seen_version=4, reason="scales"
            )
    return history


def test_S1_S3_signatures_of_the_site_stand_in_the_file_bound_and_voided(signed: Record, tmp_path: Path) -> None:
    first = site_transactional()
    tree = etree.fromstring(first)
    at_rows = tree.findall(".//o:ItemGroupData/o:Signature", NS)
    assert {one.getparent().get("ItemGroupRepeatKey") for one in at_rows} == {str(signed.pk)}
    assert len(at_rows) == len(tree.findall(".//o:SubjectData/o:Signature", NS)) == 2
    assert [one.text for one in tree.iterfind(".//o:FullName", NS)] == ["Investigator One"]
    voided = [one for one in tree.iterfind(".//o:Flag", NS) if one.findtext("o:FlagType", "", NS) == "voided_because"]
    assert len(voided) == 1
    assert "scales" in voided[0].findtext("o:FlagValue", "", NS)
    assert list(ODMSchemaValidator(standard="odm", version="1.3.2").xsd.iter_errors(io.BytesIO(first))) == []
    with empty_site():
        odm_imported(written(tmp_path, first))
        assert site_transactional() == first
        assert not Signature.objects.exists(), "nobody signed in the new site"


def test_what_was_frozen_is_frozen_again(history: Record, tmp_path: Path) -> None:
    with act(person("manager1"), "data.freeze"):
        Record.objects.filter(pk=history.pk).update(data_state="locked")
    with act(person("manager1"), "data.lock"):
        Participant.objects.filter(code="P02").update(data_state="locked")
    first, before = site_transactional(), state()
    assert {one["state"] for one in before["Participant"]} == {"open", "locked"}
    with empty_site():
        odm_imported(written(tmp_path, first))
        assert state() == before
        assert site_transactional() == first


def test_A8_what_two_people_took_out_of_the_history_is_in_no_file(history: Record, tmp_path: Path) -> None:
    record = Record.objects.get(pk=history.pk)
    named = record_change(
        person("coordinator1"), record, {**record.cells, "note": "Mrs. Secret"}, seen_version=4, reason="remark"
    )
    without = {k: v for k, v in named.cells.items() if k != "note"}
    record_change(person("coordinator1"), named, without, seen_version=5, reason="no names")
    assert b"Mrs. Secret" in site_transactional()
    events = Event.objects.filter(entity="capture_record", entity_id=str(history.pk)).order_by("-seq")[:2]
    asked = redaction_requested(person("manager1"), [one.seq for one in events], justification="a name")
    redaction_approved(person("manager2"), asked)
    first, before = site_transactional(), state()
    assert b"Mrs. Secret" not in first
    with empty_site():
        odm_imported(written(tmp_path, first))
        assert state() == before


def test_a_copy_of_one_participant_tells_of_nobody_else(history: Record) -> None:
    keys = {
        one.get("SubjectKey") for one in etree.fromstring(site_transactional("P01")).iterfind(".//o:SubjectData", NS)
    }
    assert keys == {"P01"}
    whole = etree.fromstring(site_transactional()).findall(".//o:SubjectData[@SubjectKey='P01']", NS)
    hers = etree.fromstring(site_transactional("P01")).findall(".//o:SubjectData", NS)
    assert [etree.tostring(one, with_tail=False) for one in hers] == [
        etree.tostring(one, with_tail=False) for one in whole
    ]


def test_a_file_that_cannot_be_taken_in_leaves_nothing_behind(history: Record, tmp_path: Path) -> None:
    """Refused before anything is written, while rows are made, and when the site would export another file."""
    first, shot = site_transactional(), snapshot()
    wrong: tuple[tuple[bytes, bytes, bytes, str], ...] = (
        (first, b'ItemOID="I.laboratory.value"', b'ItemOID="I.laboratory.unheard"', "unknown item"),
        (first, b">screened_on<", b">rule<", "site and day of screening"),
        (first, b'FormRepeatKey="', b'FormRepeatKey="no-uuid', "no export writes"),
        (
            shot,
            b'<MeasurementUnitRef MeasurementUnitOID="MU.10^9/L"',
            b'<MeasurementUnitRef MeasurementUnitOID="MU.g/L"',
            "altered",
        ),
        (shot, b'EffectiveDate="20', b'EffectiveDate="19', "would not export"),
        (shot, b'<SiteRef LocationOID="L.site.', b'<SiteRef LocationOID="L.site.X', "would not export"),
    )
    with empty_site():
        before = Event.objects.count()
        for content, old, new, said in wrong:
            assert old in content
            with pytest.raises(InputError, match=said):
                odm_imported(written(tmp_path, content.replace(old, new)))
            assert not Record.objects.exists()
            assert not Participant.objects.exists()
            assert Event.objects.count() == before
    with pytest.raises(InputError, match="empty site"):
        odm_imported(written(tmp_path, first))


def test_the_file_of_virtual_participants_marks_the_site_and_that_of_real_ones_is_refused_there(
    history: Record, tmp_path: Path
) -> None:
    first = site_transactional()
    with empty_site():
        with act(SETUP, "test.real"):
            Trial.objects.update(simulated=False)
        odm_imported(written(tmp_path, first))
        assert Trial.objects.get().simulated
    real = first.replace(b' Description="VIRTUAL PARTICIPANTS, SIMULATED DATA."', b"")
    assert real != first
    with empty_site(), pytest.raises(InputError, match="are real"):
        odm_imported(written(tmp_path, real))


@pytest.mark.parametrize("version", ["1.3.2", "2.0"])
def test_A9_the_state_is_fetched_from_the_page_and_noted(history: Record, client_of: ClientOf, version: str) -> None:
    answer = client_of("manager1").post("/exports/odm/snapshot/", {"version": version})
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert list(ODMSchemaValidator(standard="odm", version=version).xsd.iter_errors(io.BytesIO(content))) == []
    assert b"Which scales" in content
    noted = Note.objects.get(action="export.odm").detail
    assert noted["sha256"] == hashlib.sha256(content).hexdigest() == answer.headers["X-Content-SHA256"]
    assert noted["odm"] == version


def test_who_may_not_see_queries_exports_none_and_no_whole_trial(
    history: Record, client_of: ClientOf, tmp_path: Path
) -> None:
    answer = client_of("statistician1").post("/exports/odm/snapshot/", {"version": "1.3.2"})
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert b"Which scales" not in content
    assert b'SubjectKey="P01"' in content
    with empty_site(), pytest.raises(InputError, match="a part of the trial"):
        odm_imported(written(tmp_path, content))


def test_who_may_not_export_gets_neither_file(history: Record, client_of: ClientOf) -> None:
    for name in ("coordinator1", "monitor1", "administrator1"):
        for address in ("snapshot", "history"):
            assert client_of(name).post(f"/exports/odm/{address}/", {"version": "1.3.2"}).status_code == 403
    assert client_of("statistician1").post("/exports/odm/history/").status_code == 403
    assert client_of("manager1").post("/exports/odm/snapshot/", {"version": "3.0"}).status_code == 404


def test_a_participant_who_withdrew_the_use_of_her_data_is_in_the_history_but_in_no_snapshot(history: Record) -> None:
    record = Record.objects.get(table="consents", participant__code="P02")
    cells = {**record.cells, "withdrawn_at": "2022-09-01T10:00+03:30", "withdrawal_kind": "data_use"}
    record_change(person("coordinator1"), record, cells, seen_version=record.version, reason="she withdrew")
    assert b"P02" not in snapshot()
    assert b"P02" not in snapshot("2.0")
    assert b'SubjectKey="P02"' in site_transactional()


def test_the_history_is_made_in_the_background_and_fetched(history: Record, client_of: ClientOf) -> None:
    browser = client_of("manager1")
    assert browser.post("/exports/odm/history/").status_code == 302
    package = Package.objects.get(kind="odm")
    assert package_made(str(package.pk)) == "ready", package.message
    assert "history as ODM" in browser.get("/exports/").content.decode()
    answer = browser.post(f"/exports/packages/{package.pk}/")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:  # type: ignore[attr-defined]
        (name,) = archive.namelist()
        assert archive.read(name) == site_transactional()
    assert answer.headers["Content-Disposition"].endswith('-odm.zip"')
