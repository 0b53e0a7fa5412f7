"""Each lesion through screening PET, therapy scans, response PET and CT (docs/methods/lesion_courses.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from theratrial.pipeline.matching import ParticipantImages
from theratrial.pipeline.participant_response import measurement_adjudication
from theratrial.results.criteria import LesionCourse, LesionSessionDose
from theratrial.results.places import participant_place
from theratrial.results.values import LesionResult, ParticipantResult
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row, TrialFolder

METHOD: Final = "response.lesion_course"
VERSION: Final = "1"

_TOO_SMALL_mm: Final = 5.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """A lesion's diameter on CT before treatment and at the response assessment, by one reader."""

    before: Quantity | None
    after: Quantity | None
    change_percent: Quantity | None
    rows: tuple[Row, ...] = ()

    @property
    def values_mm(self) -> tuple[float | None, float | None]:
        """Before and after [mm]."""
        return (self.before.value if self.before else None, self.after.value if self.after else None)


def response_day(folder: TrialFolder, images: ParticipantImages) -> date | None:
    """Local day of the response PET; None where it was not taken."""
    rule = folder.protocol.response.reading
    if rule is None:
        return None
    taken = [one.acquired_at for one in images.images if one.plan.id == rule.imaging_response and one.acquired_at]
    return taken[0].astimezone(folder.zone).date() if taken else None


def lesion_lengths(
    folder: TrialFolder, participant_id: str, lesion_id: str, treated_on: date | None, assessed_on: date | None
) -> Lengths:
    """Diameters of a lesion on the last day before treatment and on the day nearest to the response PET after it.

    Of several readers the adjudicated one, else the first by code, who gives a length on both days; hers are never
    mixed with another's.
    A lesion that is gone counts 0 mm, one too small to be measured as the protocol says of RECIST. A length over two
    lesions that have merged is of neither.
    """
    rows = folder.rows("tumour_measurements", participant_id=participant_id, lesion_id=lesion_id)
    if treated_on is None or not rows:
        return Lengths(None, None, None)
    found = Lengths(None, None, None)
    adjudication, _ = measurement_adjudication(folder, participant_id)
    first = "" if adjudication is None else adjudication["chosen_reader"]
    for reader in sorted({row["reader"] for row in rows}, key=lambda reader: (reader != first, reader)):
        one = _of_reader([row for row in rows if row["reader"] == reader], folder, treated_on, assessed_on)
        if one.change_percent is not None:
            return one
        if found.before is None and found.after is None:
            found = one
    return found


def _of_reader(rows: Sequence[Row], folder: TrialFolder, treated_on: date, assessed_on: date | None) -> Lengths:
    before = max((row for row in rows if row["measured_on"] <= treated_on), key=_day, default=None)
    later = [row for row in rows if row["measured_on"] > treated_on]
    after = None
    if assessed_on is not None:
        # Of two days equally near the earlier: closer to what the PET was compared with.
        after = min(later, key=lambda row: (abs((_day(row) - assessed_on).days), _day(row)), default=None)
    first, second = _length(before, folder), _length(after, folder)
    change = None
    if first is not None and second is not None and first.value and second.value is not None:
        inputs = {"baseline": _source(before), "response": _source(after)}
        trace = Trace("response.length_change", VERSION, inputs)
        change = Quantity((second.value - first.value) / first.value * 100, "percent", trace)
    return Lengths(first, second, change, tuple(row for row in (before, after) if row is not None))


def _day(row: Row) -> date:
    day: date = row["measured_on"]
    return day


def _source(row: Row | None) -> str:
    return "" if row is None else row.source


def _over_two(row: Row, folder: TrialFolder) -> bool:
    """Whether another lesion was merged into this one on its day, by its reader."""
    same = {name: row[name] for name in ("participant_id", "measured_on", "reader")}
    others = folder.rows("tumour_measurements", **same)
    return any(one["status"] == "merged" and one["merged_into"] == row["lesion_id"] for one in others)


def _length(row: Row | None, folder: TrialFolder) -> Quantity | None:
    if row is None or _over_two(row, folder):
        return None
    value, note = row["length_mm"], f"{row['measured_on']}, {row['reader']}"
    if value is None and row["status"] == "absent":
        value, note = 0.0, f"{note}: gone"
    elif value is None and row["status"] == "too_small":
        further = folder.protocol.further_criteria
        plan = further.reading.recist_1_1 if further is not None and further.reading is not None else None
        value, note = plan.too_small_mm if plan is not None else _TOO_SMALL_mm, f"{note}: too small to be measured"
    if value is None:
        return None
    return Quantity(value, "mm", Trace("capture.tumour_measurements", "1", {"record": row.source}), note=note)


def lesion_courses(
    folder: TrialFolder, images: ParticipantImages, result: ParticipantResult
) -> tuple[LesionCourse, ...]:
    """Every lesion that anybody read, followed; nothing where the participant was not treated."""
    if not result.treated:
        return ()
    participant_id = result.participant_id
    known = {one.lesion_id: one for one in (result.response.lesions if result.response is not None else ())}
    readings = folder.rows("lesion_readings", participant_id=participant_id)
    sites = {row["lesion_id"]: row["site"] for row in reversed(readings)}
    roles = {row["lesion_id"]: row["role"] for row in reversed(readings)}
    treated_on = min(one.injected_at for one in result.sessions).astimezone(folder.zone).date()
    assessed_on = response_day(folder, images)
    courses = []
    for lesion_id in dict.fromkeys([*known, *sorted(sites)]):
        lengths = lesion_lengths(folder, participant_id, lesion_id, treated_on, assessed_on)
        lesion = known.get(lesion_id) or _unread(lesion_id, sites[lesion_id], roles[lesion_id])
        courses.append(_course(result, lesion, _dose_region(lesion_id, readings, result), lengths))
    return tuple(courses)


def _unread(lesion_id: str, site: str, role: Literal["target", "non_target", "new"]) -> LesionResult:
    """A lesion of which no response was read."""
    return LesionResult(lesion_id, site, role, None, None, None, "not read", "not read")


def _course(
    result: ParticipantResult, lesion: LesionResult, dose_region: tuple[str, str], lengths: Lengths
) -> LesionCourse:
    region, matched_by = dose_region
    total = next(
        (one for one in result.cumulative_doses if region and (one.kind, one.title) == ("lesion", region)), None
    )
    change = lesion.change_percent
    if change is not None:
        place = f"value:{participant_place(result.participant_id)}.response.lesions[{lesion.lesion_id}]"
        inputs = {"baseline": f"{place}.baseline_uptake", "response": f"{place}.response_uptake"}
        change = Quantity(change.value, "percent", Trace(METHOD, VERSION, inputs), note=change.note)
    return LesionCourse(
        lesion_id=lesion.lesion_id,
        site=lesion.site,
        role=lesion.role,
        baseline_uptake=lesion.baseline_uptake,
        absorbed_dose_Gy=None if total is None else total.absorbed_dose_Gy,
        determinacy="" if total is None else total.determinacy,
        sessions_counted=0 if total is None else total.sessions_counted,
        dose_region=region,
        session_doses=tuple(
            LesionSessionDose(session.session, dose.absorbed_dose_Gy, dose.determinacy)
            for session in result.sessions
            for dose in session.doses
            if region and dose.region_name == region
        ),
        matched_by=matched_by,
        response_uptake=lesion.response_uptake,
        status_response=lesion.status_response,
        change_percent=change,
        length_baseline_mm=lengths.before,
        length_response_mm=lengths.after,
        length_change_percent=lengths.change_percent,
    )


def _dose_region(lesion_id: str, readings: Sequence[Row], result: ParticipantResult) -> tuple[str, str]:
    """Region of the therapy scans that is the lesion, and how that is known.

    By name alone: the region is called as the lesion, or as the lesion's region on the PET. Two lesions of one region,
    or two regions of one lesion, are nobody's guess.
    """
    regions = {
        dose.region_name.casefold(): dose.region_name
        for session in result.sessions
        for dose in session.doses
        if dose.kind == "lesion"
    }
    if not regions:
        return "", "no session has a lesion's dose"
    called = {lesion_id.casefold()}
    called |= {
        row["region_name"].casefold() for row in readings if row["lesion_id"] == lesion_id and row["region_name"]
    }
    found = sorted(called & regions.keys())
    if not found:
        return "", f"no region of the therapy scans is called {' or '.join(sorted(called))}"
    if len(found) > 1:
        return "", f"two regions of the therapy scans may be it: {', '.join(found)}"
    rivals = sorted(
        {
            row["lesion_id"]
            for row in readings
            if row["lesion_id"] != lesion_id
            and found[0] in (row["lesion_id"].casefold(), (row["region_name"] or "").casefold())
        }
    )
    if rivals:
        return "", f"region {regions[found[0]]} is named for {', '.join(rivals)} as well"
    return regions[found[0]], f"region {regions[found[0]]} of the therapy scans bears its name"
