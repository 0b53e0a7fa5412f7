"""Each time to event out of the records: by hand, sources in their order, and dates that clash."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from tests.pipeline.analysis_example import Case, analysed, blank, folder_of, protocol_with, result_of

from theratrial.pipeline.survival_times import PersonTime, person_time
from theratrial.protocol.plans.analysis import SurvivalPlan
from theratrial.results.criteria import CriteriaAssessment, CriteriaResult, ParticipantCriteria
from theratrial.results.toxicity import LimitingToxicity, ParticipantToxicity

# The first injection is on 2022-03-01 (day 0), the response image on 2022-09-01 (day 184).
_PLAN = {"id": "x", "title": "X", "analysis_set": "full"}
PFS = SurvivalPlan(
    **_PLAN,
    origin="first_administration",
    events=("progression", "death"),
    censored_at=("new_anticancer_therapy", "withdrawal", "last_assessment"),
)
OS = SurvivalPlan(**_PLAN, origin="first_administration", events=("death",), censored_at=("last_contact",))
DURATION = SurvivalPlan(
    **_PLAN,
    origin="first_response",
    events=("progression",),
    censored_at=("new_anticancer_therapy", "last_assessment"),
)


def time_of(
    place: Path, plan: SurvivalPlan, records: Mapping[str, str] | None = None, case: Case | None = None
) -> PersonTime | str:
    case = case or Case("SD")
    protocol = protocol_with()
    folder = folder_of(place, {"P1": case}, records or {})
    endpoint = protocol.endpoint.reading
    assert endpoint is not None
    return person_time(folder, result_of("P1", case, protocol), plan, endpoint)


def recist(*assessments: tuple[date, str, str]) -> ParticipantCriteria:
    found = tuple(
        blank(CriteriaAssessment, on=on, category=category, reader=reader) for on, category, reader in assessments
    )
    return ParticipantCriteria(
        criteria=(blank(CriteriaResult, criteria="recist_1_1", reader="R1", assessments=found, title="RECIST"),)
    )


@pytest.mark.parametrize(
    ("plan", "records", "case", "days", "event", "said"),
    [
        (PFS, {}, Case("SD"), 184, False, "censored: last assessed on 2022-09-01"),
        (PFS, {}, Case("PD"), 184, True, "progression by the rule on 2022-09-01"),
        (PFS, {"follow_up": "P1,2022-12-01,alive,progressed,O\n"}, Case("SD"), 275, True, "progression told on"),
        (PFS, {"follow_up": "P1,2022-12-01,alive,not_progressed,O\n"}, Case("SD"), 275, False, "last assessed"),
        # Seen alive, disease not assessed: nothing is known of the disease on that day.
        (PFS, {"follow_up": "P1,2022-12-01,alive,not_assessed,O\n"}, Case("SD"), 184, False, "last assessed"),
        (PFS, {"dispositions": "P1,2022-10-01,progression,\n"}, Case("SD"), 214, True, "ended by progression"),
        (PFS, {"dispositions": "P1,2022-10-01,death,\n"}, Case("SD"), 214, True, "died on 2022-10-01"),
        (PFS, {"later_therapy": "P1,T-DM1,2022-10-01,\n"}, Case("SD"), 214, False, "censored: T-DM1 began"),
        (PFS, {"withdrawals": "P1,2022-10-01T09:00,follow_up,\n"}, Case("SD"), 214, False, "censored: withdrew"),
        # Withdrawal from treatment leaves the follow-up: nothing is cut off.
        (PFS, {"withdrawals": "P1,2022-08-01T09:00,treatment,\n"}, Case("SD"), 184, False, "last assessed"),
        (PFS, {}, Case("NE"), 0, False, "no assessment of the disease after the origin"),
        (OS, {}, Case("SD"), 184, False, "last seen alive on 2022-09-01"),
        (OS, {"follow_up": "P1,2023-03-01,alive,,O\n"}, Case("SD"), 365, False, "last seen alive on 2023-03-01"),
        (OS, {"follow_up": "P1,2023-03-01,not_reached,,O\n"}, Case("SD"), 184, False, "last seen alive"),
        (OS, {"follow_up": "P1,2023-03-01,dead,,O\n"}, Case("SD"), 365, True, "the day itself is not recorded"),
        (DURATION, {"follow_up": "P1,2022-12-01,alive,progressed,O\n"}, Case("PR"), 91, True, "progression told"),
    ],
)
def test_time_and_reason_are_those_of_the_records(
    tmp_path: Path, plan: SurvivalPlan, records: Mapping[str, str], case: Case, days: int, event: bool, said: str
) -> None:
    found = time_of(tmp_path, plan, records, case)
    assert isinstance(found, PersonTime)
    assert (found.days, found.event) == (days, event)
    assert said in found.because


def test_on_one_day_the_event_comes_before_the_treatment_that_follows_it(tmp_path: Path) -> None:
    both = {"follow_up": "P1,2022-10-01,alive,progressed,O\n", "later_therapy": "P1,T-DM1,2022-10-01,\n"}
    found = time_of(tmp_path, PFS, both)
    assert isinstance(found, PersonTime)
    assert (found.days, found.event) == (214, True)
    earlier = time_of(tmp_path, PFS, {**both, "later_therapy": "P1,T-DM1,2022-09-30,\n"})
    assert isinstance(earlier, PersonTime)
    assert (earlier.days, earlier.event) == (213, False)


def test_the_first_progression_by_whatever_source_counts(tmp_path: Path) -> None:
    criteria = recist((date(2022, 7, 1), "SD", "R1"), (date(2022, 8, 1), "PD", "R1"), (date(2022, 6, 1), "PD", "R2"))
    case = Case("PD", criteria=criteria)
    found = time_of(tmp_path, PFS, {"follow_up": "P1,2022-10-01,alive,progressed,O\n"}, case)
    assert isinstance(found, PersonTime)
    # Of two readers the one whose reading stands (R1); 2022-08-01 is day 153.
    assert (found.days, found.event) == (153, True)
    assert "RECIST 1.1" in found.because


def test_on_one_day_recist_is_named_before_the_image_rule(tmp_path: Path) -> None:
    found = time_of(tmp_path, PFS, {}, Case("PD", criteria=recist((date(2022, 9, 1), "PD", "R1"))))
    assert isinstance(found, PersonTime)
    assert found.because.startswith("progression by RECIST 1.1")


def test_a_dose_limiting_toxicity_is_an_event_only_where_its_verdict_is_yes(tmp_path: Path) -> None:
    plan = OS.model_copy(update={"events": ("dose_limiting_toxicity",)})
    for verdict, event in (("yes", True), ("undetermined", False)):
        limiting = blank(LimitingToxicity, verdict=verdict, on=date(2022, 4, 1), because="platelets")
        found = time_of(tmp_path / verdict, plan, {}, Case(toxicity=ParticipantToxicity(limiting=limiting)))
        assert isinstance(found, PersonTime)
        assert found.event is event
        assert found.days == (31 if event else 184)


@pytest.mark.parametrize(
    ("plan", "records", "case", "said"),
    [
        (
            OS,
            {"dispositions": "P1,2022-08-01,death,\n"},
            Case(),
            "died on 2022-08-01, but last seen alive on 2022-09-01",
        ),
        (OS, {"dispositions": "P1,2022-02-20,death,\n"}, Case(), "before the first administration of 2022-03-01"),
        (
            OS,
            {"dispositions": "P1,2022-12-01,death,\n", "follow_up": "P1,2022-11-01,dead,,O\n"},
            Case(),
            "died on 2022-12-01, but was reported dead on 2022-11-01",
        ),
        (PFS, {"follow_up": "P1,2022-02-20,alive,progressed,O\n"}, Case(), "both cannot be true"),
        (PFS, {"later_therapy": "P1,T-DM1,2022-02-20,\n"}, Case(), "nothing to count from"),
        (DURATION, {}, Case("PD"), "response PD, so there is no first response"),
        (DURATION, {}, Case("NE"), "no response was assessed"),
        (OS, {}, Case(sessions=0), "not treated"),
    ],
)
def test_dates_that_cannot_all_be_true_leave_her_out_with_both_named(
    tmp_path: Path, plan: SurvivalPlan, records: Mapping[str, str], case: Case, said: str
) -> None:
    found = time_of(tmp_path, plan, records, case)
    assert isinstance(found, str)
    assert said in found


def test_who_has_no_time_is_named_in_the_result_and_not_counted(tmp_path: Path) -> None:
    cases = {"P1": Case("SD"), "P2": Case("SD"), "P3": Case("SD", sets=())}
    # P2 was seen alive after the day of her death; the run says so in place of a time.
    found = analysed(tmp_path, cases, {"dispositions": "P2,2022-08-01,death,\n"})
    survival = next(one for one in found.analysis.survival if one.survival_id == "overall_survival")
    assert [one.participant_id for one in survival.people] == ["P1"]
    assert [one.split(":")[0] for one in survival.left_out] == ["P2"]
    assert survival.median_months.value is None
    assert "not reached" in survival.median_months.note


def test_months_are_days_by_the_mean_month_and_the_transform_is_kept(tmp_path: Path) -> None:
    cases = {f"P{n}": Case("SD") for n in range(1, 4)}
    lines = "P1,2023-03-01,death,\nP2,2023-06-01,death,\n"
    for transform in ("log_log", "log", "plain"):
        plan = OS.model_copy(update={"transform": transform})
        found = analysed(tmp_path, cases, {"dispositions": lines}, protocol=protocol_with(survival=(plan,)))
        (survival,) = found.analysis.survival
        assert survival.transform == transform
        assert survival.people[1].time_months == pytest.approx(365 / (365.25 / 12))
        assert survival.events == 2
        assert survival.trace.inputs["P1 end"] == "record:records/dispositions.csv#2"
        assert "log(-log S)" in survival.rule or transform != "log_log"
