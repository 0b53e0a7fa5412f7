"""The numbers of the analysis data sets against the results, SDTM, and the records they come from."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import Any

import pytest
from adam_example import Made

from theratrial.exchange.adam.adrs import sensitivity_ways
from theratrial.exchange.adam.adtte import parameter_code
from theratrial.exchange.adam.context import AdamContext
from theratrial.report.counted_events import counted_events
from theratrial.results.places import value_at
from theratrial.results.plain import plain
from theratrial.safety.adverse.counts import class_counts

BELOW = ("ADRS", "ADTR", "ADLB", "ADTTE", "ADDOS", "ADAE")


@pytest.fixture(scope="session")
def tree(made: Made) -> dict[str, Any]:
    return plain(made.result)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", BELOW)
def test_every_record_leads_to_the_results(made: Made, tree: dict[str, Any], name: str) -> None:
    compared = 0
    for row in made.analysis[name].records():
        place = str(row["SRCREF"])
        if place.startswith("analysis.survival"):
            found = value_at(tree, f"{place}[{row['SUBJID']}]")
            assert (found["time_months"], found["event"]) == (row["AVAL"], row["CNSR"] == 0)
            compared += 1
            continue
        if place.startswith("analysis.proportions"):
            answers = dict(value_at(tree, place))
            assert {"success": "Y", "failure": "N"}.get(answers[str(row["SUBJID"])]) == row["AVALC"]
            continue
        found = value_at(tree, f"participants[{row['SUBJID']}].{place}")
        if isinstance(found, dict) and "unit" in found and "AVAL" in row and row["PARAMCD"] != "PCHGHOT":
            assert found["value"] == row["AVAL"]
            compared += 1
        elif isinstance(found, dict) and name == "ADLB":
            assert found["value"]["value"] == row["AVAL"]
            compared += 1
    assert compared or name in ("ADRS", "ADAE")


@pytest.mark.parametrize(("name", "share"), [("ADLB", 1.0), ("ADAE", 1.0), ("ADDOS", 0.99)])
def test_records_name_the_record_of_sdtm_that_holds_the_same_value(made: Made, name: str, share: float) -> None:
    one = made.analysis[name]
    traced = 0
    for row in one.records():
        if row.get("SRCSEQ") is None:
            continue
        traced += 1
        domain = str(row["SRCDOM"])
        hers = [
            record
            for record in made.tabulated[domain].records()
            if record["USUBJID"] == row["USUBJID"] and record[f"{domain}SEQ"] == row["SRCSEQ"]
        ]
        assert len(hers) == 1
        value = hers[0][str(row["SRCVAR"])]
        if name == "ADAE":
            assert value == row["AETERM"]
        elif row["AVAL"] is None:
            assert value is None
        else:  # SDTM keeps twelve digits of a result
            assert value == pytest.approx(row["AVAL"], rel=1e-11)
    assert traced >= share * len(one.rows)


def test_responses_name_a_record_of_rs_with_the_same_category(made: Made) -> None:
    named = [row for row in made.analysis["ADRS"].records() if row.get("SRCDOM") == "RS"]
    assert {row["PARAMCD"] for row in named} >= {"RSPPROT", "OVRECI", "BORECI"}
    rs = {(one["USUBJID"], one["RSSEQ"]): one for one in made.tabulated["RS"].records()}
    for row in named:
        assert rs[row["USUBJID"], row["SRCSEQ"]]["RSSTRESC"] == row["AVALC"]


def test_the_primary_endpoint_can_be_counted(made: Made) -> None:
    answers = [
        row["AVALC"] for row in made.analysis["ADRS"].records() if row["PARAMCD"] == "DCPRIM" and row["ANL01FL"] == "Y"
    ]
    endpoint = made.result.endpoint
    assert (answers.count("Y"), len(answers)) == (endpoint.successes, endpoint.analysed)


def test_every_sensitivity_analysis_can_be_counted(made: Made) -> None:
    context = AdamContext(made.folder, made.result, tuple(made.tabulated.values()))
    ways = sensitivity_ways(context)
    assert len(ways) > 8
    for code, way in ways:
        answers = [row["AVALC"] for row in made.analysis["ADRS"].records() if row["PARAMCD"] == code]
        assert (answers.count("Y"), len(answers) - answers.count(None)) == (way.successes, way.analysed), way.name


def test_categories_are_those_of_the_results(made: Made) -> None:
    rows = [row for row in made.analysis["ADRS"].records() if row["PARAMCD"] == "RSPPROT" and row["ANL01FL"] == "Y"]
    expected = {
        one.participant_id: one.response.category if one.response is not None else "NE"
        for one in made.result.participants
        if one.treated
    }
    assert {str(row["SUBJID"]): row["AVALC"] for row in rows} == expected
    assert {str(one["SUBJID"]): one["RSPCAT"] for one in made.analysis["ADSL"].records() if one["RSPCAT"]} == expected


def test_times_are_the_days_between_both_dates(made: Made) -> None:
    starts = {row["USUBJID"]: row["TRTSDT"] for row in made.analysis["ADSL"].records()}
    for row in made.analysis["ADTTE"].records():
        days = (date.fromisoformat(str(row["ADT"])) - date.fromisoformat(str(row["STARTDT"]))).days
        assert row["AVAL"] == pytest.approx(days / (365.25 / 12), abs=1e-12)
        assert row["EVNTDESC"]
        assert (row["CNSDTDSC"] is None) == (row["CNSR"] == 0)
        assert not any(mark.isdigit() and len(mark) == 4 for mark in str(row["EVNTDESC"]).split("-"))
        if row["PARAMCD"] == "OS":
            assert row["STARTDT"] == starts[row["USUBJID"]]
    for one in made.result.analysis.survival:
        hers = [row for row in made.analysis["ADTTE"].records() if row["PARAMCD"] == parameter_code(one.survival_id)]
        assert (len(hers), sum(row["CNSR"] == 0 for row in hers)) == (one.analysed, one.events)


def test_baseline_is_the_last_value_before_the_first_session_and_change_counts_from_it(made: Made) -> None:
    tests: dict[tuple[object, object], list[dict[str, Any]]] = defaultdict(list)
    for row in made.analysis["ADLB"].records():
        tests[row["USUBJID"], row["PARAMCD"]].append(row)
    starts = {row["USUBJID"]: row["TRTSDTM"] for row in made.analysis["ADSL"].records()}
    seen = 0
    for (who, _), rows in tests.items():
        start = starts[who]
        if start is None:
            assert not any(row["ABLFL"] or row["ONTRTFL"] or row["CHG"] for row in rows)
            continue
        before = [row for row in rows if row["ADTM"] <= start]
        assert [row for row in rows if row["ABLFL"] == "Y"] == before[-1:]
        for row in rows:
            assert (row["ONTRTFL"] == "Y") == (row["ADTM"] > start)
            assert row["BASE"] == before[-1]["AVAL"]
            if row["ONTRTFL"]:
                seen += 1
                assert row["CHG"] == row["AVAL"] - row["BASE"]
                assert row["PCHG"] == pytest.approx(100 * (row["AVAL"] / row["BASE"] - 1))
            else:
                assert row["CHG"] is None
        after = [row for row in rows if row["ONTRTFL"]]
        flagged = [row for row in rows if row["WORSTFL"]]
        assert len(flagged) == 1
        assert int(flagged[0]["ATOXGR"]) == max(int(row["ATOXGR"]) for row in after if row["ATOXGR"] is not None)
        assert flagged[0]["SHIFT1"] == f"Grade {before[-1]['ATOXGR']} to Grade {flagged[0]['ATOXGR']}"
    assert seen > 50


def test_grades_are_those_of_the_printed_limits(made: Made) -> None:
    # CTCAE 5.0, Platelet count decreased: 1 below the lower limit to 75, 2 below 75 to 50, 3 below 50 to 25, 4 below 25
    # [10^9/L]; read from the print, not from the tables of this program.
    platelets = [row for row in made.analysis["ADLB"].records() if row["PARAMCD"] == "PLAT"]
    assert len(platelets) > 20
    for row in platelets:
        value, low = float(str(row["AVAL"])), float(str(row["A1LO"]))
        expected = 4 if value < 25 else 3 if value < 50 else 2 if value < 75 else 1 if value < low else 0
        assert row["ATOXGR"] == str(expected), row


def test_nadirs_are_flagged_once_for_each_session_and_test(made: Made) -> None:
    flagged = Counter(
        (row["SUBJID"], row["PARAMCD"], row["NADSESS"]) for row in made.analysis["ADLB"].records() if row["NADIRFL"]
    )
    assert flagged
    assert set(flagged.values()) == {1}
    assert sum(flagged.values()) == sum(len(one.toxicity.nadirs) for one in made.result.participants if one.treated)


def test_adverse_events_count_as_the_report_counts_them(made: Made) -> None:
    events, _ = counted_events(made.result)
    rows = [row for row in made.analysis["ADAE"].records() if row["TRTEMFL"] == "Y"]
    assert len(rows) == len(events)
    for group in class_counts(events):
        for term in group.terms:
            worst = Counter(
                int(str(row["AETOXGR"])) for row in rows if row["AEDECOD"] == term.name and row["AOCCPIFL"] == "Y"
            )
            assert worst == {grade: len(people) for grade, people in term.worst.items() if people}, term.name


def test_an_undetermined_dose_is_empty_and_never_zero(made: Made) -> None:
    empty = 0
    for row in made.analysis["ADDOS"].records():
        if row["AVAL"] is None:
            empty += 1
            assert row["DETERM"] not in ("DETERMINED", None)
        if row["NOUPFL"] == "Y":
            assert row["AVALHI"] is None
    assert empty == sum(
        value is not None and value.value is None
        for one in made.result.participants
        for session in one.sessions
        for dose in session.doses
        for value in (
            dose.time_integrated_activity_MBq_h,
            dose.effective_half_life_h,
            dose.absorbed_dose_Gy,
            dose.details.biological.bed_Gy if dose.details.biological is not None else None,
        )
    ) + sum(
        value is not None and value.value is None
        for one in made.result.participants
        for cumulative in one.cumulative_doses
        for value in (cumulative.absorbed_dose_Gy, cumulative.judged_upper_Gy, cumulative.bed_Gy)
    )


def test_activities_of_the_sessions_add_up(made: Made) -> None:
    for row in made.analysis["ADSL"].records():
        given = [row[f"ACT{number:02d}"] for number in range(1, int(str(row["NSESS"])) + 1)]
        assert len(given) == row["NSESS"]
        if given:
            assert row["CUMACT"] == pytest.approx(sum(float(str(one)) for one in given), rel=1e-12)
        else:
            assert row["TRTSDT"] is None
            assert row["CUMACT"] is None
