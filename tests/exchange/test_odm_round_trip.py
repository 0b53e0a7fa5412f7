"""ODM 1.3.2: what is told is read back, change by change, whatever the cells hold."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from odmlib.odm_parser import ODMSchemaValidator
from tests.exchange import odm_examples as example

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.read import OdmFile, first_difference
from theratrial.exchange.odm.rows import RecordRow, place_of, row_of, values_of
from theratrial.exchange.odm.snapshot import About, snapshot_odm
from theratrial.exchange.odm.snapshot_20 import STATES, snapshot_20_odm
from theratrial.exchange.odm.state import State
from theratrial.exchange.odm.teller import Teller
from theratrial.exchange.odm.told import Audit, Told, from_plain, plain
from theratrial.exchange.odm.vocabulary import ENUMERATED, read_back, writable

NS = {"o": "http://www.cdisc.org/ns/odm/v1.3", "n": "http://www.cdisc.org/ns/odm/v2.0"}


def read(content: bytes) -> list[Told]:
    return list(OdmFile(lambda: io.BytesIO(content)).told(example.layouts(), example.layout().study_oid))


def conforms(content: bytes, version: str) -> list[str]:
    """What CDISC's own XSD, shipped with odmlib, says."""
    schema = ODMSchemaValidator(standard="odm", version=version).xsd
    return [str(one.reason) for one in schema.iter_errors(io.BytesIO(content))]


def in_reading_order(told: list[Told]) -> list[Told]:
    """The standard puts reference data before clinical data."""
    return sorted(told, key=lambda one: bool(one.place.subject))


def test_every_kind_of_change_is_read_back_as_it_was_told() -> None:
    told = list(example.changes())
    assert read(example.file()) == in_reading_order(told)


def test_the_file_conforms_to_the_schema_of_cdisc() -> None:
    assert conforms(example.file(), "1.3.2") == []


def test_the_same_changes_give_the_same_bytes_whatever_the_clock_says() -> None:
    assert example.file() == example.file()
    assert b'CreationDateTime="2026-11-23T06:00:15.000001Z"' in example.file()


def test_A4_a_value_that_comes_and_one_that_goes_both_stand_in_the_file() -> None:
    tree = etree.fromstring(example.file())
    why = "o:AuditRecord/o:ReasonForChange"
    shown = [
        (one.get("TransactionType"), one.get("Value"), one.getparent().findtext(why, "", NS))
        for one in tree.iterfind(".//o:ClinicalData//o:ItemData[@ItemOID='I.laboratory.value']", NS)
        if one.get("TransactionType") != "Context"
    ]  # fmt: skip
    assert shown[:4] == [
        ("Insert", "90", ""),
        ("Update", "9", "misread: <9> & not 90"),
        ("Remove", None, "not measured"),
        ("Insert", "95", "measured again"),
    ]


def test_A1_every_change_says_who_where_when() -> None:
    tree = etree.fromstring(example.file())
    users = {one.get("OID") for one in tree.iterfind(".//o:User", NS)}
    locations = {one.get("OID") for one in tree.iterfind(".//o:Location", NS)}
    count = 0
    for subject in tree.iterfind(".//o:SubjectData", NS):
        records = subject.findall(".//o:AuditRecord", NS)
        assert len(records) == 1
        assert records[0].find("o:UserRef", NS).get("UserOID") in users
        assert records[0].find("o:LocationRef", NS).get("LocationOID") in locations
        assert records[0].findtext("o:DateTimeStamp", "", NS).endswith("Z")
        count += 1
    assert count == len([one for one in example.changes() if one.place.subject])


def test_S1_a_signature_says_printed_name_moment_and_meaning_and_is_bound_to_a_digest() -> None:
    tree = etree.fromstring(example.file())
    signature = tree.find(".//o:SubjectData/o:Signature", NS)
    user = tree.find(f".//o:User[@OID='{signature.find('o:UserRef', NS).get('UserOID')}']", NS)
    assert user.findtext("o:FullName", "", NS) == "Investigator One"
    assert signature.findtext("o:DateTimeStamp", "", NS) == example.audit(9).at
    meaning = signature.find("o:SignatureRef", NS).get("SignatureOID")
    assert tree.findtext(f".//o:SignatureDef[@OID='{meaning}']/o:Meaning", "", NS) == "approved"
    assert signature.findtext("o:CryptoBindingManifest", "", NS) == "sha256:" + "ab" * 32
    signed_rows = tree.findall(".//o:ItemGroupData/o:Signature", NS)
    assert [one.getparent().get("ItemGroupRepeatKey") for one in signed_rows] == [example.platelets().id]


def test_only_who_signed_is_named() -> None:
    tree = etree.fromstring(example.file())
    assert [one.text for one in tree.iterfind(".//o:FullName", NS)] == ["Investigator One"]
    assert {one.text for one in tree.iterfind(".//o:LoginName", NS)} == {"coordinator1", "monitor1", "investigator1"}


def test_S3_a_voided_signature_is_told_with_its_reason_and_without_signature() -> None:
    tree = etree.fromstring(example.file())
    voided = [one for one in tree.iterfind(".//o:Flag", NS) if one.findtext("o:FlagType", "", NS) == "voided_because"]
    assert [one.findtext("o:FlagValue", "", NS) for one in voided] == ["capture_record was changed"]
    assert voided[0].getparent().getparent().find("o:Signature", NS) is None


def test_words_stand_in_both_languages_of_the_trial() -> None:
    tree = etree.fromstring(example.file())
    tags = "{http://www.w3.org/XML/1998/namespace}lang"
    for path in ("FormDef[@OID='F.laboratory']/o:Description", "ItemDef[@OID='I.participants.age_years']/o:Question"):
        words = tree.find(f".//o:{path}", NS)
        assert [one.get(tags) for one in words] == ["en", "fa"], path
    decoded = tree.find(".//o:CodeList[@OID='CL.laboratory.test']/o:CodeListItem[@CodedValue='platelets']/o:Decode", NS)
    assert [one.get(tags) for one in decoded] == ["en", "fa"]


def test_each_form_of_the_protocol_and_each_table_is_in_the_metadata() -> None:
    tree, layout = etree.fromstring(example.file()), example.layout()
    forms = {one.get("OID") for one in tree.iterfind(".//o:FormDef", NS)}
    assert {f"F.{name}" for name in layout.protocol.forms} <= forms
    placed = {one.get("ItemGroupOID") for one in tree.iterfind(".//o:FormDef/o:ItemGroupRef", NS)}
    assert placed == set(layout.groups)


CELL = st.text(st.characters(codec=None, exclude_categories=("Cs",)), min_size=1, max_size=12)
COLUMNS = example.layout().columns


@st.composite
def rows(draw: Any, identifier: str = "r1") -> RecordRow:
    table = draw(st.sampled_from(sorted(COLUMNS)))
    names = draw(st.lists(st.sampled_from(COLUMNS[table]), unique=True))
    participant = draw(st.sampled_from(["P01", "P02", ""]))
    return RecordRow(
        id=identifier,
        table=table,
        version_oid=example.layout().oid,
        participant=participant,
        site=draw(st.sampled_from(["", "A", "B"])),
        form=draw(st.sampled_from(["", "laboratory", "examination", "unheard_of"])),
        group=draw(st.sampled_from(["g1", "g2"])),
        visit=draw(st.sampled_from(["", "screening", "follow_up", "spect_24h", "unheard_of"])),
        session=draw(st.none() | st.integers(1, 99)),
        cells={**{name: draw(CELL) for name in names}, **draw(st.just({}) | st.just({"gone_column": "x"}))},
        entered=draw(st.just({}) | st.just({"value": {"text": "۹۰", "calendar": "jalali"}})),
        version=draw(st.integers(1, 9)),
        incomplete=draw(st.booleans()),
        entered_in_error=draw(st.booleans()),
        data_state=draw(st.sampled_from(["open", "frozen", "locked"])),
        entered_late=draw(st.booleans()),
        source=draw(st.sampled_from(["form", "import:sha256:ab", ""])),
        sequence=draw(st.integers(0, 10**9)),
    )


@given(rows(), st.sampled_from(["", "A"]))
def test_a_row_comes_back_from_its_place_and_its_items(row: RecordRow, site: str) -> None:
    layout = example.layout()
    place = place_of(layout, row)
    assert row_of(layout, place, values_of(layout, row, place, site), site) == row


@settings(max_examples=40)
@given(st.lists(rows(), min_size=1, max_size=4), CELL)
def test_any_course_of_a_row_is_read_back_and_leads_to_its_last_state(course: list[RecordRow], reason: str) -> None:
    """One row through arbitrary states: other table cells, other visit, other subject, in error and back."""
    course = [replace(one, table=course[0].table, cells=_of_table(one, course[0].table)) for one in course]
    teller = Teller(example.layouts(), example.layout().oid)
    day = {"screened_on": "2022-01-01"}
    told = [teller.subject(code, "A", day, "Insert", example.audit(0)) for code in ("P01", "P02")]
    before: RecordRow | None = None
    for number, one in enumerate(course, start=1):
        if one != before:
            told += teller.record(before, one, example.audit(number, reason))
        before = one
    content = example.file(told)
    again = read(content)
    assert again == in_reading_order(told)
    assert example.file(again) == content
    state = State()
    for change in told:
        state.take(change)
    assert list(state.records(example.layouts())) == [before]


def _of_table(row: RecordRow, table: str) -> dict[str, str]:
    return {name: text for name, text in row.cells.items() if name in COLUMNS[table]}


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_written_and_read_back(text: str) -> None:
    assert read_back(writable(text)) == text
    etree.Element("x").text = writable(text)


def test_a_change_kept_as_json_is_the_same_change() -> None:
    assert [from_plain(plain(one)) for one in example.changes()] == list(example.changes())


def _snapshot(layout: Layout) -> list[list[Told]]:
    teller, audit = Teller({layout.oid: layout}, layout.oid), Audit("", example.audit(1).at)
    shared = list(teller.record(None, example.batch(), audit))
    hers = [teller.subject("P01", example.SITE, {"screened_on": "2022-03-01"}, "Insert", audit)]
    hers += teller.record(None, example.platelets(), audit)
    for number, state in enumerate(STATES, start=1):
        fields = {"id": str(number), "record": example.platelets().id, "state": state, "query_kind": "manual"}
        fields |= {"column": "value", "opened_by": f"user{number}", "opened_at": audit.at, "site": example.SITE}
        hers.append(teller.query("Insert", fields, "Why?", "P01", audit))
        step = {"id": str(number), "query": str(number), "author": "user1", "at": audit.at, "step": "open"}
        hers.append(teller.message("Insert", step, "Why?", "P01", audit))
    return [shared, hers]


def _about() -> About:
    return About(example.layout().oid, example.audit(1).at, "0.7", simulated=True)


def test_a_snapshot_conforms_in_both_versions_of_the_standard() -> None:
    told = _snapshot(example.layout())
    assert conforms(snapshot_odm(told, example.layouts(), _about()), "1.3.2") == []
    assert conforms(snapshot_20_odm(told, example.layouts(), _about()), "2.0") == []


def test_a_snapshot_is_read_back_and_written_the_same() -> None:
    content = snapshot_odm(_snapshot(example.layout()), example.layouts(), _about())
    again = read(content)
    split = [[one for one in again if not one.place.subject], [one for one in again if one.place.subject]]
    assert snapshot_odm(split, example.layouts(), _about()) == content


def test_the_queries_of_2_0_have_source_state_type_and_thread() -> None:
    content = snapshot_20_odm(_snapshot(example.layout()), example.layouts(), _about(), frozenset({"user2"}))
    queries = etree.fromstring(content).findall(".//n:ItemData/n:Query", NS)
    assert [one.get("State") for one in queries] == ["Open", "Answered", "Closed", "Cancelled"]
    assert [one.get("Source") for one in queries] == [
        "Data Management", "Site Monitor", "Data Management", "Data Management",
    ]  # fmt: skip
    assert all(one.findtext("n:AuditRecord/n:ReasonForChange", "", NS) == "open: Why?" for one in queries)
    assert set(STATES) == set(ENUMERATED["state"])


def test_a_difference_is_found_wherever_it_is_but_not_in_the_layout() -> None:
    content = example.file()
    spaced = content.replace(b"><AuditRecord>", b">\n  <AuditRecord>")
    assert spaced != content
    assert first_difference(lambda: io.BytesIO(content), lambda: io.BytesIO(spaced)) == ""
    altered = content.replace(b'Value="95"', b'Value="96"')
    assert 'Value="96"' in first_difference(lambda: io.BytesIO(content), lambda: io.BytesIO(altered))
    assert first_difference(lambda: io.BytesIO(content), lambda: io.BytesIO(content[:-8] + b"<More/></ODM>")) != ""


def test_a_row_keeps_its_site_when_its_subject_goes_to_another() -> None:
    teller = Teller(example.layouts(), example.layout().oid)
    day = {"screened_on": "2022-03-01"}
    told = [teller.subject("P01", "A", day, "Insert", example.audit(1))]
    old, new = example.platelets(site="A"), example.platelets(id="r2", site="B", group="g2")
    told += teller.record(None, old, example.audit(2))
    told.append(teller.subject("P01", "B", day, "Update", example.audit(3)))
    told += teller.record(old, replace(old, version=2), example.audit(4, "looked at"))
    told += teller.record(None, new, example.audit(5))
    state = State()
    for change in read(example.file(told)):
        state.take(change)
    assert {row.id: row.site for row in state.records(example.layouts())} == {old.id: "A", "r2": "B"}
    assert state.sites == {"P01": "B"}


def test_a_unit_that_contradicts_the_row_is_refused() -> None:
    content = example.file(list(example.changes())[:2])
    assert content.count(b'<MeasurementUnitRef MeasurementUnitOID="MU.10^9/L"/></ItemData>') == 1
    state = State()
    for change in read(content.replace(b'OID="MU.10^9/L"/></ItemData>', b'OID="MU.g/L"/></ItemData>')):
        state.take(change)
    with pytest.raises(ValueError, match=r"I\.laboratory\.value contradict"):
        list(state.records(example.layouts()))


def test_a_row_that_moves_is_removed_where_it_stood_and_inserted_where_it_stands() -> None:
    teller = Teller(example.layouts(), example.layout().oid)
    old = example.platelets()
    list(teller.record(None, old, example.audit(1)))
    told = list(teller.record(old, replace(old, visit="", session=2, version=2), example.audit(2, "another session")))
    shown = [(one.kind, one.place.event, one.place.event_key, one.audit.reason) for one in told]
    assert shown == [
        ("Remove", "SE.follow_up", "1", "another session"),
        ("Insert", "SE.common", "2", "another session"),
    ]


def test_a_cell_that_is_there_and_empty_is_not_one_that_is_missing() -> None:
    teller = Teller(example.layouts(), example.layout().oid)
    row = example.platelets(cells={**example.platelets().cells, "laboratory": ""})
    told = list(teller.record(None, row, example.audit(1)))
    content = example.file(told)
    assert b'ItemOID="I.laboratory.laboratory" TransactionType="Insert" IsNull="Yes"' in content
    assert read(content) == told
