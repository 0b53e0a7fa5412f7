"""Findings and events as SDTM against the record tables, read here with the csv module and graded by hand."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.journey.conftest import small_run, small_trial

from theratrial.exchange.datasets.values import Dataset, Value
from theratrial.exchange.sdtm.adverse import ae
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.dosimetry import xd
from theratrial.exchange.sdtm.findings import number_result, with_last_before_exposure
from theratrial.exchange.sdtm.image_reads import fa
from theratrial.exchange.sdtm.laboratory import lb
from theratrial.exchange.sdtm.lesions import tu
from theratrial.exchange.sdtm.measures import tr
from theratrial.exchange.sdtm.medications import cm
from theratrial.exchange.sdtm.observations import SUBJECT
from theratrial.exchange.sdtm.procedures import pr
from theratrial.exchange.sdtm.responses import rs
from theratrial.exchange.sdtm.vitals import vs
from theratrial.pipeline.trial import TrialRun
from theratrial.safety.adverse.dictionary import dictionary_from_csv
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.records import Value as Cell

__all__ = ["small_run", "small_trial"]
"""Fixtures of the journeys, asked for here by name."""

Lines = list[dict[str, str]]
DOMAINS = {"LB": lb, "VS": vs, "PR": pr, "CM": cm, "AE": ae, "TU": tu, "TR": tr, "RS": rs, "FA": fa, "XD": xd}
FINDINGS = ("LB", "VS", "TR", "RS", "FA", "XD", "TU")
GRADES = {"platelets": (75.0, 50.0, 25.0), "neutrophils": (1.5, 1.0, 0.5), "white_cells": (3.0, 2.0, 1.0)}
"""CTCAE 5.0, 27 November 2017, Investigations: upper ends of grades 2, 3 and 4 [10^9/L]; grade 1 is below the LLN."""
PER_CORE = {"/mm3": 1e-3, "10^9/L": 1.0, "g/L": 1.0, "g/dL": 10.0}
CODES = {"platelets": "PLAT", "neutrophils": "NEUT", "white_cells": "WBC", "haemoglobin": "HGB"}


@pytest.fixture(scope="module")
def context(small_trial: Path, small_run: TrialRun) -> SdtmContext:
    return SdtmContext(read_folder(small_trial), small_run.result)


@pytest.fixture(scope="module")
def made(context: SdtmContext) -> dict[str, Dataset]:
    return _made(context)


def _made(context: SdtmContext) -> dict[str, Dataset]:
    return {one.name: one for domain in DOMAINS.values() for one in domain(context)}


def _lines(trial: Path, table: str) -> Lines:
    with (trial / "records" / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _who(record: Mapping[str, Value]) -> str:
    return str(record["USUBJID"]).rpartition("-")[2]


def _wall(moment: str) -> str:
    """A moment of the files as SDTM writes it: without its offset, without empty seconds."""
    return moment[:16]


def _qualifiers(made: Mapping[str, Dataset], domain: str, name: str) -> dict[tuple[str, str], str]:
    rows = made[f"SUPP{domain}"].records() if f"SUPP{domain}" in made else ()
    return {(str(one["USUBJID"]), str(one["IDVARVAL"])): str(one["QVAL"]) for one in rows if one["QNAM"] == name}


def _grade(test: str, value: float, lower: float) -> int:
    """By hand, from the printed lines of CTCAE 5.0 for low counts and anaemia."""
    if test == "haemoglobin":
        return 3 if value < 80 else 2 if value < 100 else 1 if value < lower else 0
    second, third, fourth = GRADES[test]
    if value < fourth:
        return 4
    return 3 if value < third else 2 if value < second else 1 if value < lower else 0


def test_every_laboratory_line_is_one_record_as_reported_and_graded_by_the_printed_table(
    small_trial: Path, made: dict[str, Dataset]
) -> None:
    records = {(_who(one), one["LBTESTCD"], str(one["LBDTC"])[:16]): one for one in made["LB"].records()}
    lines = _lines(small_trial, "laboratory")
    assert len(lines) == sum(one["LBTESTCD"] != "HCG" for one in made["LB"].records()) > 50
    for line in lines:
        one = records[(line["participant_id"], CODES[line["test"]], _wall(line["collected_at"]))]
        factor = PER_CORE[line["unit"]]
        assert (one["LBORRES"], one["LBORNRLO"]) == (line["value"], line["lower_limit"])
        assert one["LBORRESU"] == {"/mm3": "10^6/L"}.get(line["unit"], line["unit"])
        assert one["LBSTRESU"] == ("g/L" if line["test"] == "haemoglobin" else "10^9/L")
        value, lower = float(line["value"]) * factor, float(line["lower_limit"]) * factor
        assert one["LBSTRESN"] == pytest.approx(value, rel=1e-11)
        assert one["LBTOXGR"] == str(_grade(line["test"], value, lower))
        expected = "LOW" if value < lower else "HIGH" if value > float(line["upper_limit"]) * factor else "NORMAL"
        assert one["LBNRIND"] == expected


def test_the_last_count_before_the_first_injection_is_flagged_and_no_other(
    small_trial: Path, made: dict[str, Dataset]
) -> None:
    first: dict[str, str] = {}
    for line in _lines(small_trial, "administrations"):
        if line["session"]:
            first[line["participant_id"]] = min(first.get(line["participant_id"], "9"), line["injected_at"])
    wanted: dict[tuple[str, str], str] = {}
    for line in _lines(small_trial, "laboratory"):
        who = line["participant_id"]
        if who in first and line["collected_at"] < first[who]:
            key = (who, CODES[line["test"]])
            wanted[key] = max(wanted.get(key, ""), line["collected_at"])
    flagged = [one for one in made["LB"].records() if one["LBLOBXFL"] == "Y" and one["LBTESTCD"] != "HCG"]
    found = {(_who(one), str(one["LBTESTCD"])): str(one["LBDTC"])[:16] for one in flagged}
    assert len(flagged) == len(found) == len(first) * 4
    assert found == {key: _wall(at) for key, at in wanted.items()}


def test_every_result_has_its_unit_or_is_not_done_with_a_reason(made: dict[str, Dataset]) -> None:
    seen = 0
    for name in FINDINGS:
        for one in made[name].records():
            done = one.get(f"{name}STRESC") is not None
            assert done != (one.get(f"{name}STAT") == "NOT DONE"), one
            assert done or one[f"{name}REASND"], one
            assert done or one.get(f"{name}STRESN") is None, one
            number = one.get(f"{name}STRESN")
            if number is not None:
                assert float(str(one[f"{name}STRESC"])) == number
                assert one.get(f"{name}STRESU") or name in ("RS", "FA"), one
                seen += 1
    assert seen > 300


def test_height_and_weight_are_those_of_the_records(small_trial: Path, made: dict[str, Dataset]) -> None:
    heights = {_who(one): one["VSSTRESN"] for one in made["VS"].records() if one["VSTESTCD"] == "HEIGHT"}
    assert heights == {one["participant_id"]: float(one["height_cm"]) for one in _lines(small_trial, "participants")}
    weights = {
        (_who(one), str(one["VSDTC"])): one["VSSTRESN"] for one in made["VS"].records() if one["VSTESTCD"] == "WEIGHT"
    }
    for line in _lines(small_trial, "administrations"):
        assert weights[(line["participant_id"], line["injected_at"][:10])] == float(line["weight_kg"])


def test_diameters_are_those_of_the_records_and_their_sum_is_that_of_the_targets(
    small_trial: Path, made: dict[str, Dataset]
) -> None:
    rows = made["TR"].records()
    found = {
        (_who(one), one["TRLNKID"], one["TRDTC"]): one
        for one in rows
        if str(one["TRLNKID"]).startswith("RECIST") and one["TRTESTCD"] in ("LDIAM", "LPERP", "TUMSTATE")
    }
    sums: dict[tuple[str, str, str], float] = defaultdict(float)
    lines = _lines(small_trial, "tumour_measurements")
    assert len(lines) == len(found) > 5
    for line in lines:
        link = f"RECIST-{line['reader']}-{line['lesion_id'].upper()}"
        one = found[(line["participant_id"], link, line["measured_on"])]
        if line["length_mm"]:
            assert (one["TRSTRESN"], one["TRSTRESU"]) == (float(line["length_mm"]), "mm")
            assert one["TRTESTCD"] == ("LPERP" if line["nodal"] == "yes" else "LDIAM")
        else:
            assert one["TRSTRESN"] is None
        if line["role"] == "target":
            sums[(line["participant_id"], line["reader"], line["measured_on"])] += float(line["length_mm"] or 0)
    totals = [one for one in rows if one["TRTESTCD"] == "SUMDIAM"]
    assert len(totals) >= 2
    for one in totals:
        assert one["TRSTRESN"] == pytest.approx(sums[(_who(one), str(one["TREVALID"]), str(one["TRDTC"]))], abs=1e-9)


def test_every_measure_is_of_a_lesion_that_its_reader_identified_once(made: dict[str, Dataset]) -> None:
    lesions = [(one["USUBJID"], one["TULNKID"], one["TUEVALID"]) for one in made["TU"].records()]
    assert len(set(lesions)) == len(lesions)
    for one in made["TR"].records():
        if one["TRLNKID"] is not None:
            assert (one["USUBJID"], one["TRLNKID"], one["TREVALID"]) in lesions
    groups = {(one["USUBJID"], one["TRLNKGRP"]) for one in made["TR"].records()}
    linked = [one for one in made["RS"].records() if one["RSLNKGRP"] is not None]
    assert linked != []
    assert all((one["USUBJID"], one["RSLNKGRP"]) in groups for one in linked)


def test_the_accepted_responses_are_those_of_the_primary_endpoint(
    small_run: TrialRun, made: dict[str, Dataset]
) -> None:
    accepted = {
        _who(one): one["RSSTRESC"]
        for one in made["RS"].records()
        if one["RSCAT"] == "PROTOCOL DEFINED RESPONSE CRITERIA" and one["RSACPTFL"] == "Y"
    }
    assert accepted == {
        one.participant_id: one.response.category
        for one in small_run.result.participants
        if one.response is not None and one.response.category != "NE"
    }
    assert sum(one in ("CR", "PR", "SD") for one in accepted.values()) == small_run.result.endpoint.successes


def test_a_reader_never_has_two_answers_to_one_question(made: dict[str, Dataset]) -> None:
    seen = [
        (one["USUBJID"], one["RSCAT"], one["RSTESTCD"], one["RSDTC"], one["RSEVALID"]) for one in made["RS"].records()
    ]
    assert len(set(seen)) == len(seen)


def test_performance_status_is_the_examiners_with_the_sentence_of_its_grade(
    small_trial: Path, made: dict[str, Dataset]
) -> None:
    found = {
        (_who(one), one["RSDTC"], one["RSEVALID"]): one for one in made["RS"].records() if one["RSTESTCD"] == "ECOG101"
    }
    for line in _lines(small_trial, "examinations"):
        one = found[(line["participant_id"], line["examined_on"], line["examiner"])]
        assert one["RSSTRESC"] == line["ecog"]
    words = {str(one["RSSTRESC"]): str(one["RSORRES"]) for one in found.values()}
    assert words["1"].startswith("Restricted in physically strenuous activity")


def test_events_are_those_of_the_records_and_emergent_from_the_first_injection_on(
    small_trial: Path, made: dict[str, Dataset]
) -> None:
    emergent = _qualifiers(made, "AE", "AETRTEM")
    lines = _lines(small_trial, "adverse_events")
    rows = made["AE"].records()
    assert sorted((_who(one), one["AETERM"], one["AESTDTC"], one["AETOXGR"]) for one in rows) == sorted(
        (line["participant_id"], line["term"], line["started_on"], line["grade"]) for line in lines
    )
    first: dict[str, str] = {}
    for line in _lines(small_trial, "administrations"):
        if line["session"]:
            first[line["participant_id"]] = min(first.get(line["participant_id"], "9"), line["injected_at"][:10])
    for one in rows:
        expected = "Y" if str(one["AESTDTC"]) >= first[_who(one)] else "N"
        assert emergent[(str(one["USUBJID"]), str(one["AESEQ"]))] == expected
        assert (one["AESER"] == "Y") == ("Y" in {one[name] for name in ("AESHOSP", "AESLIFE", "AESDTH", "AESMIE")})


def test_images_done_are_series_of_the_trial_and_missed_ones_say_why(
    small_trial: Path, small_run: TrialRun, made: dict[str, Dataset]
) -> None:
    rows = [one for one in made["PR"].records() if one["PRCAT"] == "IMAGING"]
    done = [one for one in rows if one["PROCCUR"] == "Y"]
    series = {
        scan.series_instance_uid
        for one in small_run.result.participants
        for scan in (*one.pet_scans, *(scan for session in one.sessions for scan in session.scans))
        if scan.status == "done"
    }
    assert {one["PRREFID"] for one in done} == series
    assert all(one["PRSTDTC"] is not None for one in done)
    assert all(one.get("PRREASOC") or one.get("PRREASND") for one in rows if one["PROCCUR"] != "Y")
    visits = {
        (line["participant_id"], line["visit_id"], line["session"], line["status"])
        for line in _lines(small_trial, "visits")
    }
    planned = _qualifiers(made, "PR", "IMAGEID")
    for one in rows:
        image = planned[(str(one["USUBJID"]), str(one["PRSEQ"]))]
        session = str(one["PRLNKID"]).partition("SESSION-")[2]
        status = {"Y": "done", "N": "missed"}.get(str(one["PROCCUR"]))
        assert status is None or (_who(one), image, session, status) in visits


def test_earlier_and_later_therapy_is_a_drug_or_a_procedure_and_never_both(
    small_trial: Path, made: dict[str, Dataset]
) -> None:
    drugs = made["CM"].records()
    procedures = [one for one in made["PR"].records() if one["PRCAT"] != "IMAGING"]
    lines = [*_lines(small_trial, "prior_therapy"), *_lines(small_trial, "later_therapy")]
    assert len(drugs) + len(procedures) == len(lines)
    names = {(_who(one), one.get("CMTRT") or one.get("PRTRT")) for one in (*drugs, *procedures)}
    assert names == {(line["participant_id"], line["agent"].upper()) for line in lines}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_order_of_lines_in_the_files_changes_nothing(
    seed: int, context: SdtmContext, made: dict[str, Dataset]
) -> None:
    shuffler = random.Random(seed)
    tables = {name: tuple(shuffler.sample(rows, len(rows))) for name, rows in context.folder.tables.items()}
    again = _made(SdtmContext(replace(context.folder, tables=tables), context.result))
    assert again == made


def _with(folder: TrialFolder, table: str, change: Mapping[str, Cell]) -> TrialFolder:
    """The folder with these cells in every line of a table."""
    rows = tuple(replace(row, values={**row.values, **change}) for row in folder.tables[table])
    return replace(folder, tables={**folder.tables, table: rows})


def test_who_withdrew_the_use_of_her_data_is_in_no_domain(context: SdtmContext) -> None:
    who = context.subjects[0].participant_id
    cells = {"participant_id": who, "withdrawn_at": context.subjects[0].consented_at}
    cells |= {"withdrawal_kind": "data_use", "reason": None}
    folder = replace(context.folder, tables={**context.folder.tables, "withdrawals": (Row("withdrawals", 2, cells),)})
    kept = _made(SdtmContext(folder, context.result))
    assert kept
    assert all(who not in {_who(one) for one in data.records()} for data in kept.values())


def test_a_lesion_that_disappeared_has_a_state_and_no_length(context: SdtmContext) -> None:
    change = {"status": "absent", "length_mm": None, "role": "target"}
    (found, *_) = tr(SdtmContext(_with(context.folder, "tumour_measurements", change), context.result))
    rows = [one for one in found.records() if str(one["TRLNKID"]).startswith("RECIST")]
    assert {(one["TRTESTCD"], one["TRSTRESC"], one["TRSTRESN"]) for one in rows} == {("TUMSTATE", "ABSENT", None)}


def test_a_lesion_too_small_or_not_evaluated_is_no_number(context: SdtmContext) -> None:
    for status, expected in (("too_small", "TOO SMALL TO MEASURE"), ("not_evaluated", None)):
        change = {"status": status, "length_mm": None, "role": "target", "comment": None}
        (found, *_) = tr(SdtmContext(_with(context.folder, "tumour_measurements", change), context.result))
        rows = [one for one in found.records() if str(one["TRLNKID"]).startswith("RECIST")]
        assert {(one["TRSTRESC"], one["TRSTRESN"]) for one in rows} == {(expected, None)}
        assert expected or {one["TRREASND"] for one in rows} == {"Lesion not evaluated"}


def test_an_action_in_other_words_is_kept_as_recorded_and_guesses_no_term(context: SdtmContext) -> None:
    change = {"action_taken": "a bed for the night"}
    found = {one.name: one for one in ae(SdtmContext(_with(context.folder, "adverse_events", change), context.result))}
    assert set(found["AE"].values("AEACN")) == {None}
    assert set(_qualifiers(found, "AE", "AEACTION").values()) == {"a bed for the night"}


def test_a_plugged_in_dictionary_codes_its_terms_and_others_stay_ctcaes(context: SdtmContext) -> None:
    term = str(context.folder.tables["adverse_events"][0]["term"])
    text = f"term,code,name,class,dictionary\n{term},10000001,A preferred term,A class,Made up 1.0\n"
    found = {one.name: one for one in ae(context, dictionary_from_csv(text))}
    dictionaries = _qualifiers(found, "AE", "AEDICT")
    for one in found["AE"].records():
        coded = one["AETERM"] == term
        assert (one["AEDECOD"] == "A preferred term") is coded
        assert one["AEPTCD"] == (10000001 if coded else None)
        named = dictionaries[(str(one["USUBJID"]), str(one["AESEQ"]))]
        assert named == ("Made up 1.0" if coded else "CTCAE 5.0")


def test_a_fatal_event_is_one_that_results_in_death(context: SdtmContext) -> None:
    change: dict[str, Cell] = {"grade": 5, "outcome": "fatal", "serious": True, "ended_on": None}
    change["seriousness"] = "results in death"
    (found, *_) = ae(SdtmContext(_with(context.folder, "adverse_events", change), context.result))
    assert set(found.values("AESDTH")) == {"Y"}
    assert set(found.values("AEOUT")) == {"FATAL"}
    assert not found.has("AEENRTPT"), "nothing of the dead is ongoing"


def test_a_value_that_a_site_could_not_read_is_not_done_and_no_zero(context: SdtmContext) -> None:
    rows = tuple(
        replace(row, values={**row.values, "value": None}, original={}, unreadable={"value": "'3,1' is no number"})
        for row in context.folder.tables["laboratory"]
    )
    folder = replace(context.folder, tables={**context.folder.tables, "laboratory": rows})
    (found, *_) = lb(SdtmContext(folder, context.result))
    counts = [one for one in found.records() if one["LBTESTCD"] != "HCG"]
    assert {(one["LBSTAT"], one["LBSTRESN"], one["LBTOXGR"] if found.has("LBTOXGR") else None) for one in counts} == {
        ("NOT DONE", None, None)
    }
    assert {one["LBREASND"] for one in counts} == {"'3,1' is no number"}


def test_a_date_on_the_day_of_the_injection_is_not_before_it(context: SdtmContext) -> None:
    subject = next(one for one in context.subjects if one.reference_start is not None)
    start = subject.reference_start
    assert start is not None
    rows = [{SUBJECT: subject, "VSTESTCD": "WEIGHT", "VSDTC": start.date(), **number_result("VS", 70, "kg", "")}]
    assert "VSLOBXFL" not in with_last_before_exposure("VS", rows, "VSTESTCD")[0]
    empty = [{SUBJECT: subject, "VSTESTCD": "WEIGHT", "VSDTC": start.date().replace(year=start.year - 1)}]
    assert "VSLOBXFL" not in with_last_before_exposure("VS", empty, "VSTESTCD")[0], "what has no result is no baseline"
