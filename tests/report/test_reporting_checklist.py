"""The reporting checklist: each item stands with its value or is named as missing, never silently left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest
from report_reading import text_of

from theratrial.reference import table
from theratrial.report.checklist import FILLERS, TABLE, ChecklistItem, checklist
from theratrial.report.dosimetry_page import dosimetry_head, dosimetry_sections
from theratrial.report.render import page
from theratrial.results.pictures import Pictures
from theratrial.results.values import ParticipantResult, RegionDoseResult, SessionResult, TrialResult
from theratrial.trace import Quantity, Trace


@pytest.fixture(scope="module")
def trial() -> TrialResult:
    import dosimetry_example

    result = dosimetry_example.detailed_trial(1)
    one = result.participants[0]
    # Only regions with points: the list is then as full as the results can make it.
    sessions = tuple(
        replace(session, doses=tuple(d for d in session.doses if len(d.points) == 2)) for session in one.sessions
    )
    names = {dose.region_name for dose in sessions[0].doses}
    doses = tuple(
        replace(dose, absorbed_dose_Gy=Quantity(3.0, "Gy", Trace("made.by_hand", "1"), 2.0, 4.0))
        for dose in one.cumulative_doses
        if dose.region_id in names or dose.title in names
    )
    return replace(result, participants=(replace(one, sessions=sessions, cumulative_doses=doses),))


def by_id(result: TrialResult, one: ParticipantResult | None = None) -> dict[str, ChecklistItem]:
    return {item.item_id: item for item in checklist(result, one or result.participants[0])}


def test_every_item_of_the_list_is_filled_and_nothing_else_is(trial: TrialResult) -> None:
    listed = [row.text("id") for row in table(TABLE)]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(FILLERS)
    assert [item.item_id for item in checklist(trial, trial.participants[0])] == listed


def test_the_passport_says_that_the_original_list_was_not_seen() -> None:
    passport = table(TABLE).passport
    assert "2011;38:192-200" in passport.source
    assert "Not collated" in passport.how_checked


def test_items_are_present_with_their_value_or_missing_with_a_reason(trial: TrialResult) -> None:
    items = checklist(trial, trial.participants[0])
    for item in items:
        assert len(item.filled.said) > 3
        assert item.filled.said.startswith("missing: ") != item.filled.is_present
    missing = {item.item_id for item in items if not item.filled.is_present}
    assert {"camera", "purity", "calibrator", "route", "quality_control", "responsible"} <= missing


def test_a_full_result_fills_what_results_can_hold(trial: TrialResult) -> None:
    items = by_id(trial)
    expected = {
        "radionuclide": "Lu-177, half-life 159.5",
        "compound": "50.0 mg",
        "administered_activity": "by record:records/administrations.csv#3",
        "calibration": "record:records/calibrations.csv",
        "recovery": "record:records/recoveries.csv, 2 lines",
        "time_points": "24.4 h",
        "prior": "table:dosimetry/population/kinetics@1#made_up",
        "kinetic_model": "dosimetry.population.posterior_tia, version 1",
        "volumes": "volume at every scan",
        "masses": "density",
        "budget": "kinetics, outline",
        "biological": "alpha/beta 2.60 Gy",
        "software": f"theratrial {trial.product_version}",
        "limits": "Gy",
    }
    for item_id, words in expected.items():
        assert items[item_id].filled.is_present, (item_id, items[item_id].filled.said)
        assert words in items[item_id].filled.said


def _first_dose(session: SessionResult, **changes: object) -> SessionResult:
    first, *others = session.doses
    return replace(session, doses=(replace(first, **changes), *others))  # type: ignore[arg-type]


def _nothing(quantity: Quantity) -> Quantity:
    return replace(quantity, value=None, lower=None, upper=None, note="not measured")


def _without_volumes(dose: RegionDoseResult) -> dict[str, object]:
    return {"points": tuple(replace(p, volume_mL=_nothing(p.volume_mL)) for p in dose.points)}


def _without_upper(dose: RegionDoseResult) -> dict[str, object]:
    return {"absorbed_dose_Gy": replace(dose.absorbed_dose_Gy, upper=None)}


CHANGES: list[tuple[str, Callable[[SessionResult], SessionResult]]] = [
    ("compound", lambda s: replace(s, antibody_mass_mg=None)),
    ("batch", lambda s: replace(s, batch_id="")),
    ("administered_activity", lambda s: replace(s, administered_activity_MBq=_nothing(s.administered_activity_MBq))),
    ("sessions", lambda s: replace(s, prescribed_activity_MBq=_nothing(s.prescribed_activity_MBq))),
    ("volumes", lambda s: _first_dose(s, **_without_volumes(s.doses[0]))),
    (
        "tia",
        lambda s: _first_dose(s, time_integrated_activity_MBq_h=_nothing(s.doses[0].time_integrated_activity_MBq_h)),
    ),
    ("half_lives", lambda s: _first_dose(s, effective_half_life_h=_nothing(s.doses[0].effective_half_life_h))),
    ("doses", lambda s: _first_dose(s, absorbed_dose_Gy=_nothing(s.doses[0].absorbed_dose_Gy))),
    ("dose_uncertainty", lambda s: _first_dose(s, **_without_upper(s.doses[0]))),
    ("budget", lambda s: _first_dose(s, details=replace(s.doses[0].details, uncertainty=None))),
]


@pytest.mark.parametrize(("item_id", "change"), CHANGES, ids=[item_id for item_id, _ in CHANGES])
def test_what_one_session_lacks_makes_the_item_missing(
    trial: TrialResult, item_id: str, change: Callable[[SessionResult], SessionResult]
) -> None:
    one = trial.participants[0]
    known = all(dose.effective_half_life_h.value is not None for s in one.sessions for dose in s.doses)
    if item_id != "half_lives" or known:
        assert by_id(trial)[item_id].filled.is_present
    changed = replace(one, sessions=(one.sessions[0], change(one.sessions[1])))
    filled = by_id(trial, changed)[item_id].filled
    assert not filled.is_present
    assert item_id in ("doses",) or "session 2" in filled.said


def test_the_page_counts_what_is_present(trial: TrialResult) -> None:
    one = trial.participants[0]
    html = page(dosimetry_head(trial, one), dosimetry_sections(trial, Pictures(), one))
    items = checklist(trial, one)
    words = text_of(html)
    present = sum(item.filled.is_present for item in items)
    assert f"{present} of {len(items)} items present" in words
    assert words.count("● present") == present
    assert words.count("○ missing") == len(items) - present
    assert "have not been collated with the checklist of that publication" in words


def test_nobody_treated_has_a_list_of_missing_items(example: ModuleType) -> None:
    result = example.nobody_treated()
    items = checklist(result, result.participants[0])
    present = {item.item_id for item in items if item.filled.is_present}
    assert present <= {"software", "patient", "curve_state", "registration"}
