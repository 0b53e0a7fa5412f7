"""What is read of the tracer and of each lesion out of the records: which lines count, and which are passed over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.pipeline.response_example import PROTOCOL, TRACE, blank, participant, quantity

from theratrial.pipeline.context import Context
from theratrial.pipeline.lesion_courses import lesion_courses, lesion_lengths
from theratrial.pipeline.tracer_reading import heterogeneity, last_cold_antibody, uptake_fall
from theratrial.protocol.plans.criteria import HeterogeneityPlan, UptakeFallPlan
from theratrial.results.values import CumulativeDose, LesionResult, RegionDoseResult
from theratrial.trialfolder.records import Row

RULE = PROTOCOL.response.reading
assert RULE is not None
TREATED, ASSESSED = date(2022, 3, 1), date(2022, 8, 1)
CONTEXT = Context({}, datetime(2023, 1, 1, tzinfo=UTC), ("further_criteria",))


@dataclass
class Folder:
    """Record lines without files."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    protocol: Any = PROTOCOL
    zone: ZoneInfo = ZoneInfo("Asia/Tehran")  # noqa: RUF009

    def rows(self, table: str, **equal: Any) -> tuple[Row, ...]:
        lines = [
            Row(table=table, line=n, values={"participant_id": "P01", **values})
            for n, values in enumerate(self.tables.get(table, ()), 2)
        ]
        return tuple(row for row in lines if all(row[name] == value for name, value in equal.items()))


IMAGES: Any = SimpleNamespace(
    participant_id="P01",
    images=(
        SimpleNamespace(
            plan=SimpleNamespace(id=RULE.imaging_baseline, timepoint="baseline"), acquired_at=None, administration=None
        ),
        SimpleNamespace(
            plan=SimpleNamespace(id=RULE.imaging_response, timepoint="response"),
            acquired_at=datetime(2022, 8, 1, 9, tzinfo=UTC),
            administration=None,
        ),
    ),
)


def measured(on: str, length: float | None, *, reader: str = "RD-1", status: str = "measured", lesion: str = "L1"):
    day = date.fromisoformat(on)
    named = {"lesion_id": lesion, "reader": reader, "organ": "lung", "status": status}
    return {"measured_on": day, "length_mm": length, **named}


def lengths(*rows):
    return lesion_lengths(Folder({"tumour_measurements": list(rows)}), "P01", "L1", TREATED, ASSESSED)


def test_the_last_length_before_treatment_and_the_nearest_to_the_response_scan_are_compared():
    found = lengths(
        measured("2022-01-01", 40),
        measured("2022-02-20", 20),
        measured("2022-05-01", 90),
        measured("2022-08-03", 15),
        measured("2022-12-01", 80),
    )
    assert found.values_mm == (20, 15)
    assert found.change_percent.value == pytest.approx(-25)
    assert [row["measured_on"].isoformat() for row in found.rows] == ["2022-02-20", "2022-08-03"]


def test_lengths_of_two_readers_are_never_mixed():
    found = lengths(measured("2022-02-20", 20, reader="RD-1"), measured("2022-08-01", 5, reader="RD-2"))
    assert found.change_percent is None
    found = lengths(
        measured("2022-02-20", 20, reader="RD-1"),
        measured("2022-02-20", 10, reader="RD-2"),
        measured("2022-08-01", 5, reader="RD-2"),
    )
    assert found.values_mm == (10, 5)


def test_a_length_over_two_merged_lesions_is_of_neither():
    other = measured("2022-08-01", None, lesion="L2", status="merged") | {"merged_into": "L1"}
    found = lengths(measured("2022-02-20", 20), measured("2022-08-01", 35), other)
    assert (found.values_mm, found.change_percent) == ((20, None), None)
    # Of another reader's, or into another lesion, it does not matter.
    for one in (other | {"reader": "RD-2"}, other | {"merged_into": "L3"}):
        assert lengths(measured("2022-02-20", 20), measured("2022-08-01", 35), one).values_mm == (20, 35)


@pytest.mark.parametrize(
    ("status", "length", "change"), [("absent", None, -100.0), ("too_small", None, -75.0), ("measured", 0, -100)]
)
def test_what_is_gone_counts_nothing_and_what_is_too_small_counts_5_mm(status, length, change):
    found = lengths(measured("2022-02-20", 20), measured("2022-08-01", length, status=status))
    assert found.change_percent.value == pytest.approx(change)


@pytest.mark.parametrize("status", ["present", "not_evaluated", "progressed"])
def test_a_lesion_without_a_length_has_no_change(status):
    assert lengths(measured("2022-02-20", 20), measured("2022-08-01", None, status=status)).change_percent is None


def antibody(**tables):
    return last_cold_antibody(Folder(tables), IMAGES, "P01", ASSESSED, RULE)


def given(on: str, mass: float | None, product: str = "lu177"):
    return {"product_id": product, "injected_at": datetime.fromisoformat(f"{on}T08:00+00:00"), "antibody_mass_mg": mass}


def prior(agent: str, last: str | None, category: str = "other"):
    return {"agent": agent, "category": category, "last_given_on": last and date.fromisoformat(last)}


def test_the_latest_antibody_is_of_the_trial_or_before_it_whichever_came_later():
    found, row = antibody(
        administrations=[given("2022-03-01", 4.0), given("2022-06-01", 4.0)],
        prior_therapy=[prior("trastuzumab", "2022-01-01", "trastuzumab")],
    )
    assert found.days == 61
    assert row.line == 3
    found, _ = antibody(
        administrations=[given("2022-03-01", 4.0)], prior_therapy=[prior("trastuzumab deruxtecan", "2022-07-20")]
    )
    assert found.days == 12


def test_a_mass_that_is_not_recorded_is_not_a_mass_of_nothing():
    assert antibody(administrations=[given("2022-06-01", None)])[0].days == 61
    assert antibody(administrations=[given("2022-06-01", 0.0)])[0].days is None


def test_what_came_after_the_response_scan_blocks_nothing():
    assert antibody(administrations=[given("2022-06-01", 4.0), given("2022-08-20", 4.0)])[0].days == 61
    assert antibody(later_therapy=[{"agent": "trastuzumab", "started_on": date(2022, 8, 20)}])[0].days is None


def test_trastuzumab_begun_before_the_scan_leaves_the_days_unknown():
    later = [{"agent": "Trastuzumab deruxtecan", "started_on": date(2022, 7, 1)}]
    found, _ = antibody(administrations=[given("2022-03-01", 4.0)], later_therapy=later)
    assert found.days is None
    assert "the day of its last dose is not recorded" in found.said


def test_other_treatment_is_no_antibody():
    assert antibody(prior_therapy=[prior("docetaxel", "2022-07-30")])[0].said == "no trastuzumab is recorded"


def classed(lesion, uptake_class, *, reader="NM-1", timepoint="baseline", known_from="ct"):
    named = {"lesion_id": lesion, "uptake_class": uptake_class, "reader": reader, "timepoint": timepoint}
    return {**named, "known_from": known_from, "volume_mL": None}


def test_classes_of_another_time_point_are_not_read_and_sites_come_from_the_readings():
    folder = Folder(
        {
            "lesion_classes": [
                classed("L1", "high"),
                classed("L2", "none"),
                classed("L3", "none", timepoint="response"),
            ],
            "lesion_readings": [{"lesion_id": "L2", "site": "liver"}],
        }
    )
    plan = HeterogeneityPlan(timepoint="baseline")
    found = heterogeneity(folder, participant("P01", None, None), plan, CONTEXT)
    assert found.pattern == "A"
    assert [one.lesion_id for one in found.readers[0].lesions] == ["L1", "L2"]
    assert found.readers[0].lesions[1].counts == "not_assessable"
    assert found.trace.inputs["L1 by NM-1"] == "record:records/lesion_classes.csv#2"
    assert found.trace.demonstration == ("further_criteria",)


def test_nobody_who_classed_is_said_for_the_treated_and_nothing_for_others():
    plan = HeterogeneityPlan(timepoint="baseline")
    treated = participant("P01", None, None)
    assert heterogeneity(Folder(), treated, plan, CONTEXT).because == "not assessable: nobody classed the lesions"
    assert heterogeneity(Folder(), replace(treated, treated=False), plan, CONTEXT) is None


def with_lesion(status="present", now=4.0):
    lesion = LesionResult(
        "L1", "lung", "target", quantity(10.0), None if now is None else quantity(now), None, "present", status
    )
    one = participant("P01", {"R1": {"L1": 10.0}}, {"R1": {"L1": 4.0}})
    return replace(one, response=replace(one.response, lesions=(lesion,)))


PLAN = UptakeFallPlan(blocking_days=28, citation="test")
SHRANK = [measured("2022-02-20", 20), measured("2022-08-01", 10)]


def test_a_lesion_that_fell_and_shrank_long_after_antibody_responded():
    folder = Folder({"tumour_measurements": SHRANK, "administrations": [given("2022-06-01", 4.0)]})
    found = uptake_fall(folder, IMAGES, with_lesion(), PLAN, CONTEXT)
    assert (found.label, found.days_since_antibody) == ("response", 61)
    assert found.trace.inputs["last cold antibody"] == "record:records/administrations.csv#2"
    assert found.trace.inputs["L1 on CT 2022-08-01"] == "record:records/tumour_measurements.csv#3"


def test_fdg_that_shows_what_the_tracer_lost_is_antigen_loss():
    same = [measured("2022-02-20", 20), measured("2022-08-01", 20)]
    seen = [classed("L1", "high"), classed("L1", "none", timepoint="response", known_from="fdg_pet")]
    tables = {"tumour_measurements": same, "administrations": [given("2022-06-01", 4.0)], "lesion_classes": seen}
    assert uptake_fall(Folder(tables), IMAGES, with_lesion(), PLAN, CONTEXT).label == "antigen_loss"
    # A second reader who still sees it: not by all who classed it.
    seen.append(classed("L1", "visible", timepoint="response", known_from="fdg_pet", reader="NM-2"))
    found = uptake_fall(Folder(tables), IMAGES, with_lesion(), PLAN, CONTEXT)
    assert (found.label, found.branch) == ("undecided", "size_unchanged")


def test_a_lesion_that_could_not_be_assessed_is_not_a_fall():
    found = uptake_fall(Folder(), IMAGES, with_lesion("not_assessable", None), PLAN, CONTEXT)
    assert (found.label, found.branch) == ("undecided", "not_measured")


def test_without_a_response_there_is_no_label():
    assert uptake_fall(Folder(), IMAGES, participant("P01", None, None), PLAN, CONTEXT) is None


def dosed(one, *regions):
    session = replace(
        one.sessions[0],
        doses=tuple(
            blank(
                RegionDoseResult,
                region_name=name,
                kind="lesion",
                absorbed_dose_Gy=quantity(7.0, "Gy"),
                determinacy="bounded",
            )
            for name in regions
        ),
    )
    total = tuple(
        blank(
            CumulativeDose,
            region_id="lesion",
            title=name,
            kind="lesion",
            absorbed_dose_Gy=quantity(7.0, "Gy"),
            determinacy="bounded",
            sessions_counted=1,
        )
        for name in regions
    )
    return replace(one, sessions=(session,), cumulative_doses=total)


def reading(lesion, region, reader="R1"):
    return {"lesion_id": lesion, "region_name": region, "reader": reader, "site": "lung", "role": "target"}


def test_a_dose_belongs_to_the_lesion_whose_name_or_region_it_bears():
    folder = Folder({"lesion_readings": [reading("L1", "Hip_left")]})
    (found,) = lesion_courses(folder, IMAGES, dosed(with_lesion(), "hip_LEFT", "elsewhere"))
    assert (found.dose_region, found.absorbed_dose_Gy.value, found.sessions_counted) == ("hip_LEFT", 7.0, 1)
    assert [one.session for one in found.session_doses] == [1]


def test_a_region_of_two_lesions_and_two_regions_of_one_give_no_dose():
    shared = Folder({"lesion_readings": [reading("L1", "hip"), reading("L2", "hip", "R2")]})
    for one in lesion_courses(shared, IMAGES, dosed(with_lesion(), "hip")):
        assert one.absorbed_dose_Gy is None
        assert "is named for" in one.matched_by
    both = Folder({"lesion_readings": [reading("L1", "hip")]})
    (found,) = lesion_courses(both, IMAGES, dosed(with_lesion(), "hip", "L1"))
    assert found.absorbed_dose_Gy is None
    assert found.matched_by.startswith("two regions of the therapy scans may be it")


def test_a_lesion_that_was_never_read_at_response_is_followed_all_the_same():
    folder = Folder({"lesion_readings": [reading("L1", "L1")]})
    (found,) = lesion_courses(folder, IMAGES, dosed(participant("P01", None, None), "L1"))
    assert (found.lesion_id, found.status_response, found.absorbed_dose_Gy.value) == ("L1", "not read", 7.0)
    assert found.change_percent is None


def test_who_was_not_treated_has_no_course():
    assert lesion_courses(Folder(), IMAGES, replace(with_lesion(), treated=False)) == ()


def test_traces_name_lines_and_places_alone():
    assert TRACE.method == "test"
    folder = Folder({"tumour_measurements": SHRANK, "administrations": [given("2022-06-01", 4.0)]})
    found = uptake_fall(folder, IMAGES, with_lesion(), PLAN, CONTEXT)
    kinds = {place.partition(":")[0] for place in found.trace.inputs.values()}
    assert kinds <= {"record", "value", "protocol"}
