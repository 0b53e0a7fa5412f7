"""Outcome measures of a trial: the primary endpoint, adverse events, laboratory grades, absorbed doses of organs."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from theratrial.pipeline.cohort import PENDING
from theratrial.pipeline.registry_words import (
    CATEGORY,
    endpoint_title,
    follow_up_time,
    organ_words,
    population_words,
    test_words,
    time_of_visit,
)
from theratrial.protocol.schema import DoseRegion, Protocol
from theratrial.registry.found import Sentence
from theratrial.registry.results_reported import Counted, Origin, OutcomeReported
from theratrial.results.values import CumulativeDose, ParticipantResult, TrialResult
from theratrial.trialfolder.records import TrialFolder

VERSION: Final = "1"
PEOPLE: Final = Sentence("participants", "شرکت‌کننده")
_AFTER_FIRST: Final = Sentence(
    "From the first session to the data cut", "از نخستین نوبت درمان تا روزی که داده‌ها تا آن گرفته شده است"
)


def outcomes(
    result: TrialResult, treated: Sequence[ParticipantResult], protocol: Protocol, folder: TrialFolder
) -> tuple[OutcomeReported, ...]:
    """The primary endpoint, then what the protocol grades and measures; what nobody has a value of is left out."""
    found = [_primary(result, protocol)]
    if treated and protocol.safety_gate.reading is not None:
        found.append(_worst_event(treated, protocol, folder))
        found += _worst_laboratory(treated, protocol)
    found += _organ_doses(treated, protocol)
    return tuple(found)


def _primary(result: TrialResult, protocol: Protocol) -> OutcomeReported:
    endpoint, plan = result.endpoint, protocol.endpoint.reading
    if plan is None:
        raise ValueError("results exist of a trial whose endpoint is read, and of no other")
    quantity = endpoint.proportion
    rule = protocol.response.reading
    waiting = sum(one.counted_because == PENDING for one in result.participants)
    return OutcomeReported(
        rank="primary",
        registered="",
        title=endpoint_title(plan),
        description=Sentence(
            f"Image-based response by {rule.name}, judged by {_METRIC[rule.metric]}" if rule is not None else "",
            f"پاسخ بر پایهٔ تصویر با قاعدهٔ «{rule.name}» و سنجهٔ {_METRIC[rule.metric]}" if rule is not None else "",
        ),
        time_frame=time_of_visit(protocol, plan.visit),
        population=population_words(protocol, plan),
        kind="proportion",
        unit=PEOPLE,
        analysed=endpoint.analysed,
        counts=tuple(Counted(CATEGORY[category], count) for category, count in endpoint.categories),
        numerator=endpoint.successes,
        value=quantity.value,
        lower=quantity.lower,
        upper=quantity.upper,
        confidence_level=endpoint.confidence_level,
        interval_method=endpoint.interval_method,
        note=_note(endpoint.analysed, waiting, by_estimand(result)),
        origin=Origin(quantity.trace.method, quantity.trace.version, "endpoint.proportion"),
    )


_METRIC: Final = {"suv_peak": "SUVpeak", "suv_max": "SUVmax", "suv_mean": "SUVmean"}


def by_estimand(result: TrialResult) -> int:
    """How many with an assessed response are counted by what happened to them, and not by its category."""
    return sum(
        one.response is not None
        and one.response.category != "NE"
        and one.counted in ("success", "failure", "excluded")
        and one.counted_because != f"response {one.response.category}"
        for one in result.participants
    )


def _note(analysed: int, waiting: int, by_event: int) -> Sentence | None:
    if not analysed:
        return Sentence("Nobody is in the analysis set yet", "هنوز کسی در مجموعهٔ آنالیز نیست")
    if waiting:
        return Sentence(
            f"Interim: the response of {waiting} treated is still to be assessed; they are not counted",
            f"میانی: پاسخ {waiting} نفر از درمان‌شدگان هنوز ارزیابی نشده و به شمار نیامده‌اند",
        )
    if by_event:
        return Sentence(
            f"{by_event} with an assessed response are counted by an intercurrent event, as the estimand says, and not "
            "by the category of their response",
            f"{by_event} نفر با پاسخ ارزیابی‌شده، چنان‌که برنامهٔ آنالیز می‌گوید، بر پایهٔ رویداد میان‌آمده شمرده "
            "شده‌اند و نه بر پایهٔ ردهٔ پاسخ",
        )
    return None


def _worst_event(treated: Sequence[ParticipantResult], protocol: Protocol, folder: TrialFolder) -> OutcomeReported:
    """Each treated participant once, at the worst grade of all her events."""
    lines = folder.tables["adverse_events"]
    codes = [one.participant_id for one in treated]
    worst = Counter(
        # An event without a grade was one all the same.
        max((row["grade"] or 1 for row in lines if row["participant_id"] == code), default=0)
        for code in codes
    )
    editions = sorted({row["ctcae_version"] for row in lines if row["participant_id"] in set(codes)})
    named = " and ".join(f"CTCAE {one}" for one in editions) or "CTCAE"
    labels = {0: Sentence("No adverse event recorded", "بی رویداد نامطلوب ثبت‌شده")}
    labels |= {grade: Sentence(f"Grade {grade}", f"درجهٔ {grade}") for grade in range(1, 6)}
    return OutcomeReported(
        rank="other",
        registered="",
        title=Sentence(
            "Participants by worst grade of any adverse event",
            "شرکت‌کنندگان به تفکیک بدترین درجهٔ رویدادهای نامطلوب",
        ),
        description=Sentence(
            f"Adverse events of any cause, graded by {named}", f"رویدادهای نامطلوب با هر علتی، بر پایهٔ {named}"
        ),
        time_frame=follow_up_time(protocol),
        population=Sentence("Everyone treated at least once", "همهٔ کسانی که دست‌کم یک نوبت درمان گرفتند"),
        kind="counts",
        unit=PEOPLE,
        analysed=len(codes),
        counts=tuple(Counted(label, worst[grade]) for grade, label in labels.items()),
        origin=Origin("registry_results.worst_grade", VERSION, "records/adverse_events.csv: grade"),
    )


def _worst_laboratory(treated: Sequence[ParticipantResult], protocol: Protocol) -> Iterator[OutcomeReported]:
    """For each test that the gate grades: participants by their worst grade after the first session."""
    gate = protocol.safety_gate.reading
    for limit in gate.laboratory if gate is not None else ():
        grades = [grade for one in treated if (grade := _worst_after_first(one, limit.test)) is not None]
        if not grades or gate is None:
            continue
        worst = Counter(grades)
        words = test_words(protocol, limit.test)
        without = len(treated) - len(grades)
        yield OutcomeReported(
            rank="other",
            registered="",
            title=Sentence(
                f"Worst laboratory grade after treatment: {words.en}", f"بدترین درجهٔ آزمایشگاهی پس از درمان: {words.fa}"
            ),
            description=Sentence(
                f"Laboratory toxicity: highest grade of any sample, by CTCAE {gate.ctcae_version}",
                f"سمیت آزمایشگاهی: بالاترین درجه در نمونه‌ها، بر پایهٔ CTCAE {gate.ctcae_version}",
            ),
            time_frame=_AFTER_FIRST,
            population=Sentence(
                "Treated with at least one graded sample after the first session" + _without(without).en,
                "درمان‌شدگانی که پس از نخستین نوبت دست‌کم یک نمونهٔ درجه‌بندی‌شده دارند" + _without(without).fa,
            ),
            kind="counts",
            unit=PEOPLE,
            analysed=len(grades),
            counts=tuple(Counted(Sentence(f"Grade {n}", f"درجهٔ {n}"), worst[n]) for n in range(5)),
            origin=Origin("safety.laboratory_grade", gate.ctcae_version, "participants[].laboratory[].grade"),
        )


def _worst_after_first(one: ParticipantResult, test: str) -> int | None:
    first = one.sessions[0].injected_at
    grades = [
        point.grade
        for point in one.laboratory
        if point.test == test and point.grade is not None and point.collected_at > first
    ]
    return max(grades, default=None)


def _organ_doses(treated: Sequence[ParticipantResult], protocol: Protocol) -> Iterator[OutcomeReported]:
    """Absorbed dose of each organ over all sessions, of those in whom every session gave one."""
    for clause in protocol.dose_regions.values():
        region = clause.reading
        if region is None or region.kind != "organ":
            continue
        whole = [dose for one in treated for dose in one.cumulative_doses if _is_whole(dose, region)]
        doses = [value for dose in whole if (value := dose.absorbed_dose_Gy.value) is not None]
        if not doses:
            continue
        trace = whole[0].absorbed_dose_Gy.trace
        words = organ_words(region.id, region.title)
        without = len(treated) - len(doses)
        yield OutcomeReported(
            rank="other",
            registered="",
            title=Sentence(f"Absorbed dose over all sessions: {words.en}", f"دوز جذبی در همهٔ نوبت‌ها: {words.fa}"),
            description=Sentence(
                "Dosimetry from the therapy scans of every session given, summed for each participant",
                "دوزیمتری از اسکن‌های پس از هر نوبت درمان، جمع‌شده برای هر شرکت‌کننده",
            ),
            time_frame=_scan_times(protocol),
            population=Sentence(
                "Treated with a determined dose in every session" + _without(without).en,
                "درمان‌شدگانی که دوزشان در همهٔ نوبت‌ها معلوم است" + _without(without).fa,
            ),
            kind="mean",
            unit=Sentence("Gy", "گری"),
            analysed=len(doses),
            value=statistics.fmean(doses),
            standard_deviation=statistics.stdev(doses) if len(doses) > 1 else None,
            origin=Origin(
                trace.method, trace.version, f"participants[].cumulative_doses[{region.id}].absorbed_dose_Gy"
            ),
        )


def _is_whole(dose: CumulativeDose, region: DoseRegion) -> bool:
    """Whether a dose is the region's and holds every session: a part of it would pull the mean down."""
    value = dose.absorbed_dose_Gy.value
    known = value is not None and math.isfinite(value)
    return dose.region_id == region.id and known and dose.sessions_counted == dose.sessions_given


def _scan_times(protocol: Protocol) -> Sentence:
    plan = protocol.dosimetry.reading
    hours: list[float] = []
    for name in plan.imaging if plan is not None else ():
        clause = protocol.imaging.get(name)
        if clause is not None and clause.reading is not None:
            hours += [clause.reading.window_h.minimum, clause.reading.window_h.maximum]
    if not hours:
        return _AFTER_FIRST
    return Sentence(
        f"Scans {min(hours):g} to {max(hours):g} hours after each session, over all sessions",
        f"اسکن‌های {min(hours):g} تا {max(hours):g} ساعت پس از هر نوبت، در همهٔ نوبت‌ها",
    )


def _without(number: int) -> Sentence:
    if not number:
        return Sentence("", "")
    return Sentence(
        f"; {number} treated have none and are left out", f"؛ {number} نفر از درمان‌شدگان ندارند و کنار گذاشته شده‌اند"
    )
