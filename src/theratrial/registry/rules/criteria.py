"""Criteria: the summary against the detail, the titles against both, and what a trial of this kind would have to limit.

Words are compared by what they demand (`theratrial.registry.readings`), not letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from theratrial.registry.criteria_compared import limit_said, reading_differences
from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.readings import Reading, readings, speaks_of, topics
from theratrial.registry.rules.frame import CONSISTENCY, PHARMACOLOGY, PHYSICS, TRDS, Case, Found, quote, rule
from theratrial.registry.rules.quoting import opening, quoted
from theratrial.registry.rules.words import (
    about_antibody,
    about_gallium,
    about_radiotherapy,
    criteria_readings,
    summary_readings,
    whole_text,
)
from theratrial.registry.words import Language

_MALE: Final = re.compile(r"\b(?:men|man|males?)\b|\bمرد(?:ان|ها)?\b|\bآقا")
_VECTORS: Final = ("fab", "affibody", "nanobody", "fragment", "pretarget", "single-domain")
_ON_GALLIUM: Final = re.compile(r"(?:68 ?ga|ga-?68|gallium-?68)[^a-z0-9]{0,3}[^ ]{0,20}")
_SMALL: Final = ("psma", "dotatate", "dotatoc", "dotanoc", "fapi", "pentixafor", "exendin", "citrate")
INCLUSION, EXCLUSION, SUMMARY = "eligibility.inclusion", "eligibility.exclusion", "summary.participants"


@rule(
    "criteria-summary-lacks",
    Severity.WARNING,
    CONSISTENCY,
    "A criterion of the full list is missing in the summary",
    "یکی از شرایط فهرست کامل در خلاصه نیامده است",
)
def summary_lacks(case: Case) -> Iterator[Found]:
    if not case.record.summary.participants:
        return
    for one in reading_differences(summary_readings(case.record), criteria_readings(case.record)):
        if one.kind == "only_in_second" and one.second is not None and one.topic != "female":
            topic = topics()[one.topic]
            yield Found(
                SUMMARY,
                Sentence(
                    f"The full criteria name {topic.en} ({one.second.side}), the summary does not",
                    f"فهرست کامل شرایط «{topic.fa}» را دارد و خلاصه ندارد",
                ),
                Sentence("Say the same in the summary and in the criteria", "در خلاصه و در شرایط یک چیز بنویسید"),
                (_of_criteria(case, one.second), opening(case, SUMMARY)),
            )


@rule(
    "criteria-detail-lacks",
    Severity.WARNING,
    CONSISTENCY,
    "The summary or a title names a condition that the full list lacks",
    "خلاصه یا عنوان شرطی دارد که فهرست کامل ندارد",
)
def detail_lacks(case: Case) -> Iterator[Found]:
    detail = criteria_readings(case.record)
    if not case.record.eligibility.inclusion:
        return
    elsewhere = [(one, SUMMARY) for one in summary_readings(case.record)]
    for path in ("scientific_title", "public_title"):
        elsewhere += [(one, path) for one in readings(quote(case, path).text)]
    told: set[str] = set()
    for reading, path in elsewhere:
        if reading.topic in told or any(one.topic == reading.topic for one in detail):
            continue
        told.add(reading.topic)
        topic = topics()[reading.topic]
        where = ("the summary", "خلاصه") if path == SUMMARY else ("the title", "عنوان")
        yield Found(
            INCLUSION,
            Sentence(
                f"{where[0].capitalize()} speaks of {topic.en}; the full criteria do not",
                f"{where[1]} از «{topic.fa}» می‌گوید و فهرست کامل شرایط نه",
            ),
            Sentence(
                "Add it to the criteria, with how it is established, or take it out there",
                "آن را با شیوهٔ احرازش به شرایط بیفزایید یا از آنجا بردارید",
            ),
            (quoted(case, reading, path), opening(case, INCLUSION)),
        )


@rule(
    "criteria-limits-differ",
    Severity.ERROR,
    CONSISTENCY,
    "Summary and full list set different limits",
    "خلاصه و فهرست کامل حدهای متفاوتی دارند",
)
def limits_differ(case: Case) -> Iterator[Found]:
    for one in reading_differences(summary_readings(case.record), criteria_readings(case.record)):
        if one.kind in ("other_limit", "other_side") and one.first is not None and one.second is not None:
            topic = topics()[one.topic]
            yield Found(
                INCLUSION,
                Sentence(
                    f"{topic.en}: the summary says {_demand(one.first, 'en')}, "
                    f"the criteria say {_demand(one.second, 'en')}",
                    f"{topic.fa}: خلاصه «{_demand(one.first, 'fa')}» و شرایط «{_demand(one.second, 'fa')}» می‌گوید",
                ),
                Sentence(
                    "Give the limit that the protocol has, in both places",
                    "در هر دو جا حدی را که در پروتکل است بنویسید",
                ),
                (quoted(case, one.first, SUMMARY), _of_criteria(case, one.second)),
            )


@rule(
    "criteria-sex-not-in-text",
    Severity.WARNING,
    CONSISTENCY,
    "The restriction to one sex is not in the criteria's text",
    "محدودیت به یک جنس در متن شرایط نیامده است",
)
def sex_not_in_text(case: Case) -> Iterator[Found]:
    sex, criteria = case.record.eligibility.sex, case.record.eligibility
    if sex.code not in ("female", "male") or not criteria.inclusion:
        return
    spoken = " ".join(str(text).casefold() for text in (criteria.inclusion.en, criteria.inclusion.fa))
    # The criteria were read in the language shown; what only the other one says counts too.
    named = speaks_of(spoken, "female") if sex.code == "female" else bool(_MALE.search(spoken))
    if not named:
        yield Found(
            INCLUSION,
            Sentence(
                f"The field Gender says {sex.code}; the criteria do not say it",
                "فیلد جنسیت یک جنس را می‌گوید و متن شرایط نمی‌گوید",
            ),
            Sentence("Write it into the inclusion criteria, with the reason", "آن را با دلیل در شرایط ورود بنویسید"),
            (quote(case, "eligibility.sex"), quote(case, INCLUSION)),
        )


@rule(
    "her2-by-tracer-only",
    Severity.WARNING,
    PHARMACOLOGY,
    "HER2 positivity rests on a tracer alone",
    "مثبت بودن HER2 تنها بر پایهٔ ردیاب است",
)
def her2_by_tracer_only(case: Case) -> Iterator[Found]:
    found = criteria_readings(case.record)
    if any(one.topic == "her2_positive" for one in found) and not any(one.topic == "her2_tissue" for one in found):
        words = next(one for one in found if one.topic == "her2_positive")
        if "pet" in whole_text(case.record):
            yield Found(
                INCLUSION,
                Sentence(
                    "HER2 positivity is to be shown by PET; no immunohistochemistry or in-situ "
                    "hybridization is asked for",
                    "مثبت بودن HER2 با PET نشان داده می‌شود؛ ایمونوهیستوشیمی یا هیبریدسازی درجا خواسته نشده است",
                ),
                Sentence(
                    "Say whether a tissue result is required, of which lesion and how old it may be",
                    "بنویسید آیا نتیجهٔ بافتی لازم است، از کدام ضایعه و با چه قدمتی",
                ),
                (_of_criteria(case, words),),
            )


@rule(
    "antibody-on-short-lived-label",
    Severity.WARNING,
    PHYSICS,
    "A tracer that decays in an hour on a vector that takes days",
    "ردیابی با نیمه‌عمر یک ساعت روی حاملی که روزها زمان می‌خواهد",
)
def antibody_on_short_lived_label(case: Case) -> Iterator[Found]:
    words = whole_text(case.record)
    if about_gallium(words) and about_antibody(words) and not _vector_named(words):
        yield Found(
            INCLUSION,
            Sentence(
                "68Ga has a half-life of 67.7 min; intact IgG reaches its target in days. The vector is not named",
                "نیمه‌عمر 68Ga برابر ۶۷٫۷ دقیقه است و IgG کامل در چند روز به هدف می‌رسد؛ نوع حامل گفته نشده است",
            ),
            Sentence(
                "Name the vector (intact antibody, Fab, affibody ...) and the time from injection to scan",
                "نوع حامل (آنتی‌بادی کامل، Fab، افی‌بادی ...) و فاصلهٔ تزریق تا تصویربرداری را بنویسید",
            ),
            (quote(case, INCLUSION),),
        )


def _vector_named(words: str) -> bool:
    """Whether a fragment is named, or every 68Ga is on something else that is named beside it."""
    labelled = _ON_GALLIUM.findall(words)
    return any(word in words for word in _VECTORS) or (
        bool(labelled) and all(any(ligand in one for ligand in _SMALL) for one in labelled)
    )


def _lacks(id_: str, topic: str, reason: tuple[str, str], remedy: tuple[str, str], title: tuple[str, str]) -> None:
    @rule(id_, Severity.WARNING, PHARMACOLOGY, *title)
    def look(case: Case) -> Iterator[Found]:
        words = whole_text(case.record)
        applies = about_antibody(words) if topic in ("lvef", "washout") else about_radiotherapy(words)
        if (
            case.record.eligibility.inclusion
            and applies
            and not any(one.topic in topic.split(" ") for one in criteria_readings(case.record))
        ):
            yield Found(INCLUSION, Sentence(*reason), Sentence(*remedy), (quote(case, INCLUSION),))


_lacks(
    "no-heart-criterion",
    "lvef",
    (
        "Trastuzumab can harm the heart; no criterion asks for the left ventricular ejection fraction",
        "تراستوزوماب می‌تواند به قلب آسیب بزند؛ هیچ شرطی کسر تخلیهٔ بطن چپ را نمی‌خواهد",
    ),
    ("Give the lowest LVEF, and when it is measured", "کمترین LVEF و زمان اندازه‌گیری آن را بنویسید"),
    ("No criterion on the heart although trastuzumab is given", "با وجود تراستوزوماب شرطی دربارهٔ قلب نیست"),
)
_lacks(
    "no-kidney-or-liver-criterion",
    "creatinine bilirubin transaminases",
    (
        "A radionuclide therapy burdens kidneys and liver; no limit of creatinine, bilirubin or transaminases is given",
        "درمان با رادیونوکلید بر کلیه و کبد بار می‌گذارد؛ حدی برای کراتینین، بیلی‌روبین یا ترانس‌آمینازها داده نشده است",
    ),
    ("Give the limits with their units", "حدها را با یکا بنویسید"),
    ("No limits of kidney and liver function", "حدی برای کارکرد کلیه و کبد نیست"),
)
_lacks(
    "no-washout-criterion",
    "washout",
    (
        "Unlabelled trastuzumab given before occupies the receptors; no interval since the last dose is asked for",
        "تراستوزوماب نشان‌دارنشدهٔ پیشین گیرنده‌ها را اشغال می‌کند؛ فاصله‌ای از آخرین دوز خواسته نشده است",
    ),
    ("Give the shortest interval, or say why none is needed", "کوتاه‌ترین فاصله را بنویسید یا بگویید چرا لازم نیست"),
    ("No interval since earlier trastuzumab", "فاصله‌ای از تراستوزوماب پیشین نیست"),
)


@rule("criteria-missing", Severity.ERROR, TRDS.format(14), "Criteria are missing", "شرایط ورود و عدم ورود نیامده است")
def criteria_missing(case: Case) -> Iterator[Found]:
    for path, en, fa in ((INCLUSION, "inclusion", "ورود"), (EXCLUSION, "exclusion", "عدم ورود")):
        if not quote(case, path).text:
            yield Found(
                path,
                Sentence(f"No {en} criteria are registered", f"شرایط {fa} ثبت نشده است"),
                Sentence("Copy them from the protocol", "آن‌ها را از پروتکل بنویسید"),
            )


def _of_criteria(case: Case, reading: Reading) -> Quote:
    return quoted(case, reading, EXCLUSION if reading.side == "exclusion" else INCLUSION)


_SIDES: Final = {
    "inclusion": ("it is asked for", "شرط ورود است"),
    "exclusion": ("it excludes", "شرط عدم ورود است"),
}


def _demand(reading: Reading, language: Language) -> str:
    """The limit, and where it stands among what excludes; of a mere name, on which side it stands."""
    said, fa = limit_said(reading, language), language == "fa"
    if not said:
        return _SIDES[reading.side][fa]
    return said + ("" if reading.side == "inclusion" else (" excludes", " مانع ورود است")[fa])
