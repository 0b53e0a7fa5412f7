"""The custom dosimetry domain against the plain tree of the results, as a reader of results.json finds it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.journey.conftest import small_run, small_trial

from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.dosimetry import DOMAIN, TESTS, xd
from theratrial.exchange.sdtm.exposure import ex
from theratrial.exchange.sdtm.lesions import tu
from theratrial.exchange.sdtm.relations import RELATIONS, relrec
from theratrial.pipeline.trial import TrialRun
from theratrial.results.places import value_at
from theratrial.results.plain import plain
from theratrial.trialfolder import read_folder

__all__ = ["small_run", "small_trial"]
"""Fixtures of the journeys, asked for here by name."""

UNITS = {"MBq": "MBq", "mL": "mL", "h": "HOURS", "MBq h": "MBq*h", "fraction": "fraction of 1", "Gy": "Gy", "cps": "/s"}
EVERY = {"ADMACT", "ACTIVITY", "VOLUME", "TEFF", "TIA", "EXTFRAC", "ABSDOSE", "CUMDOSE", "JUDGEUP", "DOSERATE"}


@pytest.fixture(scope="module")
def context(small_trial: Path, small_run: TrialRun) -> SdtmContext:
    return SdtmContext(read_folder(small_trial), small_run.result)


@pytest.fixture(scope="module")
def made(context: SdtmContext) -> dict[str, Dataset]:
    return {one.name: one for domain in (xd, ex, tu) for one in domain(context)}


@pytest.fixture(scope="module")
def tree(small_run: TrialRun) -> Any:
    return plain(small_run.result)


def _qualifiers(made: dict[str, Dataset]) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for one in made[f"SUPP{DOMAIN}"].records():
        key = (str(one["USUBJID"]), str(one["IDVARVAL"]))
        found.setdefault(key, {})[str(one["QNAM"])] = str(one["QVAL"])
    return found


def test_every_number_is_the_one_at_its_place_in_the_results(made: dict[str, Dataset], tree: Any) -> None:
    extra = _qualifiers(made)
    placed = [one for one in made[DOMAIN].records() if one["XDSPID"] is not None]
    assert len(placed) > 100
    for one in placed:
        stored = value_at(tree, str(one["XDSPID"]))
        said = extra.get((str(one["USUBJID"]), str(one["XDSEQ"])), {})
        if stored["value"] is None:
            assert one["XDSTRESN"] is None
            assert one["XDSTAT"] == "NOT DONE"
            assert stored["note"][:40] in str(one["XDREASND"])
        else:
            assert one["XDSTRESN"] == pytest.approx(stored["value"], rel=1e-11)
            assert one["XDSTRESU"] == UNITS[stored["unit"]]
        for name, bound in (("XDLOW95", stored["lower"]), ("XDUPP95", stored["upper"])):
            if bound is None:
                assert name not in said
            elif bound == "inf":
                assert said[name] == "NOT BOUNDED"
            else:
                assert float(said[name]) == pytest.approx(bound, rel=1e-11)
        assert one["XDANMETH"] == f"{stored['trace']['method']} {stored['trace']['version']}"


def test_no_dose_of_the_results_is_left_out(made: dict[str, Dataset], tree: Any) -> None:
    places = {one["XDSPID"] for one in made[DOMAIN].records()}
    counted = 0
    for who in tree["participants"]:
        for session in who["sessions"]:
            start = f"participants[{who['participant_id']}].sessions[session={session['session']}]"
            assert f"{start}.administered_activity_MBq" in places
            for dose in session["doses"]:
                region = f"{start}.doses[{dose['region_name']}]"
                for name in ("effective_half_life_h", "time_integrated_activity_MBq_h", "absorbed_dose_Gy"):
                    assert f"{region}.{name}" in places
                    counted += 1
                for point in dose["points"]:
                    assert f"{region}.points[{point['imaging_id']}].activity_MBq" in places
    assert counted > 20
    assert {one["XDTESTCD"] for one in made[DOMAIN].records()} >= EVERY


def test_the_determinacy_of_the_curve_stands_at_every_dose(made: dict[str, Dataset], tree: Any) -> None:
    seen = set()
    for one in made[DOMAIN].records():
        if one["XDTESTCD"] != "ABSDOSE":
            continue
        dose = value_at(tree, str(one["XDSPID"]).rpartition(".")[0])
        state = dose["determinacy"].replace("_", " ").upper()
        seen.add(state)
        if one["XDSTRESN"] is None:
            assert str(one["XDREASND"]).upper().startswith(state)
        else:
            assert one["XDRESCAT"] == state
    assert seen != {"DETERMINED"}, "the test would see nothing if every curve were determined"


def test_a_dose_without_value_is_not_done_whatever_else_is_known(context: SdtmContext) -> None:
    participants = []
    for who in context.result.participants:
        sessions = []
        for session in who.sessions:
            doses = [
                replace(
                    dose,
                    determinacy="undetermined",
                    absorbed_dose_Gy=replace(
                        dose.absorbed_dose_Gy, value=None, lower=None, upper=float("inf"), note="nothing was measured"
                    ),
                )
                for dose in session.doses
            ]
            sessions.append(replace(session, doses=tuple(doses)))
        participants.append(replace(who, sessions=tuple(sessions)))
    changed = SdtmContext(context.folder, replace(context.result, participants=tuple(participants)))
    made = {one.name: one for one in xd(changed)}
    found = [one for one in made[DOMAIN].records() if one["XDTESTCD"] == "ABSDOSE"]
    assert found != []
    assert {(one["XDSTAT"], one["XDORRES"], one["XDSTRESN"], one["XDRESCAT"], one["XDDRVFL"]) for one in found} == {
        ("NOT DONE", None, None, None, None)
    }
    assert {one["XDREASND"] for one in found} == {"UNDETERMINED: nothing was measured"}
    extra = _qualifiers(made)
    assert {extra[(str(one["USUBJID"]), str(one["XDSEQ"]))]["XDUPP95"] for one in found} == {"NOT BOUNDED"}


def test_dose_rates_are_those_of_the_records_with_their_distance(small_trial: Path, made: dict[str, Dataset]) -> None:
    extra = _qualifiers(made)
    found = sorted(
        (
            str(one["USUBJID"]).rpartition("-")[2],
            str(one["XDDTC"])[:16],
            float(extra[(str(one["USUBJID"]), str(one["XDSEQ"]))]["XDDISTM"]),
            one["XDSTRESN"],
            one["XDSTRESU"],
        )
        for one in made[DOMAIN].records()
        if one["XDTESTCD"] == "DOSERATE"
    )
    with (small_trial / "records/dose_rates.csv").open(encoding="utf-8", newline="") as stream:
        lines = sorted(
            (
                one["participant_id"],
                one["measured_at"][:16],
                float(one["distance_m"]),
                float(one["dose_rate_uSv_per_h"]),
                "uSv/h",
            )
            for one in csv.DictReader(stream)
        )
    assert found == lines != []


def test_every_session_and_lesion_that_dosimetry_names_is_there(made: dict[str, Dataset]) -> None:
    sessions = {(one["USUBJID"], one["EXLNKID"]) for one in made["EX"].records()}
    lesions = {(one["USUBJID"], one["TULNKGRP"]) for one in made["TU"].records()}
    rows = made[DOMAIN].records()
    assert {(one["USUBJID"], one["XDLNKID"]) for one in rows if one["XDLNKID"]} == sessions
    linked = {(one["USUBJID"], one["XDLNKGRP"]) for one in rows if one["XDLNKGRP"]}
    assert linked
    assert linked <= lesions
    for one in made["EX"].records():
        match = [
            other["XDSTRESN"]
            for other in rows
            if (other["USUBJID"], other["XDLNKID"], other["XDTESTCD"]) == (one["USUBJID"], one["EXLNKID"], "ADMACT")
        ]
        assert match == [pytest.approx(one["EXDOSE"], rel=1e-11)]


def test_the_domain_says_that_it_is_the_sponsors_own_and_why(made: dict[str, Dataset]) -> None:
    one = made[DOMAIN]
    assert one.non_standard
    assert one.standard is None
    assert one.comment is not None
    assert "SDTMIG 3.4 has none" in one.comment.text
    assert one.class_name == "FINDINGS"
    assert DOMAIN[0] in "XYZ", "codes that CDISC leaves to sponsors"
    assert all(len(code) <= 8 and len(name) <= 40 for code, name in TESTS.items())
    assert len(set(TESTS.values())) == len(TESTS)


def test_relations_join_dosimetry_to_sessions_and_lesions(made: dict[str, Dataset], context: SdtmContext) -> None:
    (found,) = relrec([made["EX"], made["TU"], made[DOMAIN]], context.study_id)
    joined = {(one["RELID"], one["RDOMAIN"], one["IDVAR"]) for one in found.records()}
    assert {("EXXD", "EX", "EXLNKID"), ("EXXD", "XD", "XDLNKID")} <= joined
    lesions = {one["IDVARVAL"] for one in found.records() if one["IDVAR"] == "XDLNKGRP"}
    assert lesions == {one["XDLNKGRP"] for one in made[DOMAIN].records() if one["XDLNKGRP"]} != set()
    assert set(RELATIONS) >= {"AGPR", "EXPR", "PRTU", "PRTR", "TUTR", "TRRS"}
