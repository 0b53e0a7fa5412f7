"""Treatment: what is given, whether physics allows what is said of it, and what the record must give in numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from theratrial.registry.fields import field_of
from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.needles import sought
from theratrial.registry.rules.frame import CONSISTENCY, PHYSICS, TRDS, Case, Found, quote, rule
from theratrial.registry.rules.quoting import whole_words
from theratrial.registry.rules.words import about_radiotherapy, texts, whole_text

GROUP: Final = "interventions[0].description"
_SUPERSCRIPT: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
# 177Lu, 225Ac and 161Tb emit no positrons; what is seen of them is seen by a gamma camera.
_NO_POSITRONS: Final = sought(
    r"(?:(?:177 ?-?lu|lu-?177|225 ?-?ac|ac-?225|161 ?-?tb|tb-?161)(?:[- ](?!68)[a-z0-9]+){0,2}[- ]+)pet\b"
)
_ACTIVITY: Final = sought(r"\d[\d.,]*\s*(?:gbq|mbq|mci|گیگابکرل|مگابکرل)")
_MASS: Final = sought(r"\d[\d.,]*\s*(?:mg|µg|mg/kg|میلی ?گرم)\b")
_CYCLES: Final = sought(
    r"(?:\d+|one|two|three|four|five|six)\s+(?:\w+\s+)?(?:sessions|cycles|injections|administrations)|"
    r"(?:maximum|up to|حداکثر)\s+\S+\s+(?:sessions?|cycles?|جلسه)"
)
_LIMIT: Final = sought(r"\d[\d.,]*\s*gy\b|cumulative (?:dose|activity)|maximum (?:dose|activity)|kidney dose|دوز تجمعی")
_STOP: Final = sought(
    r"\bstop(?:ped|ping)?\b|discontinu|withdraw\w* (?:from )?treatment|until progression|توقف|قطع درمان"
)
_PEOPLE: Final = ("patients", "participants", "subjects", "men")
_NUMBER_OF_PEOPLE: Final = re.compile(r"\b(\d{1,5})\s+(?:\w+\s+)?(?:patients|participants|subjects|women|men)\b")
_WHOLE_BODY: Final = re.compile(r"[^.;]{0,60}whole-?body scan[^.;]{0,80}", re.IGNORECASE)
_BODY_SCAN: Final = re.compile("body scan", re.IGNORECASE)
_HOURS: Final = re.compile(r"\d+\s*(?:h\b|hours?|ساعت)|\d+\s*(?:days?|روز)", re.IGNORECASE)


@rule(
    "pet-of-no-positron-emitter",
    Severity.ERROR,
    PHYSICS,
    "PET/CT is named for a nuclide without positrons",
    "برای رادیونوکلیدی بدون پوزیترون PET/CT نام برده شده است",
)
def pet_of_no_positron_emitter(case: Case) -> Iterator[Found]:
    seen = ""
    for path, words, small in texts(case.record):
        # A text is looked at in one language, the first that it has.
        if path == seen or "pet" not in small:
            seen = path
            continue
        seen = path
        match = _NO_POSITRONS.search(words.translate(_SUPERSCRIPT)) if field_of(path).kind == "text" else None
        if match:
            yield Found(
                path,
                Sentence(
                    f"'{match[0]}/CT': this nuclide emits no positrons; it is imaged by planar views or SPECT",
                    f"«{match[0]}/CT»: این رادیونوکلید پوزیترون نمی‌تاباند و با نمای تخت یا SPECT تصویربرداری می‌شود",
                ),
                Sentence(
                    "Name the therapeutic agent without PET/CT, and its imaging by what it is",
                    "داروی درمانی را بدون PET/CT بنویسید و تصویربرداری آن را به نام خود",
                ),
                (quote(case, path),),
            )


@rule(
    "no-activity-nor-mass",
    Severity.ERROR,
    TRDS.format(13),
    "What is given is not given in numbers",
    "مقدار آنچه تجویز می‌شود گفته نشده است",
)
def no_activity_nor_mass(case: Case) -> Iterator[Found]:
    words = whole_text(case.record)
    if not about_radiotherapy(words) or not case.record.interventions:
        return
    lacking = [
        (en, fa)
        for en, fa, pattern in (
            ("administered activity (GBq)", "فعالیت تجویزشده (GBq)", _ACTIVITY),
            ("antibody or ligand mass (mg)", "جرم آنتی‌بادی یا لیگاند (mg)", _MASS),
            ("number of cycles", "شمار جلسه‌ها", _CYCLES),
            ("largest cumulative dose", "بیشترین دوز تجمعی", _LIMIT),
            ("rule to stop", "قاعدهٔ توقف", _STOP),
        )
        if not pattern.within(words)
    ]
    if lacking:
        yield Found(
            GROUP,
            Sentence(
                "The intervention does not give: " + ", ".join(en for en, _ in lacking),
                "در شرح مداخله نیامده است: " + "، ".join(fa for _, fa in lacking),
            ),
            Sentence(
                "Give them as the protocol has them: without, the treatment cannot be repeated or judged",
                "آن‌ها را چنان که در پروتکل است بنویسید: بی آن‌ها درمان نه تکرارشدنی است و نه سنجیدنی",
            ),
            (quote(case, GROUP),),
        )


@rule(
    "scans-differ",
    Severity.WARNING,
    CONSISTENCY,
    "Summary and intervention give different scans",
    "خلاصه و شرح مداخله تصویربرداری‌های متفاوتی می‌گویند",
)
def scans_differ(case: Case) -> Iterator[Found]:
    summary = _whole_body_scan(quote(case, "summary.settings_and_conduct").text)
    detail = _whole_body_scan(quote(case, GROUP).text)
    if summary and detail:
        ours, theirs = (set(_HOURS.findall(one[0])) for one in (summary, detail))
        if ours != theirs:
            yield Found(
                "summary.settings_and_conduct",
                Sentence(
                    f"The summary says '{_said(summary)}', the intervention '{_said(detail)}'",
                    "خلاصه و شرح مداخله زمان‌های یکسانی برای تصویربرداری تمام‌بدن نمی‌گویند",
                ),
                Sentence(
                    "Give the same scans at the same hours in both",
                    "در هر دو همان تصویربرداری‌ها را در همان ساعت‌ها بنویسید",
                ),
                (
                    Quote(_said(summary), "summary.settings_and_conduct"),
                    Quote(_said(detail), GROUP),
                ),
            )


def _said(scan: re.Match[str]) -> str:
    return whole_words(scan.string, *scan.span())


def _whole_body_scan(words: str) -> re.Match[str] | None:
    """The first one, with the words around it."""
    named = _BODY_SCAN.search(words)
    # Its words begin at most 66 letters before: to look at all that stands earlier would be slow.
    return _WHOLE_BODY.search(words, max(0, named.start() - 70)) if named else None


@rule(
    "sample-size-differs",
    Severity.ERROR,
    CONSISTENCY,
    "The text gives another number of participants than the field",
    "متن شمار دیگری از شرکت‌کنندگان می‌گوید",
)
def sample_size_differs(case: Case) -> Iterator[Found]:
    target = case.record.recruitment.target_sample_size
    if target is None:
        return
    for path in ("summary.design", GROUP, "summary.intervention_groups"):
        words = quote(case, path).text
        if not any(one in words for one in _PEOPLE):
            continue
        for match in _NUMBER_OF_PEOPLE.finditer(words):
            if int(match[1]) != target:
                yield Found(
                    path,
                    Sentence(
                        f"'{match[0]}' here, {target} as target sample size",
                        f"اینجا «{match[0]}» و در حجم نمونه {target} آمده است",
                    ),
                    Sentence(
                        "Give one number, or say which group it is of", "یک عدد بنویسید یا بگویید از آن کدام گروه است"
                    ),
                    (Quote(match[0], path), quote(case, "recruitment.target_sample_size")),
                )
