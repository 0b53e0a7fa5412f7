"""ICTRP XML: valid against WHO's DTD, lossless over the data set, repairs told, hostile bytes refused."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
from contextlib import suppress
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import theratrial.exchange.ictrp as room
from theratrial.errors import InputError
from theratrial.exchange.ictrp.leaves import carried, leaves
from theratrial.exchange.ictrp.read import read_ictrp
from theratrial.exchange.ictrp.stream import stream_ictrp
from theratrial.exchange.ictrp.write import ictrp_131, ictrp_2009
from theratrial.registry.difference import difference
from theratrial.registry.fields import fields
from theratrial.registry.people import public_record
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import RegistrationRecord

TODAY = date(2026, 6, 9)
SEED = shipped_registration("IRCT20210612051548N3")
SCHEMA = Path(room.__file__).parent / "data" / "ictrp_131.rng"


def judged(content: bytes, *options: str) -> str:
    if shutil.which("xmllint") is None:
        pytest.skip("xmllint is absent; install libxml2-utils")
    done = subprocess.run(
        ["xmllint", "--noout", "--nonet", *options, "-"], input=content, capture_output=True, check=False
    )
    return "" if done.returncode == 0 else done.stderr.decode()


@pytest.mark.parametrize("record", [SEED, RegistrationRecord()], ids=["seed", "empty"])
def test_the_2009_profile_is_valid_against_the_dtd_of_who(record, shared):
    dtd = shared / "data" / "spec" / "who_ictrp_2009.dtd"
    assert judged(ictrp_2009(record), "--dtdvalid", str(dtd)) == ""
    assert "does not follow the DTD" in judged(ictrp_131(record), "--dtdvalid", str(dtd))


@pytest.mark.parametrize("record", [SEED, RegistrationRecord()], ids=["seed", "empty"])
def test_the_131_profile_is_valid_against_our_schema(record):
    assert judged(ictrp_131(record, contacts=True), "--relaxng", str(SCHEMA)) == ""
    broken = ictrp_131(record).replace(b"<sec_id></sec_id>", b"")
    assert judged(broken, "--relaxng", str(SCHEMA)) != ""


def test_exactly_what_is_no_item_of_the_data_set_is_lost():
    (found,) = read_ictrp(ictrp_131(SEED, contacts=True), today=TODAY)
    assert (found.format, found.unplaced, found.notes) == ("ictrp-xml-131", (), ())
    lost = {one.field.path if hasattr(one, "field") else one.path for one in difference(SEED, found.record)}
    general = {one.split("[")[0] if one.startswith("centres") else one for one in lost}
    not_carried = {one.group or one.path if one.group == "centres" else one.path for one in fields()} - carried()
    assert general
    assert general <= not_carried
    assert leaves(found.record) == leaves(SEED)


def test_people_stay_out_unless_asked_for():
    assert b"name@example.org" not in ictrp_131(SEED) + ictrp_2009(SEED)
    assert b"name@example.org" in ictrp_2009(SEED, contacts=True)
    (found,) = read_ictrp(ictrp_131(SEED), today=TODAY)
    assert leaves(found.record) == leaves(public_record(SEED))


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=20)
TEXT = st.one_of(WORDS, st.fixed_dictionaries({"en": WORDS, "fa": WORDS}))
DAY = st.dates(date(1900, 1, 1), date(2100, 12, 31)).map(lambda day: {"gregorian": day.isoformat()})
OUTCOME = st.fixed_dictionaries({}, optional={"description": TEXT, "timepoint": TEXT, "method": TEXT})
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "public_title": TEXT,
        "scientific_title": TEXT,
        "registration": st.fixed_dictionaries({}, optional={"number": WORDS, "registered_on": DAY, "acronym": TEXT}),
        "recruitment": st.fixed_dictionaries(
            {},
            optional={
                "status": st.sampled_from(["terminated", "complete", "completed", "other"]),
                "actual_start": DAY,
                "expected_start": DAY,
                "target_sample_size": st.integers(0, 10**6),
                "countries": st.lists(TEXT, max_size=3),
            },
        ),
        "design": st.fixed_dictionaries(
            {}, optional={"phase": st.sampled_from(["0", "1_2", "2_3", "not_applicable"]), "description": TEXT}
        ),
        "eligibility": st.fixed_dictionaries(
            {}, optional={"age_from": st.fixed_dictionaries({"value": st.floats(0, 1e3)})}
        ),
        "primary_outcomes": st.lists(OUTCOME, max_size=3),
        "interventions": st.lists(
            st.fixed_dictionaries({"description": TEXT, "keywords": st.lists(TEXT, max_size=2)}), max_size=2
        ),
        "conditions": st.lists(st.fixed_dictionaries({"description": TEXT, "icd10": WORDS}), max_size=3),
        "sponsors": st.lists(
            st.fixed_dictionaries({"kind": st.sampled_from(["", "funder", "primary_sponsor", "secondary_sponsor"])}),
            max_size=3,
        ),
        "ethics": st.lists(st.fixed_dictionaries({}, optional={"approved_on": DAY, "reference": WORDS}), max_size=2),
        "results": st.fixed_dictionaries({}, optional={"urls": st.lists(WORDS, max_size=2), "summary": TEXT}),
    },
)


@settings(max_examples=150, deadline=None)
@given(RECORDS)
@example({"registration": {"registered_on": {"gregorian": "2077-01-01"}}})
def test_any_record_of_carried_fields_comes_back_as_it_was(plain):
    record = RegistrationRecord.model_validate(plain)
    (found,) = read_ictrp(ictrp_131(record, contacts=True), today=TODAY)
    assert (found.unplaced, found.notes) == ((), ())
    assert leaves(found.record) == leaves(record)
    assert found.record == record


def portal(**fields: str) -> bytes:
    inside = "".join(f"<{name}>{value}\n    </{name}>" for name, value in fields.items())
    root = "Trials_downloaded_from_ICTRP"
    return f"<{root}><Trial><TrialID>IRCT1N1</TrialID>{inside}</Trial></{root}>".encode()


def read_one(content: bytes):
    (found,) = read_ictrp(content, today=TODAY)
    return found


@pytest.mark.parametrize(
    ("written", "code"), [("2020-03-02", "2_3"), ("2020-02-01", "1_2"), ("2-3", "2_3"), ("Phase II", "2")]
)
def test_a_phase_that_a_spreadsheet_made_a_date_is_read_and_told(written, code):
    found = read_one(portal(Phase=written))
    assert found.record.design.phase.code == code
    assert bool(found.notes) == (written.startswith("2020"))


def test_what_the_portal_garbles_is_repaired_with_a_note_or_told():
    found = read_one(
        portal(
            Public_title="A" + " " * 300 + "title",
            Inclusion_Criteria="one&lt;br&gt;two",
            Condition="COVID-19. &lt;br&gt;Coronavirus as the cause of diseases classified elsewhere;B97.29",
            Date_enrollement="2641-06-14",
            Target_size="Group A:30;Group B:30;",
        )
    )
    record = found.record
    assert record.public_title.en == "A title"
    assert record.eligibility.inclusion.en == "one\ntwo"
    (condition,) = record.conditions
    assert (condition.description.en, condition.icd10) == ("COVID-19", "B97.29")
    assert record.recruitment.target_sample_size == 60
    (one,) = found.unplaced
    assert (one.name, one.suggestion) == ("Date_enrollement", "2020-03-24")
    assert len(found.notes) == 5


@pytest.mark.parametrize(
    ("registered", "enrolled", "flag", "timing"),
    [
        ("2020-03-24", "2020-03-24", "Yes", "prospective"),
        ("25/03/2020", "24/03/2020", "No", "retrospective"),
        ("25-03-2020", "24-03-2020", "Yes", ""),
    ],
)
def test_the_flag_called_retrospective_means_prospective_where_the_dates_agree(registered, enrolled, flag, timing):
    found = read_one(portal(Date_registration=registered, Date_enrollement=enrolled, Retrospective_flag=flag))
    assert found.record.registration.stated.timing.code == timing
    assert bool(found.unplaced) == (timing == "")


HOSTILE = {
    "entities": b'<!DOCTYPE trials [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><trials><trial>&b;</trial></trials>',
    "file": b'<!DOCTYPE trials [<!ENTITY x SYSTEM "file:///etc/hosts">]><trials><trial>&x;</trial></trials>',
    "undeclared": b'<!DOCTYPE trials SYSTEM "http://192.0.2.1/x.dtd"><trials><trial>&x;</trial></trials>',
    "deep": b"<trials><trial>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</trial></trials>",
    "many": b"<trials><trial>" + b"<a/>" * 50_000 + b"</trial></trials>",
    "long": b"<trials><trial><main><trial_id>" + b"x" * 5_000_000 + b"</trial_id></main></trial></trials>",
    "html": b"<html><body/></html>",
    "empty": b"",
    "none": b"<trials/>",
    "codec": b'<?xml version="1.0" encoding="klingon"?><trials/>',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_with_words(content):
    with pytest.raises(InputError):
        read_ictrp(content, today=TODAY)


def test_a_wrong_encoding_is_named():
    with pytest.raises(InputError, match=r"0xe9 is not UTF-8.*Windows-1252"):
        read_ictrp("<trials><trial><main><trial_id>é</trial_id></main></trial></trials>".encode("cp1252"), today=TODAY)


GOOD = ictrp_131(SEED, contacts=True)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300), st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=6), st.integers(0, 40))
    )
)
def test_bytes_of_any_kind_give_a_record_or_an_input_error(mutation):
    if isinstance(mutation, bytes):
        content = mutation
    else:
        at, put, cut = mutation
        content = GOOD[:at] + put + GOOD[at + cut :]
    # Any other exception fails the test by itself.
    with suppress(InputError):
        assert read_ictrp(content, today=TODAY)


class Endless:
    """A file of many trials that is never in memory."""

    def __init__(self, trials: int) -> None:
        body = ictrp_2009(SEED)
        start = body.index(b"  <trial>")
        end = body.index(b"</trials>")
        self.parts = iter([body[:start], *([body[start:end]] * trials), b"</trials>"])

    def read(self, _size: int) -> bytes:
        return next(self.parts, b"")


def test_memory_does_not_grow_with_the_number_of_trials():
    peaks = []
    for trials in (20, 200):
        tracemalloc.start()
        assert sum(1 for _ in stream_ictrp(Endless(trials), today=TODAY)) == trials
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_what_is_unknown_is_told_and_never_dropped():
    content = ictrp_2009(SEED).replace(b"</main>", b"<moon>full</moon></main>")
    (one,) = read_ictrp(content + b"", today=TODAY)[0].unplaced
    assert (one.name, one.value) == ("moon", "full")
    assert read_ictrp(BytesIO(content).getvalue(), today=TODAY)[0].format == "ictrp-xml"
