"""What is known of a death, when criteria were judged, what contacts after treatment told: SDTM and ADaM against the
records' own files, read here with the csv module, and against dates worked out by hand."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from adam_example import Made

from theratrial.exchange.adam.adae import adae
from theratrial.exchange.adam.adsl import adsl
from theratrial.exchange.adam.context import AdamContext
from theratrial.exchange.adam.datasets import adam_datasets
from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.sdtm.adverse import ae
from theratrial.exchange.sdtm.comments import with_comments
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.criteria import ie
from theratrial.exchange.sdtm.disposition import ds
from theratrial.exchange.sdtm.dm import dm
from theratrial.exchange.sdtm.domains import sdtm_datasets
from theratrial.exchange.sdtm.judged import judged_at
from theratrial.exchange.sdtm.package import newest_record, study_metadata
from theratrial.exchange.sdtm.relations import RELATIONS
from theratrial.exchange.sdtm.subject_status import ss
from theratrial.report.datasets.guide import guide_page
from theratrial.sharing.identity import shared_folder, shared_result, trial_cleaner
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.tables.release import shared_tables
from theratrial.sharing.tables.values import TablesAsked
from theratrial.trialfolder.records import Row, TrialFolder

WHO = "P01"
Lines = list[dict[str, str]]


def _lines(made: Made, table: str) -> Lines:
    with (made.folder.path / "records" / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _of(made: Made, name: str) -> list[dict[str, Any]]:
    return [dict(one) for one in made.tabulated[name].records()]


def _who(record: Any) -> str:
    return str(record["USUBJID"]).rpartition("-")[2]


def _contacts(folder: TrialFolder, *told: tuple[date, str]) -> tuple[Row, ...]:
    """The follow-up with these contacts of one participant instead of hers."""
    rows = folder.tables["follow_up"]
    kept = tuple(row for row in rows if row["participant_id"] != WHO)
    common = {"participant_id": WHO, "disease": None}
    return kept + tuple(
        replace(rows[0], values={**rows[0].values, **common, "seen_on": on, "status": status}) for on, status in told
    )


def _with(made: Made, **tables: tuple[Row, ...]) -> dict[str, Dataset]:
    folder = replace(made.folder, tables={**made.folder.tables, **tables})
    context = SdtmContext(folder, made.result)
    tabulated = tuple(one for make in (dm, ds, ss) for one in make(context))
    found = {one.name: one for one in tabulated}
    return found | {one.name: one for one in adsl(AdamContext(folder, made.result, tabulated))}


def _hers(sets: dict[str, Dataset], name: str) -> list[dict[str, Any]]:
    return [dict(one) for one in sets[name].records() if _who(one) == WHO]


# Her records end in 2023; what a contact says of 2030 is hers alone.
@pytest.mark.parametrize(
    ("alive", "news", "text", "imputed"),
    [
        (date(2030, 11, 2), date(2030, 11, 19), "2030-11", "D"),
        (date(2030, 10, 18), date(2030, 11, 19), "2030", "M"),
        (date(2029, 12, 31), date(2030, 1, 1), None, "Y"),
        # Seen alive after the news: both cannot be true, so nothing is said of the day.
        (date(2030, 11, 20), date(2030, 11, 19), None, "Y"),
    ],
)
def test_a_day_of_death_that_nobody_recorded_is_not_stated(
    made: Made, alive: date, news: date, text: str | None, imputed: str
) -> None:
    sets = _with(made, follow_up=_contacts(made.folder, (alive, "alive"), (news, "dead")))
    (person,) = _hers(sets, "DM")
    assert (person.get("DTHDTC"), person["DTHFL"], person["RFPENDTC"]) == (text, "Y", news.isoformat())
    (death,) = [one for one in _hers(sets, "DS") if one["DSDECOD"] == "DEATH"]
    assert (death["DSSTDTC"], death["DSDTC"], death["DSSTDY"]) == (text, news.isoformat(), None)
    note = [one["QVAL"] for one in _hers(sets, "SUPPDS") if one["QNAM"] == "DTHNOTE"]
    assert note == ["Known to have died by the day in DSDTC; the day of death is not recorded"]
    told = {one["SSDTC"]: one["SSSTRESC"] for one in _hers(sets, "SS")}
    assert told == {alive.isoformat(): "ALIVE", news.isoformat(): "DEAD"}
    (subject,) = [one for one in sets["ADSL"].records() if one["SUBJID"] == WHO]
    assert (subject["DTHDT"], subject["DTHDTF"], subject["EOSSTT"]) == (news.isoformat(), imputed, "DISCONTINUED")
    assert subject["LSTALVDT"] == alive.isoformat()


def test_a_recorded_day_of_death_is_stated_whole(made: Made) -> None:
    first = next(row for row in made.folder.tables["dispositions"] if row["participant_id"] == WHO)
    died = replace(first, values={**first.values, "event": "death", "occurred_on": date(2030, 3, 5), "reason": None})
    sets = _with(
        made,
        dispositions=(*made.folder.tables["dispositions"], died),
        follow_up=_contacts(made.folder, (date(2030, 3, 4), "alive"), (date(2030, 3, 9), "dead")),
    )
    (person,) = _hers(sets, "DM")
    assert (person["DTHDTC"], person["RFPENDTC"]) == ("2030-03-05", "2030-03-05")
    (death,) = [one for one in _hers(sets, "DS") if one["DSDECOD"] == "DEATH"]
    assert (death["DSSTDTC"], death.get("DSDTC")) == ("2030-03-05", None)
    (subject,) = [one for one in sets["ADSL"].records() if one["SUBJID"] == WHO]
    assert (subject["DTHDT"], subject.get("DTHDTF"), subject["LSTALVDT"]) == ("2030-03-05", None, "2030-03-04")


def test_nothing_of_a_death_is_said_of_who_lives(made: Made) -> None:
    sets = _with(made, follow_up=_contacts(made.folder, (date(2030, 3, 4), "alive"), (date(2030, 5, 1), "not_reached")))
    (person,) = _hers(sets, "DM")
    assert (person.get("DTHDTC"), person.get("DTHFL"), person["RFPENDTC"]) == (None, None, "2030-03-04")
    assert [one["SSSTRESC"] for one in _hers(sets, "SS")] == ["ALIVE", "UNKNOWN"]
    (subject,) = [one for one in sets["ADSL"].records() if one["SUBJID"] == WHO]
    assert (subject["EOSSTT"], subject["LSTALVDT"]) == ("ONGOING", "2030-03-04")


def test_a_criterion_is_found_unmet_when_its_record_was_made(made: Made) -> None:
    """By the read of the selection image, days after screening, as the file of the reads says it."""
    read = {line["participant_id"]: line["read_at"][:16] for line in _lines(made, "selection_reads")}
    screened = {line["participant_id"]: line["screened_on"] for line in _lines(made, "participants")}
    found = [one for one in _of(made, "IE") if "PET/CT" in one["IETEST"]]
    assert found
    for one in found:
        assert one["IEDTC"] == read[_who(one)]
        assert one["IEDTC"][:10] > screened[_who(one)]


def test_a_criterion_judged_by_an_older_record_was_judged_at_screening(made: Made) -> None:
    context = SdtmContext(made.folder, made.result)
    subject = context.subject(WHO)
    old = made.folder.rows("prior_therapy", participant_id=WHO)[0]
    assert subject.result is not None
    criterion = subject.result.eligibility.criteria[0]
    judged = replace(criterion, trace=replace(criterion.trace, inputs={"therapy": old.source, "rule": "protocol:x"}))
    assert judged_at(context, subject, judged) == subject.row["screened_on"]
    unmet = replace(subject.result.eligibility, criteria=(replace(judged, truth="not met"),))
    people = [replace(one, eligibility=unmet) if one.participant_id == WHO else one for one in made.result.participants]
    (record, *_) = ie(SdtmContext(made.folder, replace(made.result, participants=tuple(people))))
    (line,) = [one for one in record.records() if _who(one) == WHO]
    assert line["IEDTC"] == subject.row["screened_on"].isoformat()


def test_every_contact_after_treatment_is_in_sdtm(made: Made) -> None:
    lines = _lines(made, "follow_up")
    words = {"alive": "ALIVE", "dead": "DEAD", "not_reached": "UNKNOWN"}
    told = sorted((_who(one), one["SSDTC"], one["SSSTRESC"], one["SSEVALID"]) for one in _of(made, "SS"))
    assert told == sorted((x["participant_id"], x["seen_on"], words[x["status"]], x["reported_by"]) for x in lines)
    disease = {"progressed": "PD", "not_progressed": "NON-PD", "not_assessed": None}
    judged = [one for one in _of(made, "RS") if one["RSTESTCD"] == "CLINRESP"]
    assert sorted((_who(one), one["RSDTC"], str(one["RSSTRESC"])) for one in judged) == sorted(
        (x["participant_id"], x["seen_on"], str(disease[x["disease"]])) for x in lines if x["disease"]
    )
    assert "PD" in {one["RSSTRESC"] for one in judged}, "somebody's disease progressed, or the test sees nothing"


def test_every_time_to_event_names_the_record_of_sdtm_that_ended_it(made: Made) -> None:
    """So that a reviewer can rebuild it from SDTM: the record is of her, of that day, and says what the reason says."""
    ends: Counter[str] = Counter()
    for row in made.analysis["ADTTE"].records():
        domain = str(row["SRCDOM"])
        (source,) = [
            one
            for one in made.tabulated[domain].records()
            if (one["USUBJID"], one[f"{domain}SEQ"]) == (row["USUBJID"], row["SRCSEQ"])
        ]
        assert str(source[str(row["SRCVAR"])])[:10] == row["ADT"]
        said = str(row["EVNTDESC"])
        ends[said] += 1
        match said:
            case "Last seen alive":
                assert (domain, source["SSSTRESC"]) == ("SS", "ALIVE")
            case "Progression told":
                assert (source["RSTESTCD"], source["RSSTRESC"]) == ("CLINRESP", "PD")
            case "Progression by RECIST 1.1":
                assert (source["RSCAT"], source["RSSTRESC"]) == ("RECIST 1.1", "PD")
            case "Last assessed":
                assert domain == "RS"
            case _:
                assert (domain, source.get("SSSTRESC")) == ("SS", "DEAD"), said
                assert row["ADTF"] in ("D", "M", "Y")
    assert len(ends) >= 3


def test_no_place_takes_a_session_for_a_position(made: Made) -> None:
    places = [str(one) for one in made.analysis["ADDOS"].values("SRCREF")] + [
        one["XDSPID"] or "" for one in _of(made, "XD")
    ]
    assert any("sessions[session=2]." in one for one in places)
    assert not [one for one in places if "sessions[1]" in one or "sessions[2]" in one]


def test_what_sdtm_says_of_an_event_keeps_its_name_and_value(made: Made) -> None:
    """OCCDS: a variable taken from SDTM has SDTM's name."""
    tabulated = {(one["USUBJID"], one["AESEQ"]): one for one in _of(made, "AE")}
    rows = made.analysis["ADAE"].records()
    assert len({(one["USUBJID"], one["AESEQ"]) for one in rows}) == len(rows) == len(tabulated)
    names = [v.name for v in made.analysis["ADAE"].variables if made.tabulated["AE"].has(v.name)]
    assert {"AESEQ", "AETERM", "AEDECOD", "AETOXGR", "AESER", "AEREL", "AEACN", "AEOUT"} <= set(names)
    assert not {"ADECOD", "ASOC", "AREL", "AEOUTR", "ATOXGR"} & {v.name for v in made.analysis["ADAE"].variables}
    classes = {
        (one["USUBJID"], one["IDVARVAL"]): one["QVAL"] for one in _of(made, "SUPPAE") if one["QNAM"] == "AECTCSOC"
    }
    for row in rows:
        source = tabulated[row["USUBJID"], row["AESEQ"]]
        assert {name: row[name] for name in names if name != "AEBODSYS"} == {
            name: source[name] for name in names if name != "AEBODSYS"
        }
        assert row["AEBODSYS"] == classes.get((row["USUBJID"], str(row["AESEQ"])))


def test_events_that_are_twins_take_a_record_each(made: Made) -> None:
    rows = made.folder.tables["adverse_events"]
    twins = replace(made.folder, tables={**made.folder.tables, "adverse_events": (*rows, *rows)})
    people = [replace(one, adverse_events=one.adverse_events * 2) for one in made.result.participants]
    result = replace(made.result, participants=tuple(people))
    tabulated = [one for make in (dm, ae) for one in make(SdtmContext(twins, result))]
    (made_twice,) = adae(AdamContext(twins, result, tabulated))
    assert len({(one["USUBJID"], one["AESEQ"]) for one in made_twice.records()}) == 2 * len(rows)


def test_what_is_shared_says_the_same_under_codes_and_moved_dates(made: Made) -> None:
    """Lines of a shared trial have no numbers and terms of nobody's list are withheld: each record is still found."""
    term = str(made.folder.tables["adverse_events"][0]["term"])
    rows = tuple(
        replace(row, values={**row.values, "term": "Fell from her bicycle"}) if row["term"] == term else row
        for row in made.folder.tables["adverse_events"]
    )
    folder = replace(made.folder, tables={**made.folder.tables, "adverse_events": rows})
    people = [
        replace(
            one,
            adverse_events=tuple(
                replace(e, term="Fell from her bicycle", ctcae_term="", system_organ_class="") if e.term == term else e
                for e in one.adverse_events
            ),
        )
        for one in made.result.participants
    ]
    result = replace(made.result, participants=tuple(people))
    key = ReleaseKey(b"a secret of thirty-two bytes ....")
    tables = shared_tables(folder, TablesAsked(key, {}, frozenset(), relative_days=False))
    cleaner = trial_cleaner(folder, key, tables.people, frozenset())
    shared, values = shared_folder(folder, cleaner), shared_result(result, cleaner)
    tabulated = {one.name: one for one in sdtm_datasets(shared, values)}
    analysis = {one.name: one for one in adam_datasets(shared, values, tuple(tabulated.values()))}
    assert len(analysis["ADAE"].rows) == len(rows)
    # One word in records and results, so that the analytic code counts the terms that the report counts.
    assert {str(one).casefold() for one in analysis["ADAE"].values("AEDECOD")} == {
        event.term.casefold() for one in values.participants for event in one.adverse_events
    }
    home = Counter((row["PARAMCD"], row["SRCDOM"], row["AVAL"]) for row in made.analysis["ADTTE"].records())
    assert Counter((row["PARAMCD"], row["SRCDOM"], row["AVAL"]) for row in analysis["ADTTE"].records()) == home
    for row in analysis["ADTTE"].records():
        hers = [r for r in tabulated[str(row["SRCDOM"])].records() if r["USUBJID"] == row["USUBJID"]]
        (source,) = [r for r in hers if r[f"{row['SRCDOM']}SEQ"] == row["SRCSEQ"]]
        assert str(source[str(row["SRCVAR"])])[:10] == row["ADT"]
    reads = {str(row["participant_id"]): row["read_at"] for row in shared.tables["selection_reads"]}
    unmet = [one for one in tabulated["IE"].records() if "PET/CT" in str(one["IETEST"])]
    assert [one["IEDTC"] for one in unmet] == [
        reads[str(one["USUBJID"]).partition("-")[2]].isoformat()[:16] for one in unmet
    ]
    assert unmet


def test_no_relation_is_of_many_to_many_and_one_is_one(made: Made) -> None:
    """SDTMIG 8.3: data sets are related as wholes where one side's value is unique; else group by group (8.2)."""
    related: dict[str, list[dict[str, Any]]] = {}
    for row in _of(made, "RELREC"):
        related.setdefault(row["RELID"], []).append(row)
    groups = 0
    for sides in related.values():
        assert len(sides) == 2
        kinds = [one["RELTYPE"] for one in sides]
        if kinds == [None, None]:
            groups += 1
            for one in sides:
                mine = [r for r in _of(made, one["RDOMAIN"]) if r["USUBJID"] == one["USUBJID"]]
                assert one["IDVARVAL"] in {r[one["IDVAR"]] for r in mine}
            continue
        assert sorted(map(str, kinds)) in (["MANY", "ONE"], ["ONE", "ONE"])
        for one in (one for one in sides if one["RELTYPE"] == "ONE"):
            values = Counter((r["USUBJID"], r[one["IDVAR"]]) for r in _of(made, one["RDOMAIN"]) if r[one["IDVAR"]])
            assert set(values.values()) == {1}, one
    assert groups > 5
    assert {"TRRS", "TUXD"} <= set(RELATIONS)


def test_each_reader_of_recist_is_there_visit_by_visit(made: Made) -> None:
    """Days and readers, and the sums of the targets, from the measurements' own file."""
    lines = _lines(made, "tumour_measurements")
    days: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        days.setdefault((line["participant_id"], line["reader"]), set()).add(line["measured_on"])
    responses = [one for one in _of(made, "RS") if one["RSCAT"] == "RECIST 1.1"]
    best = {(_who(one), one["RSEVALID"]) for one in responses if one["RSTESTCD"] == "BESTRESP" and one["RSEVALID"]}
    assert any(sum(who == other for other, _ in best) == 2 for who, _ in best), "two readers, or nothing is seen"
    sums = {(_who(x), x["TREVALID"], x["TRDTC"]): x["TRSTRESN"] for x in _of(made, "TR") if x["TRTESTCD"] == "SUMDIAM"}
    for who, reader in best:
        visits = {
            o["RSDTC"] for o in responses if o["RSTESTCD"] == "OVRLRESP" and (_who(o), o["RSEVALID"]) == (who, reader)
        }
        assert visits == days[who, reader] - {min(days[who, reader])}
        for day in days[who, reader]:
            own = [x for x in lines if (x["participant_id"], x["reader"], x["measured_on"]) == (who, reader, day)]
            targets = [x for x in own if x["role"] == "target"]
            if all(x["length_mm"] for x in targets):
                assert sums[who, reader, day] == pytest.approx(sum(float(x["length_mm"]) for x in targets))


def test_the_guide_names_what_a_reviewer_looks_for(made: Made) -> None:
    study = study_metadata(made.folder, made.result, datetime(2026, 3, 5, tzinfo=UTC))
    page = guide_page(made.folder, made.result, tuple(made.tabulated.values()), study, left_out=0)
    for heading in ("<h3>DM: Demographics</h3>", "<h3>IE: ", "<h3>RS: ", "<h3>SS: Subject Status</h3>"):
        assert heading in page or heading.replace("h3", "h4") in page, heading
    for said in (
        "Data sets of the design",
        "Data sets that are not there",
        "No questionnaire is collected",
        "IEDTC is the moment",
    ):
        assert said in page
    assert "A day of death that nobody recorded is not made up" in page
    assert "Where two readers measured under RECIST" in page
    assert "In this package" in page
    assert ">0</td>" not in page.split("Data sets of participants")[1].split("</table>")[0]


def test_remarks_stand_in_co_and_not_among_qualifiers(made: Made) -> None:
    said = sorted(
        (line["participant_id"], line["comment"]) for line in _lines(made, "adverse_events") if line["comment"]
    )
    assert sorted((_who(one), one["COVAL"]) for one in _of(made, "CO") if one["RDOMAIN"] == "AE") == said
    assert said
    events = {(one["USUBJID"], str(one["AESEQ"])) for one in _of(made, "AE")}
    assert all((one["USUBJID"], one["IDVARVAL"]) in events for one in _of(made, "CO") if one["RDOMAIN"] == "AE")
    assert "AECOMM" not in {one["QNAM"] for one in _of(made, "SUPPAE")}
    origins = {one["QNAM"]: one["QORIG"] for one in _of(made, "SUPPAE")}
    assert {origins[name] for name in ("AEACTION", "AESREAS") if name in origins} == {"Collected"}


def test_a_long_remark_goes_on_in_covals(made: Made) -> None:
    text = " ".join(f"word{number}" for number in range(90))
    rows = tuple(replace(r, values={**r.values, "comment": text}) for r in made.folder.tables["adverse_events"])
    folder = replace(made.folder, tables={**made.folder.tables, "adverse_events": rows})
    found = {one.name: one for one in with_comments(ae(SdtmContext(folder, made.result)), "T")}
    parts = [one.name for one in found["CO"].variables if one.name.startswith("COVAL")]
    assert parts == ["COVAL", "COVAL1", "COVAL2", "COVAL3"]
    for one in found["CO"].records():
        pieces = [str(one[name]) for name in parts if one[name]]
        assert max(map(len, pieces)) <= 200
        assert " ".join(pieces) == text


def test_screening_does_not_count_from_itself(made: Made) -> None:
    rules = {one["VISIT"]: one["TVSTRL"] for one in _of(made, "TV")}
    assert rules["SCREENING"] == "First examination of screening; complete within 28 days of it"


def test_no_minute_of_making_is_invented(made: Made) -> None:
    """Without a moment given a day counts as its end, which is where the calendar has a boundary."""
    newest = newest_record(made.folder)
    assert newest is not None
    assert (newest.hour, newest.minute) != (23, 59)
    latest = max(line["seen_on"] for line in _lines(made, "follow_up"))
    if (newest.hour, newest.minute, newest.second) == (0, 0, 0):
        assert (newest.date() - date.fromisoformat(latest)).days == 1
