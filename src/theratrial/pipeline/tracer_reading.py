"""What the tracer itself tells of one participant: lesions without uptake, and what a fall of uptake means.

Method: docs/methods/heterogeneity.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from theratrial.pipeline.context import Context
from theratrial.pipeline.lesion_courses import lesion_lengths, response_day
from theratrial.pipeline.matching import ParticipantImages
from theratrial.protocol.plans.criteria import HeterogeneityPlan, UptakeFallPlan
from theratrial.protocol.schema import ResponseRule
from theratrial.response.heterogeneity import (
    METHOD as PATTERN_METHOD,
)
from theratrial.response.heterogeneity import (
    VERSION as PATTERN_VERSION,
)
from theratrial.response.heterogeneity import (
    ClassedLesion,
    PatternRules,
    UptakePattern,
    joint_pattern,
    uptake_pattern,
)
from theratrial.response.lesions import fell_enough, progressed
from theratrial.response.uptake_fall import (
    METHOD as FALL_METHOD,
)
from theratrial.response.uptake_fall import (
    VERSION as FALL_VERSION,
)
from theratrial.response.uptake_fall import (
    ColdAntibody,
    FollowedLesion,
    fall_meaning,
    size_change,
)
from theratrial.results.criteria import FallEvidence, Heterogeneity, LesionClass, ReaderHeterogeneity, UptakeFall
from theratrial.results.places import participant_place
from theratrial.results.values import LesionResult, ParticipantResult
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row, TrialFolder

_CLAUSE: Final = "further_criteria"
_ANTIBODY: Final = "trastuzumab"


def heterogeneity(
    folder: TrialFolder, result: ParticipantResult, plan: HeterogeneityPlan, context: Context
) -> Heterogeneity | None:
    """The pattern of uptake of a participant; None where nobody classed a lesion and she was not treated."""
    participant_id = result.participant_id
    rows = folder.rows("lesion_classes", participant_id=participant_id, timepoint=plan.timepoint)
    if not rows and not result.treated:
        return None
    sites = lesion_sites(folder, participant_id)
    rules = PatternRules(known_from=plan.known_from, positive_classes=plan.positive_classes)
    demonstration = context.resting_on(_CLAUSE)
    by_reader: dict[str, UptakePattern] = {}
    shown = []
    for reader in sorted({row["reader"] for row in rows}):
        mine = [row for row in rows if row["reader"] == reader]
        by_reader[reader] = pattern = uptake_pattern([_classed(row, sites) for row in mine], rules)
        inputs = {row["lesion_id"]: row.source for row in mine} | {"rule": f"protocol:{_CLAUSE}"}
        trace = Trace(PATTERN_METHOD, PATTERN_VERSION, inputs, demonstration=demonstration)
        shown.append(_reader_result(reader, pattern, trace))
    named, because = joint_pattern(by_reader)
    inputs = {f"{row['lesion_id']} by {row['reader']}": row.source for row in rows} | {"rule": f"protocol:{_CLAUSE}"}
    trace = Trace(PATTERN_METHOD, PATTERN_VERSION, inputs, demonstration=demonstration)
    return Heterogeneity(named, because, tuple(shown), trace)


def lesion_sites(folder: TrialFolder, participant_id: str) -> dict[str, str]:
    """Lesion -> where it lies, as the PET's reader recorded it, else as the organ of the CT measurement."""
    measured = folder.rows("tumour_measurements", participant_id=participant_id)
    read = folder.rows("lesion_readings", participant_id=participant_id)
    sites = {row["lesion_id"]: row["organ"] for row in measured if row["organ"]}
    return sites | {row["lesion_id"]: row["site"] for row in read if row["site"]}


def _classed(row: Row, sites: Mapping[str, str]) -> ClassedLesion:
    name = row["lesion_id"]
    return ClassedLesion(name, sites.get(name, ""), row["known_from"], row["uptake_class"], row["volume_mL"])


def _reader_result(reader: str, pattern: UptakePattern, trace: Trace) -> ReaderHeterogeneity:
    none = "no lesion known from other images can be judged"
    no_volume = f"no volume of {', '.join(pattern.without_volume)}" if pattern.without_volume else none
    return ReaderHeterogeneity(
        reader=reader,
        pattern=pattern.pattern,
        because=pattern.because,
        basis=pattern.basis,
        lesions=tuple(
            LesionClass(
                one.lesion.lesion_id,
                one.lesion.site,
                one.lesion.known_from,
                one.lesion.uptake_class,
                one.lesion.volume_mL,
                one.counts,
                one.because,
            )
            for one in pattern.lesions
        ),
        discordant=pattern.discordant,
        share_negative=_fraction(pattern.share_negative, trace, none),
        share_negative_volume=_fraction(pattern.share_negative_volume, trace, no_volume),
        trace=trace,
    )


def _fraction(value: float | None, trace: Trace, because: str) -> Quantity:
    return Quantity(value, "fraction", trace, note="" if value is not None else because)


def uptake_fall(
    folder: TrialFolder, images: ParticipantImages, result: ParticipantResult, plan: UptakeFallPlan, context: Context
) -> UptakeFall | None:
    """What a fall of uptake means for a participant; None where no response PET was read."""
    rule = folder.protocol.response.reading
    response = result.response
    assessed_on = response_day(folder, images)
    if rule is None or response is None or assessed_on is None:
        return None
    participant_id = result.participant_id
    place = f"value:{participant_place(participant_id)}.response.lesions"
    inputs = {"rule": f"protocol:{_CLAUSE}", "thresholds": "protocol:response"}
    treated_on = min(one.injected_at for one in result.sessions).astimezone(folder.zone).date()
    alive = _alive_without_uptake(folder, images, participant_id, rule, inputs)
    followed = []
    for lesion in response.lesions:
        if lesion.role == "new":
            continue
        inputs[lesion.lesion_id] = f"{place}[{lesion.lesion_id}]"
        lengths = lesion_lengths(folder, participant_id, lesion.lesion_id, treated_on, assessed_on)
        for row in lengths.rows:
            inputs[f"{lesion.lesion_id} on CT {row['measured_on']}"] = row.source
        followed.append(_followed(lesion, rule, lengths.values_mm, alive=lesion.lesion_id in alive))
    antibody, given = last_cold_antibody(folder, images, participant_id, assessed_on, rule)
    if given is not None:
        inputs["last cold antibody"] = given.source
    new = [one.lesion_id for one in response.lesions if one.role == "new" and one.status_response == "present"]
    meaning = fall_meaning(followed, antibody, blocking_days=plan.blocking_days, new_lesions=new)
    return UptakeFall(
        label=meaning.label,
        branch=meaning.branch,
        because=meaning.because,
        days_since_antibody=antibody.days,
        last_antibody=antibody.said,
        evidence=tuple(FallEvidence(one.question, one.answer, one.because) for one in meaning.evidence),
        trace=Trace(FALL_METHOD, FALL_VERSION, inputs, demonstration=context.resting_on(_CLAUSE, "response")),
    )


def _followed(
    lesion: LesionResult, rule: ResponseRule, lengths_mm: tuple[float | None, float | None], *, alive: bool
) -> FollowedLesion:
    before = lesion.baseline_uptake.value if lesion.baseline_uptake is not None else None
    now = lesion.response_uptake.value if lesion.response_uptake is not None else None
    fell: bool | None = None
    rose = False
    if before is not None and lesion.status_response == "resolved":
        fell = True
    elif before is not None and now is not None and lesion.status_response == "present":
        fell, rose = fell_enough(before, now, rule), progressed(before, now, rule)
    return FollowedLesion(lesion.lesion_id, fell, rose, size_change(*lengths_mm), alive_without_uptake=alive)


def _alive_without_uptake(
    folder: TrialFolder, images: ParticipantImages, participant_id: str, rule: ResponseRule, inputs: dict[str, str]
) -> set[str]:
    """Lesions that FDG shows at response without uptake of the tracer, by all who classed them, and had it before."""
    times = {one.plan.id: one.plan.timepoint for one in images.images}
    first, last = times.get(rule.imaging_baseline, ""), times.get(rule.imaging_response, "")
    rows = folder.rows("lesion_classes", participant_id=participant_id)
    before = _classes([row for row in rows if row["timepoint"] == first])
    after = _classes([row for row in rows if row["timepoint"] == last and row["known_from"] == "fdg_pet"])
    found = {
        lesion
        for lesion, classes in after.items()
        if classes <= {"none", "background"} and before.get(lesion, set()) and before[lesion] <= {"visible", "high"}
    }
    for row in rows:
        if row["lesion_id"] in found:
            inputs[f"{row['lesion_id']} classed at {row['timepoint']} by {row['reader']}"] = row.source
    return found


def _classes(rows: Sequence[Row]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["lesion_id"], set()).add(row["uptake_class"])
    return found


def last_cold_antibody(
    folder: TrialFolder, images: ParticipantImages, participant_id: str, assessed_on: date, rule: ResponseRule
) -> tuple[ColdAntibody, Row | None]:
    """The last antibody given before the response scan, and the line that tells of it.

    Treatment before the trial, the trial's own injections with the antibody they carried, and treatment after them. The
    response tracer itself is not counted: its antibody is part of both scans. A later treatment has a first day alone;
    when its last dose was is not known. A course before the trial without a last day was over before the trial's own.
    """
    for row in folder.rows("later_therapy", participant_id=participant_id):
        if _ANTIBODY in row["agent"].casefold() and row["started_on"] <= assessed_on:
            said = f"{row['agent']} was begun on {row['started_on']} and the day of its last dose is not recorded"
            return ColdAntibody(None, said), row
    known: list[tuple[date, str, Row]] = []
    without_day: list[Row] = []
    for row in folder.rows("prior_therapy", participant_id=participant_id):
        if row["category"] != _ANTIBODY and _ANTIBODY not in row["agent"].casefold():
            continue
        if row["last_given_on"] is None:
            without_day.append(row)
        elif row["last_given_on"] <= assessed_on:
            known.append((row["last_given_on"], row["agent"], row))
    for row in _administrations(folder, images, participant_id, assessed_on, rule):
        mass = row["antibody_mass_mg"]
        said = "antibody mass not recorded" if mass is None else f"{mass:g} mg antibody"
        known.append((_local(folder, row["injected_at"]), f"{row['product_id']} with {said}", row))
    if known:
        day, what, last = max(known, key=lambda one: one[0])
        return ColdAntibody((assessed_on - day).days, f"last antibody {what} on {day}"), last
    if without_day:
        said = f"the last dose of {without_day[0]['agent']} has no day"
        return ColdAntibody(None, said), without_day[0]
    return ColdAntibody(None, f"no {_ANTIBODY} is recorded"), None


def _administrations(
    folder: TrialFolder, images: ParticipantImages, participant_id: str, assessed_on: date, rule: ResponseRule
) -> list[Row]:
    response = [one.administration for one in images.images if one.plan.id == rule.imaging_response]
    return [
        row
        for row in folder.rows("administrations", participant_id=participant_id)
        if row not in response
        and _local(folder, row["injected_at"]) <= assessed_on
        # A mass that was not recorded is not a mass of nothing.
        and (row["antibody_mass_mg"] is None or row["antibody_mass_mg"] > 0)
    ]


def _local(folder: TrialFolder, at: datetime) -> date:
    return at.astimezone(folder.zone).date()
