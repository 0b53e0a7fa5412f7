"""Record and protocol: the same visits and images, at the same times?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.rules.frame import PROTOCOL, Case, Found, rule
from theratrial.registry.rules.planned import (
    SAY_THE_SAME,
    Span,
    assumed,
    of_protocol,
    sentences,
    spans,
    treatment_words,
    where_it_stands,
)
from theratrial.registry.rules.words import whole_text

if TYPE_CHECKING:
    from theratrial.protocol.clauses import Window
    from theratrial.protocol.schema import ImagingPlan, Protocol

_AFTER_TREATMENT: Final = (
    r"\s*(?:after|پس از|بعد از)\b(?![^.;,]*\b(?:last|final|first|آخرین|نخستین)\b)[^.;,]{0,60}?"
    r"(?:therapy|treatment|session|cycle|injection|administration|درمان|جلسه|تزریق|تجویز)"
)
_SCAN: Final = re.compile(r"\b(?:scan|scans|imaging|images|spect|scintigra\w+|اسکن|تصویربرداری)\b", re.IGNORECASE)
_HOUR: Final = re.compile(r"(?<![\d.])(\d{1,4}(?:\.\d{1,2})?)\s?-?\s?(hours?|h\b|days?|ساعت|روز)", re.IGNORECASE)
_KINDS: Final = {
    "spect": ("SPECT", r"\bspect\b"),
    "whole_body_planar": ("whole-body scan", r"whole[- ]?body|planar|تمام ?بدن"),
    "pet_ct": ("PET", r"\bpet\b"),
}


@rule(
    "protocol-visit-differs",
    Severity.WARNING,
    PROTOCOL,
    "A visit after a session is at another time than in the protocol",
    "زمان ویزیت پس از جلسه جز آن است که در پروتکل است",
)
def visit_differs(case: Case) -> Iterator[Found]:
    windows = [
        (key, one.reading.window_days)
        for key, one in (case.protocol.schedule if case.protocol else {}).items()
        if one.reading is not None and one.reading.per_session and one.reading.anchor == "administration"
    ]
    if not windows:
        return
    shown = ", ".join(f"{key}: {window.minimum:g}-{window.maximum:g}" for key, window in windows)
    told: set[tuple[float, float]] = set()
    for path, words in treatment_words(case):
        # Images have their own rule.
        plain = ". ".join(one for one in sentences(words) if not _SCAN.search(one))
        for span in spans(plain, _AFTER_TREATMENT):
            key = (span.low_days, span.high_days)
            if key not in told and not _any_window(span, windows):
                told.add(key)
                yield Found(
                    path,
                    Sentence(
                        f"'{span.text}' is day {span.low_days:g}-{span.high_days:g}; the protocol has {shown} days",
                        f"«{span.text}» یعنی روز {span.low_days:g} تا {span.high_days:g}؛ پروتکل روز {shown} دارد",
                    ),
                    SAY_THE_SAME,
                    (Quote(span.text, path), of_protocol(shown, "schedule")),
                )


def _any_window(span: Span, windows: list[tuple[str, Window]]) -> bool:
    return any(span.is_window(window.minimum, window.maximum) for _, window in windows)


@rule(
    "protocol-imaging-times-differ",
    Severity.ERROR,
    PROTOCOL,
    "Images after a session are at other times than in the protocol",
    "زمان تصویربرداری پس از جلسه جز آن است که در پروتکل است",
)
def imaging_times_differ(case: Case) -> Iterator[Found]:
    plans = _therapy_images(case.protocol)
    hours = dict(_hours(case)) if plans else {}
    if not hours:
        return
    extra = [hour for hour in hours if not any(plan.window_h.holds(hour) for plan in plans)]
    lacking = [plan for plan in plans if not any(plan.window_h.holds(hour) for hour in hours)]
    if not extra and not lacking:
        return
    said, said_fa = _times(extra, lacking)
    path = next(iter(hours.values())) if not extra else hours[extra[0]]
    shown = ", ".join(f"{plan.window_h.minimum:g}-{plan.window_h.maximum:g} h" for plan in plans)
    yield Found(
        path,
        Sentence(
            f"Times of imaging after injection differ: {said}", f"زمان‌های تصویربرداری پس از تزریق یکی نیست: {said_fa}"
        ),
        SAY_THE_SAME,
        (Quote(", ".join(f"{hour:g} h" for hour in sorted(hours)), path), of_protocol(shown, "imaging")),
    )


def _times(extra: list[float], lacking: list[ImagingPlan]) -> tuple[str, str]:
    parts, parts_fa = [], []
    if extra:
        listed = ", ".join(f"{hour:g} h" for hour in sorted(extra))
        parts.append(f"only in the record: {listed}")
        parts_fa.append(f"تنها در سوابق: {listed}")
    if lacking:
        titles = ", ".join(plan.title for plan in lacking)
        parts.append(f"only in the protocol: {titles}")
        parts_fa.append("تنها در پروتکل: " + "، ".join(plan.titles.get("fa", plan.title) for plan in lacking))
    return "; ".join(parts), "؛ ".join(parts_fa)


def _therapy_images(protocol: Protocol | None) -> list[ImagingPlan]:
    found = []
    for clause in (protocol.imaging if protocol else {}).values():
        plan = clause.reading
        if plan is not None and plan.per_session and plan.after == "administration":
            found.append(plan)
    return found


def _hours(case: Case) -> Iterator[tuple[float, str]]:
    """Hours after injection that the record gives for its images, and the field they stand in."""
    for path, words in treatment_words(case):
        for sentence in filter(_SCAN.search, sentences(words)):
            for value, unit in _HOUR.findall(sentence):
                days = unit.casefold().startswith(("day", "روز"))
                yield float(value) * (24 if days else 1), path


@rule(
    "protocol-imaging-kind-differs",
    Severity.WARNING,
    PROTOCOL,
    "Record and protocol name different kinds of imaging",
    "نوع تصویربرداری سوابق و پروتکل یکی نیست",
)
def imaging_kind_differs(case: Case) -> Iterator[Found]:
    clauses = [one for one in case.protocol.imaging.values() if one.reading is not None] if case.protocol else []
    words = whole_text(case.record) if clauses else ""
    for kind, (name, pattern) in _KINDS.items():
        of_kind = [one for one in clauses if one.reading is not None and one.reading.kind == kind]
        said = re.search(pattern, words)
        if of_kind and not said:
            title = of_kind[0].reading.title if of_kind[0].reading else ""
            extra = assumed(of_kind[0])
            yield Found(
                where_it_stands(case),
                Sentence(
                    f"The protocol plans {name} ({len(of_kind)}); the record names none{extra.en}",
                    f"پروتکل {name} دارد ({len(of_kind)})؛ سوابق از آن نمی‌گوید{extra.fa}",
                ),
                Sentence("Say in the record what is imaged, and when", "در سوابق بگویید چه تصویربرداری می‌شود و کی"),
                (of_protocol(title, "imaging"),),
            )
        elif clauses and said and not of_kind and kind != "pet_ct":
            yield Found(
                where_it_stands(case),
                Sentence(f"The record names {name}; the protocol plans none", f"سوابق از {name} می‌گوید؛ پروتکل ندارد"),
                SAY_THE_SAME,
                (Quote(said[0], where_it_stands(case)),),
            )
