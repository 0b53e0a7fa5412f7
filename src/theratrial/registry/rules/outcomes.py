"""Outcomes: whether each is one, whether summary and list agree, and whether its time can be known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.needles import folded, sought
from theratrial.registry.rules.frame import CONSISTENCY, ICMJE, SPIRIT, TRDS, Case, Found, quote, rule
from theratrial.registry.rules.quoting import whole_words
from theratrial.registry.rules.words import about_radiotherapy, whole_text

SUMMARY: Final = "summary.main_outcome_variables"
FIRST: Final = "primary_outcomes[0].description"
_MEASURED: Final = sought(
    r"respon|surviv|progress|toxic|adverse|safety|score|rate|proportion|percentage|incidence|change|time to|"
    r"level|concentration|dose|uptake|mortality|death|size|volume|quality of life|pain|grade|recurrence|"
    r"remission|پاسخ|بقا|سمیت|عارضه|نسبت|میزان|نمره|تغییر|مرگ"
)
_COUNTED: Final = sought(
    r"^\W*(?:the\s+)?(?:numbe?r?|count|تعداد)\s+(?:of\s+)?(?:\w+\s+){0,3}"
    r"(?:patients?|participants?|subjects?|بیمار)"
)
_RESPONSE: Final = sought(r"respon\w+|stable|progress\w+|پاسخ")
_CRITERIA: Final = sought(r"recist|percist|eortc|deauville|lugano|qpercist|irecist|mrecist|rano")
_SAFETY: Final = sought(r"toxic|adverse|safety|tolerab|side effect|ctcae|سمیت|ایمنی|عارضه|عوارض")
_GATED: Final = sought(r"no[nt]?\b[^.]{0,20}toxic|without toxic|any toxicity")
_BETWEEN: Final = sought(r"follow\w*[^.]{0,40}between[^.]{0,30}(?:session|cycle|treatment)")
_CTCAE: Final = sought(r"ctcae|common terminology criteria")
_WEEKS: Final = sought(
    r"(\d+|two|four|six|eight|twelve)\s*(?:-|–|to|تا)\s*(\d+|four|six|eight|ten|twelve)\s*(?:weeks?|هفته)"
)
_NUMBERS: Final = {"two": 2, "four": 4, "six": 6, "eight": 8, "ten": 10, "twelve": 12}
_LAST_SESSION: Final = sought(
    r"(?:last|final|end of)\s+(?:\w+\s+)?(?:session|cycle|treatment|therapy|injection|administration)|آخرین جلسه"
)
_HOW_MANY: Final = sought(
    r"(?:maximum|max\.?|up to|at most|total of|for)\s+(?:of\s+)?(?:\d+|one|two|three|four|five|six)\s+(?:\w+\s+)?"
    r"(?:sessions?|cycles?|treatments?|injections?|administrations?)"
    r"|(?:\d+|one|two|three|four|five|six)\s+(?:\w+\s+)?(?:sessions|cycles|injections|administrations)|حداکثر \S+ جلسه"
)


@rule(
    "outcome-missing",
    Severity.ERROR,
    TRDS.format(19),
    "No primary outcome is registered",
    "هیچ پیامد اولیه‌ای ثبت نشده است",
)
def outcome_missing(case: Case) -> Iterator[Found]:
    if not any(one.description for one in case.record.primary_outcomes):
        yield Found(
            FIRST,
            Sentence("No primary outcome is registered", "هیچ پیامد اولیه‌ای ثبت نشده است"),
            Sentence(
                "Give name, method and timepoint of the one that answers the question",
                "نام، روش و زمان پیامدی را بنویسید که به پرسش پاسخ می‌دهد",
            ),
        )


@rule(
    "outcome-is-no-outcome",
    Severity.ERROR,
    ICMJE,
    "What is registered as an outcome is no outcome",
    "آنچه به‌عنوان پیامد ثبت شده پیامد نیست",
)
def is_no_outcome(case: Case) -> Iterator[Found]:
    """A number of patients treated tells how many were treated; nothing about them was measured."""
    for index, one in enumerate(case.record.primary_outcomes):
        words, path = str(one.description), f"primary_outcomes[{index}].description"
        if words and (_COUNTED.search(words) and not _MEASURED.search(words)):
            yield Found(
                path,
                Sentence(
                    f"'{words}' counts patients; it measures nothing about them",
                    f"«{words}» بیماران را می‌شمارد و چیزی از آنان نمی‌سنجد",
                ),
                Sentence(
                    "Name what is measured in each participant and how it is summarized, as in 'proportion with "
                    "complete, partial or stable disease'",
                    "آنچه در هر شرکت‌کننده سنجیده می‌شود و شیوهٔ خلاصه‌کردنش را بنویسید؛ "
                    "مانند «نسبت پاسخ کامل، نسبی یا بیماری پایدار»",
                ),
                (Quote(words, path),),
            )


@rule(
    "outcome-summary-differs",
    Severity.ERROR,
    CONSISTENCY,
    "The summary's outcome is not the registered primary outcome",
    "پیامد خلاصه همان پیامد اولیهٔ ثبت‌شده نیست",
)
def summary_differs(case: Case) -> Iterator[Found]:
    summary = str(case.record.summary.main_outcome_variables)
    if not summary or not case.record.primary_outcomes:
        return
    listed = " ".join(f"{one.description}" for one in case.record.primary_outcomes)
    ours, theirs = _kinds(summary), _kinds(listed)
    if ours and not ours & theirs:
        yield Found(
            FIRST,
            Sentence(
                "The summary speaks of "
                + " and ".join(sorted(ours))
                + "; the registered primary outcome speaks of "
                + (" and ".join(sorted(theirs)) or "nothing that is measured"),
                "خلاصه و پیامد اولیهٔ ثبت‌شده از یک چیز سخن نمی‌گویند",
            ),
            Sentence(
                "Register as primary outcome what the summary calls the main outcome",
                "آنچه را خلاصه پیامد اصلی می‌خواند به‌عنوان پیامد اولیه ثبت کنید",
            ),
            (quote(case, SUMMARY), quote(case, FIRST)),
        )


_KINDS: Final = {
    "response": sought(r"respon|stable|remission|پاسخ"),
    "survival": sought(r"surviv|death|mortality|بقا|مرگ"),
    "toxicity": _SAFETY,
    "dose": sought(r"absorbed dose|dosimetr|uptake|biodistribution|دوز جذبی"),
    "quality of life": sought(r"quality of life|کیفیت زندگی"),
}


def _kinds(words: str) -> set[str]:
    return {name for name, pattern in _KINDS.items() if pattern.search(words)}


@rule(
    "spelling-of-outcome",
    Severity.WARNING,
    CONSISTENCY,
    "A word of an outcome is misspelled",
    "واژه‌ای از پیامد غلط نوشته شده است",
)
def spelling(case: Case) -> Iterator[Found]:
    for group in ("primary_outcomes", "secondary_outcomes"):
        for index, one in enumerate(getattr(case.record, group)):
            small = folded(one.description.en)
            for wrong, right in _MISSPELLED.items():
                if wrong in small and re.search(rf"\b{wrong}\b", one.description.en, re.IGNORECASE):
                    path = f"{group}[{index}].description"
                    yield Found(
                        path,
                        Sentence(f"'{wrong}' is probably '{right}'", f"«{wrong}» به‌احتمال «{right}» است"),
                        Sentence("Correct it", "آن را درست کنید"),
                        (Quote(one.description.en, path),),
                    )


# Words of outcomes whose misspelling no search finds again; seen in registry records.
_MISSPELLED: Final = {
    "numbe": "number",
    "nubmer": "number",
    "respone": "response",
    "responce": "response",
    "survial": "survival",
    "toxity": "toxicity",
    "progresion": "progression",
    "tretment": "treatment",
    "treatement": "treatment",
    "adverce": "adverse",
}


@rule(
    "no-safety-outcome",
    Severity.ERROR,
    SPIRIT,
    "No outcome on safety",
    "هیچ پیامدی دربارهٔ ایمنی نیست",
)
def no_safety_outcome(case: Case) -> Iterator[Found]:
    record = case.record
    outcomes = [*record.primary_outcomes, *record.secondary_outcomes]
    words = whole_text(record)
    if not outcomes or any(_SAFETY.search(f"{one.description} {one.method}") for one in outcomes):
        return
    early = record.design.phase.code in ("0", "1", "1_2", "2", "2_3")
    gated = _GATED.within(words)
    if about_radiotherapy(words) and (early or gated):
        quotes = [Quote(sentence, "summary.settings_and_conduct") for sentence in _sentences(case, "toxic")]
        because = "; treatment goes on only without toxicity" if gated else ""
        yield Found(
            "secondary_outcomes[0].description",
            Sentence(
                f"A radionuclide therapy of phase {record.design.phase.code or '?'} registers no safety outcome"
                + because,
                "درمان با رادیونوکلید بدون هیچ پیامد ایمنی ثبت شده است"
                + ("؛ حال آنکه ادامهٔ درمان به نبود سمیت وابسته است" if gated else ""),
            ),
            Sentence(
                "Add adverse events by CTCAE (version, grades, until when) as a secondary outcome",
                "رویدادهای نامطلوب بر پایهٔ CTCAE (نسخه، درجه، تا چه زمان) را به پیامدهای ثانویه بیفزایید",
            ),
            tuple(quotes[:1]),
        )


def _sentences(case: Case, word: str) -> list[str]:
    words = quote(case, "summary.settings_and_conduct").text
    return [one.strip() for one in re.split(r"(?<=[.!?])\s+", words) if word in one.casefold()]


@rule(
    "response-criterion-unnamed",
    Severity.WARNING,
    TRDS.format(19),
    "The criterion of response is not named",
    "معیار پاسخ نام برده نشده است",
)
def response_criterion_unnamed(case: Case) -> Iterator[Found]:
    for index, one in enumerate(case.record.primary_outcomes):
        words = f"{one.description} {one.method}"
        if _RESPONSE.search(words) and not _CRITERIA.search(words):
            path = f"primary_outcomes[{index}].method"
            yield Found(
                path,
                Sentence(
                    "Response is measured by images; by which criterion (RECIST 1.1, PERCIST, one of the "
                    "protocol's own) is not said",
                    "پاسخ با تصویر سنجیده می‌شود؛ معیار آن (RECIST 1.1، PERCIST یا معیار خود پروتکل) گفته نشده است",
                ),
                Sentence("Name the criterion and its version", "معیار و نسخهٔ آن را نام ببرید"),
                (quote(case, path),),
            )


@rule(
    "toxicity-undefined",
    Severity.WARNING,
    SPIRIT,
    "Toxicity decides on treatment and is not defined",
    "سمیت دربارهٔ درمان تصمیم می‌گیرد و تعریف نشده است",
)
def toxicity_undefined(case: Case) -> Iterator[Found]:
    words = whole_text(case.record)
    if "toxicity" in words and re.search(r"\btoxicity\b", words) and not _CTCAE.within(words):
        path = next(
            (
                p
                for p in ("interventions[0].description", "summary.settings_and_conduct")
                if "toxic" in quote(case, p).text.casefold()
            ),
            "summary.settings_and_conduct",
        )
        yield Found(
            path,
            Sentence(
                "Toxicity is named without a scale or grade",
                "از سمیت بدون مقیاس و درجه نام برده شده است",
            ),
            Sentence(
                "Give the CTCAE version, the terms and the grade from which treatment stops",
                "نسخهٔ CTCAE، موارد و درجه‌ای را که درمان در آن متوقف می‌شود بنویسید",
            ),
            (quote(case, path),),
        )


@rule(
    "outcome-time-against-visits",
    Severity.WARNING,
    CONSISTENCY,
    "The outcome's time and the visits do not fit",
    "زمان پیامد با ویزیت‌ها نمی‌خواند",
)
def outcome_time_against_visits(case: Case) -> Iterator[Found]:
    for index, one in enumerate(case.record.primary_outcomes):
        path = f"primary_outcomes[{index}].timepoint"
        outcome = _weeks(str(one.timepoint))
        if outcome is None:
            continue
        for other in ("interventions[0].description", "summary.settings_and_conduct"):
            visit = _weeks(quote(case, other).text)
            if visit is not None and visit != outcome and outcome[1] <= visit[0]:
                yield Found(
                    path,
                    Sentence(
                        f"The outcome is due {outcome[0]}-{outcome[1]} weeks after the last session, the visit "
                        f"after each session {visit[0]}-{visit[1]} weeks: whether a session was the last is decided "
                        "after the outcome is due",
                        f"پیامد {outcome[0]} تا {outcome[1]} هفته پس از آخرین جلسه و ویزیت پس از هر جلسه "
                        f"{visit[0]} تا {visit[1]} هفته است: "
                        "تصمیم دربارهٔ آخرین جلسه پس از موعد پیامد گرفته می‌شود",
                    ),
                    Sentence(
                        "Say which comes first and give windows for both",
                        "بنویسید کدام نخست می‌آید و بازهٔ هر دو را بدهید",
                    ),
                    (quote(case, path), quote(case, other)),
                )
                return


def _weeks(words: str) -> tuple[int, int] | None:
    match = _WEEKS.search(words)
    if match is None:
        return None
    low, high = (_NUMBERS.get(part.casefold()) or int(part) for part in match.groups())
    return low, high


@rule(
    "last-session-unknown",
    Severity.WARNING,
    CONSISTENCY,
    "Nothing says which session is the last",
    "گفته نشده کدام جلسه آخرین است",
)
def last_session_unknown(case: Case) -> Iterator[Found]:
    timed = [
        f"primary_outcomes[{index}].timepoint"
        for index, one in enumerate(case.record.primary_outcomes)
        if _LAST_SESSION.search(str(one.timepoint))
    ]
    if timed and not _HOW_MANY.within(whole_text(case.record)):
        yield Found(
            timed[0],
            Sentence(
                "The outcome is timed from the last session; neither a number of sessions nor a rule to stop is given",
                "زمان پیامد از آخرین جلسه شمرده می‌شود؛ نه شمار جلسه‌ها آمده است و نه قاعدهٔ توقف",
            ),
            Sentence(
                "Give the largest number of sessions and what ends treatment",
                "بیشترین شمار جلسه‌ها و آنچه درمان را پایان می‌دهد بنویسید",
            ),
            (quote(case, timed[0]),),
        )


@rule(
    "follow-up-without-outcome",
    Severity.WARNING,
    CONSISTENCY,
    "Follow-up is announced for which no outcome is registered",
    "پیگیری‌ای گفته شده که پیامدی برایش ثبت نشده است",
)
def follow_up_without_outcome(case: Case) -> Iterator[Found]:
    design = quote(case, "summary.design").text
    outcomes = [*case.record.primary_outcomes, *case.record.secondary_outcomes]
    between = _BETWEEN.search(design)
    times = [str(one.timepoint) for one in outcomes if one.timepoint]
    if between and times and all(_LAST_SESSION.search(one) for one in times):
        yield Found(
            "secondary_outcomes[0].timepoint",
            Sentence(
                "Patients are followed between sessions; every registered outcome is measured after the last one",
                "بیماران بین جلسه‌ها پیگیری می‌شوند؛ همهٔ پیامدهای ثبت‌شده پس از آخرین جلسه سنجیده می‌شوند",
            ),
            Sentence(
                "Register what is measured between sessions, or say what the follow-up is for",
                "آنچه بین جلسه‌ها سنجیده می‌شود ثبت کنید یا بگویید پیگیری برای چیست",
            ),
            (
                Quote(whole_words(design, *between.span()), "summary.design"),
                quote(case, "primary_outcomes[0].timepoint"),
            ),
        )


@rule(
    "outcome-incomplete",
    Severity.WARNING,
    TRDS.format(19),
    "An outcome lacks its time or method",
    "پیامدی زمان یا روش ندارد",
)
def outcome_incomplete(case: Case) -> Iterator[Found]:
    for group in ("primary_outcomes", "secondary_outcomes"):
        for index, one in enumerate(getattr(case.record, group)):
            for name, en, fa in (
                ("timepoint", "timepoint", "زمان"),
                ("method", "method of measurement", "روش اندازه‌گیری"),
            ):
                if one.description and not getattr(one, name):
                    path = f"{group}[{index}].{name}"
                    yield Found(
                        path,
                        Sentence(f"'{one.description}' has no {en}", f"«{one.description}» {fa} ندارد"),
                        Sentence("Give it as the protocol has it", "آن را چنان که در پروتکل است بنویسید"),
                        (Quote(str(one.description), f"{group}[{index}].description"),),
                    )
