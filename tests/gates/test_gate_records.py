"""Lines of a trial folder as the gate takes them, and computed doses as it judges them."""

import math
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from gate_cast import INJECTED_AT, JUDGED_AT, VISIT_ON, dose, protocol

from theratrial.dosimetry import DosePlan, TimeActivityPoint, region_dose
from theratrial.errors import InputError
from theratrial.gates import Verdict, gate_facts, retreatment_gate, session_dose
from theratrial.nuclides import nuclide
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.tables import TABLES, table

PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1)


def row(name, line, **values):
    columns = {column.name: None for column in table(name).columns}
    assert values.keys() <= columns.keys(), values.keys() - columns.keys()
    return Row(name, line, {**columns, "participant_id": "P01", **values})


def folder(**tables):
    rows = {t.name: () for t in TABLES} | {name: tuple(lines) for name, lines in tables.items()}
    return TrialFolder(Path("trial"), protocol(), None, rows, (), {}, ZoneInfo("UTC"), "1.0")


def administration(session, at, pregnancy_test, line):
    return row(
        "administrations",
        line,
        product_id="lu177_trastuzumab",
        session=session,
        injected_at=at,
        pregnancy_test=pregnancy_test,
    )


def complete_folder(**more):
    """A fit participant whose second session was given at the moment of judging."""
    tables = {
        "participants": [row("participants", 2, sex="female")],
        "administrations": [
            administration(1, INJECTED_AT, "negative", 2),
            administration(2, JUDGED_AT, "negative", 3),
        ],
        "laboratory": [
            row(
                "laboratory",
                n,
                test=test,
                value=value,
                unit=unit,
                lower_limit=lower,
                collected_at=datetime(2024, 4, 19, 8, tzinfo=UTC),
            )
            for n, (test, value, unit, lower) in enumerate(
                (("platelets", 210.0, "e9_per_L", 150.0), ("haemoglobin", 118.0, "g_per_L", 120.0)), 2
            )
        ],
        "examinations": [
            row(
                "examinations",
                n,
                visit_id="follow_up",
                session=1,
                examined_on=VISIT_ON,
                examiner_role=role,
                toxicity="none",
            )
            for n, role in enumerate(("oncologist", "nuclear_medicine_physician"), 2)
        ],
        "visits": [row("visits", 2, visit_id="follow_up", session=1, status="done", occurred_on=VISIT_ON)],
        "adverse_events": [
            row(
                "adverse_events",
                2,
                term="Nausea",
                ctcae_version="5.0",
                grade=1,
                started_on=date(2024, 3, 4),
                related="related",
            )
        ],
    }
    return folder(**(tables | more))


def judged(trial, doses=(dose("kidneys", 4.0), dose("liver", 5.0))):
    facts = gate_facts(trial, "P01", session=1, administered_activity_MBq={1: 1500.0}, doses=doses)
    return retreatment_gate(trial.protocol, facts, judged_at=JUDGED_AT)


def test_a_complete_folder_proceeds_and_every_line_names_its_records():
    decision = judged(complete_folder())
    assert decision.verdict is Verdict.PROCEED, decision.because
    places = {place for finding in decision.findings for place in finding.trace.inputs.values()}
    assert {
        "record:records/laboratory.csv#2",
        "record:records/examinations.csv#3",
        "record:records/visits.csv#2",
        "record:records/adverse_events.csv#2",
        "record:records/administrations.csv#3",
        "value:kidneys/1",
    } <= places


def test_the_pregnancy_test_of_the_last_session_does_not_serve_the_next():
    trial = complete_folder(administrations=[administration(1, INJECTED_AT, "negative", 2)])
    assert judged(trial).verdict is Verdict.UNDETERMINED


def test_withdrawal_and_disposition_lines_stop():
    consent = row("consents", 2, withdrawn_at=datetime(2024, 4, 20, tzinfo=UTC), withdrawal_kind="treatment")
    assert judged(complete_folder(consents=[consent])).verdict is Verdict.STOP
    death = row("dispositions", 2, event="death", occurred_on=date(2024, 4, 1))
    assert judged(complete_folder(dispositions=[death])).verdict is Verdict.STOP


def test_an_unknown_participant_or_a_session_not_given_is_refused():
    with pytest.raises(InputError, match="P09"):
        gate_facts(complete_folder(), "P09", session=1, administered_activity_MBq={}, doses=())
    with pytest.raises(InputError, match="session 3"):
        gate_facts(complete_folder(), "P01", session=3, administered_activity_MBq={}, doses=())


def computed(points):
    return region_dose(
        [TimeActivityPoint(t, MBq, 0.05) for t, MBq in points],
        region="kidneys",
        nuclide=nuclide("Lu-177"),
        administered_activity_MBq=1500.0,
        mass_g=300.0,
        plan=PLAN,
    ).dose


def test_a_computed_dose_is_judged_by_its_upper_end_with_its_own_photons():
    found = computed([(24.0, 50.0), (96.0, 20.0)])
    given = session_dose(found, region_id="kidneys", kind="organ", session=1)
    assert given.bounded
    assert given.upper_Gy > found.upper_Gy > found.absorbed_dose_Gy
    # Photon over electron energy of 177Lu, ICRP 107: 35.10 keV / 147.92 keV.
    assert given.upper_Gy / found.upper_Gy == pytest.approx(1 + 35.10 / 147.92, rel=1e-3)


def test_a_rising_organ_is_never_proceed():
    found = computed([(24.0, 20.0), (48.0, 40.0)])
    given = session_dose(found, region_id="kidneys", kind="organ", session=1)
    assert not given.bounded
    assert math.isinf(given.upper_Gy)
    decision = judged(complete_folder(), doses=(given, dose("liver", 5.0)))
    assert decision.verdict is Verdict.UNDETERMINED
    assert "rising" in decision.because
