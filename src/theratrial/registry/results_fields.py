"""Reported results as the summary results of a registration record: prose in both languages (TRDS item 23).

Used by every format whose fields are texts (ICTRP, IRCT). Every number stands with the number of those it is of; what
is missing is said.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from theratrial.registry.calendars import jalali_text
from theratrial.registry.found import Sentence
from theratrial.registry.record import RegistrationRecord, SummaryResults
from theratrial.registry.results_reported import (
    AdverseEventRow,
    BaselineMeasure,
    Counted,
    OutcomeReported,
    ReportedResults,
)
from theratrial.registry.results_sums import checked_for_registry
from theratrial.registry.results_words import (
    caveats,
    level_percent,
    mean_and_spread,
    method_words,
    number,
    percent,
    persian_numerals,
    said,
)
from theratrial.registry.words import Language, Text

_RANK: Final = {
    "primary": Sentence("Primary outcome", "پیامد اولیه"),
    "secondary": Sentence("Secondary outcome", "پیامد ثانویه"),
    "other": Sentence("Other outcome", "پیامد دیگر"),
}


def summary_results(
    reported: ReportedResults, record: RegistrationRecord | None = None, *, draft: bool = False
) -> SummaryResults:
    """The fields of item 23; dates and addresses are those of the record, which alone knows when results were posted.

    Raises
    ------
    InputError
        The data are not locked and no draft is asked for, the record is another trial's, or sums do not hold.
    """
    checked_for_registry(reported, record, draft=draft)
    before = record.results if record is not None else SummaryResults()
    written = {
        "summary": summary_text,
        "participant_flow": flow_text,
        "baseline": baseline_text,
        "outcome_measures": outcomes_text,
        "adverse_events": adverse_text,
    }
    return before.model_copy(
        update={
            name: Text(en=words(reported, "en"), fa=persian_numerals(words(reported, "fa")))
            for name, words in written.items()
        }
    )


def with_results(record: RegistrationRecord, reported: ReportedResults, *, draft: bool = False) -> RegistrationRecord:
    """The record with its summary results filled."""
    return record.model_copy(update={"results": summary_results(reported, record, draft=draft)})


def day_words(day: date, language: Language) -> str:
    """The day in both calendars, the reader's own first."""
    gregorian, jalali = day.isoformat(), jalali_text(day)
    return f"{jalali} ({gregorian})" if language == "fa" else f"{gregorian} ({jalali})"


def summary_text(reported: ReportedResults, language: Language) -> str:
    """What came out, and what a reader must know before believing it."""
    primary = [outcome_line(one, language) for one in reported.outcomes if one.rank == "primary"]
    until = (
        f"داده‌ها تا {day_words(reported.data_cut, language)}."
        if language == "fa"
        else f"Data up to {day_words(reported.data_cut, language)}."
    )
    return "\n".join([*primary, *(said(one, language) for one in caveats(reported)), until])


def flow_text(reported: ReportedResults, language: Language) -> str:
    """Everybody screened, step by step."""
    flow = reported.flow
    failed, left = _listed(flow.screen_failures, language), _listed(flow.not_completed, language)
    not_treated, not_completed = _sum(flow.screen_failures), _sum(flow.not_completed)
    if language == "fa":
        lines = [
            f"غربالگری‌شده: {flow.screened}. درمان‌نشده: {not_treated}{_because(failed)}.",
            f"درمان‌شده (دست‌کم یک نوبت): {flow.started}.",
            *(f"نوبت {session}: {count} نفر." for session, count in flow.sessions_given),
            f"دارای پیامد اولیهٔ ارزیابی‌پذیر: {flow.assessed}.",
            f"مطالعه را کامل کردند: {flow.completed}. کامل نکردند: {not_completed}{_because(left)}.",
            *([f"هنوز در مطالعه: {flow.ongoing}."] if flow.ongoing else []),
        ]
    else:
        lines = [
            f"Screened: {flow.screened}. Not treated: {not_treated}{_because(failed)}.",
            f"Treated at least once: {flow.started}.",
            *(f"Session {session}: {count}." for session, count in flow.sessions_given),
            f"Primary outcome assessable: {flow.assessed}.",
            f"Completed: {flow.completed}. Did not complete: {not_completed}{_because(left)}.",
            *([f"Still in the trial: {flow.ongoing}."] if flow.ongoing else []),
        ]
    return "\n".join(lines)


def _sum(counts: tuple[Counted, ...]) -> int:
    return sum(one.count for one in counts)


def _because(listed: str) -> str:
    return f" ({listed})" if listed else ""


def _listed(counts: tuple[Counted, ...], language: Language) -> str:
    return ("؛ " if language == "fa" else "; ").join(f"{said(one.label, language)}: {one.count}" for one in counts)


def baseline_text(reported: ReportedResults, language: Language) -> str:
    """One line for each characteristic."""
    return "\n".join(_baseline_line(one, language) for one in reported.baseline)


def _baseline_line(one: BaselineMeasure, language: Language) -> str:
    title, unit = said(one.title, language), said(one.unit, language)
    if one.kind == "mean" and one.mean is not None:
        mean, spread = mean_and_spread(one.mean, one.standard_deviation)
        words = _mean_words(one, f"{mean} {unit}", spread, language)
    else:
        words = _listed(one.counts, language)
    known = f"n = {one.number_known}"
    if one.missing:
        known += f"، بی مقدار: {one.missing}" if language == "fa" else f", without a value: {one.missing}"
    return f"{title}: {words} ({known})"


def _mean_words(one: BaselineMeasure, mean: str, spread: str, language: Language) -> str:
    persian = language == "fa"
    parts = [f"میانگین {mean}" if persian else f"mean {mean}"]
    if spread:
        parts.append(f"انحراف معیار {spread}" if persian else f"standard deviation {spread}")
    if one.median is not None:
        parts.append(f"میانه {number(one.median)}" if persian else f"median {number(one.median)}")
    if one.minimum is not None and one.maximum is not None:
        low, high = number(one.minimum), number(one.maximum)
        parts.append(f"از {low} تا {high}" if persian else f"range {low} to {high}")
    return ("، " if persian else ", ").join(parts)


def outcomes_text(reported: ReportedResults, language: Language) -> str:
    """One paragraph for each outcome."""
    return "\n".join(outcome_line(one, language) for one in reported.outcomes)


def outcome_line(one: OutcomeReported, language: Language) -> str:
    """Rank, title, time frame, who was analysed, and the value with its interval and method."""
    head = f"{said(_RANK[one.rank], language)}: {said(one.title, language)}"
    frame, population = said(one.time_frame, language), said(one.population, language)
    parts = [head, *([frame] if frame else []), *([population] if population else []), _value(one, language)]
    if one.counts:
        parts.append(_listed(one.counts, language))
    if one.note is not None:
        parts.append(said(one.note, language))
    return ". ".join(part for part in parts if part) + "."


def _value(one: OutcomeReported, language: Language) -> str:
    persian = language == "fa"
    analysed = f"n = {one.analysed}"
    if one.kind == "counts":
        return analysed
    if one.value is None:
        return f"{analysed}؛ مقدار معلوم نیست" if persian else f"{analysed}; the value is not known"
    unit = ("٪" if persian else " %") if one.kind == "proportion" else f" {said(one.unit, language)}"
    shown, spread = percent(one.value) if one.kind == "proportion" else number(one.value), ""
    if one.kind == "mean":
        shown, spread = mean_and_spread(one.value, one.standard_deviation)
    words = f"{shown}{unit}"
    if one.numerator is not None:
        words = (
            f"{one.numerator} از {one.analysed}: {words}" if persian else f"{one.numerator} of {one.analysed}: {words}"
        )
    else:
        words = f"{words} ({analysed})"
    if spread:
        words += f"، انحراف معیار {spread}" if persian else f", standard deviation {spread}"
    return words + _interval(one, language)


def _interval(one: OutcomeReported, language: Language) -> str:
    if one.lower is None or one.upper is None:
        return ""
    low, high = ((percent(v) if one.kind == "proportion" else number(v)) for v in (one.lower, one.upper))
    level, method = level_percent(one), said(method_words(one.interval_method), language)
    if language == "fa":
        name = f"بازهٔ اطمینان {level}٪" if level else "بازه"
        return f"، {name} {low} تا {high}" + (f"، {method}" if method else "")
    name = f"{level} % confidence interval" if level else "interval"
    return f", {name} {low} to {high}" + (f", {method}" if method else "")


def adverse_text(reported: ReportedResults, language: Language) -> str:
    """Deaths, serious and other events, by term."""
    adverse, persian = reported.adverse, language == "fa"
    of = f"از {adverse.at_risk}" if persian else f"of {adverse.at_risk}"
    if adverse.deaths is None:
        deaths = "مرگ از هر علت: ثبت کامل نیست" if persian else "Deaths from any cause: not fully recorded"
    else:
        deaths = f"مرگ از هر علت: {adverse.deaths} {of}" if persian else f"Deaths from any cause: {adverse.deaths} {of}"
    frame = said(adverse.time_frame, language)
    lines = [frame, deaths]
    for serious, count in ((True, adverse.serious_affected), (False, adverse.other_affected)):
        rows = [_row(row, language) for row in adverse.events if row.serious is serious]
        name = _SERIOUS[serious]
        listed = ("؛ " if persian else "; ").join(rows)
        lines.append(f"{said(name, language)}: {count} {of}" + (f" ({listed})" if listed else ""))
    return "\n".join(f"{line}." for line in lines if line)


_SERIOUS: Final = {
    True: Sentence("Participants with a serious adverse event", "شرکت‌کنندگان دارای رویداد نامطلوب جدی"),
    False: Sentence("Participants with another adverse event", "شرکت‌کنندگان دارای رویداد نامطلوب دیگر"),
}


def _row(row: AdverseEventRow, language: Language) -> str:
    # Names of classes are CTCAE's own, as the terms are.
    term = f"{row.term} ({row.organ_system})" if row.organ_system else row.term
    if language == "fa":
        return f"{term}: {row.affected} نفر، {row.events} بار"
    people = "1 participant" if row.affected == 1 else f"{row.affected} participants"
    return f"{term}: {people}, " + ("1 event" if row.events == 1 else f"{row.events} events")
