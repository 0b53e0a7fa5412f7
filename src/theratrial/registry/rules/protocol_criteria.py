"""Record and protocol: the same criteria and the same primary outcome?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from theratrial.registry.criteria_compared import demanded, limit_said
from theratrial.registry.found import Sentence, Severity
from theratrial.registry.readings import Reading, protocol_readings, readings, topics
from theratrial.registry.rules.frame import PROTOCOL, Case, Found, quote, rule
from theratrial.registry.rules.planned import SAY_THE_SAME, assumed, of_protocol, same_words, spans, words_at
from theratrial.registry.rules.quoting import quoted
from theratrial.registry.rules.words import criteria_readings
from theratrial.registry.words import LANGUAGES, Language

if TYPE_CHECKING:
    from theratrial.protocol.schema import Protocol

_CATEGORIES: Final = {
    "CR": r"\bcomplete\b|\bCR\b|کامل",
    "PR": r"\bpartial\b|\bPR\b|نسبی",
    "SD": r"\bstable\b|\bSD\b|not[- ]?progressed|پایدار",
}
_TOGETHER: Final = (
    (r"objective response|overall response|پاسخ عینی", {"CR", "PR"}),
    (r"disease control|clinical benefit|کنترل بیماری", {"CR", "PR", "SD"}),
)
_CATEGORY_WORDS: Final = {
    "CR": ("complete", "کامل"),
    "PR": ("partial", "نسبی"),
    "SD": ("stable", "پایدار"),
    "PD": ("progressive", "پیشرونده"),
}


@rule(
    "protocol-criterion-only-in-record",
    Severity.WARNING,
    PROTOCOL,
    "The record demands what the protocol does not",
    "سوابق چیزی می‌خواهد که پروتکل نمی‌خواهد",
)
def criterion_only_in_record(case: Case) -> Iterator[Found]:
    if case.protocol is None:
        return
    known = {one.topic for one in (*protocol_readings(case.protocol), *_titles(case.protocol))}
    for one in _first_of_topics(criteria_readings(case.record)):
        if one.topic not in known and not _from_a_field(one):
            topic, said = topics()[one.topic], quoted(case, one, _side_path(one))
            yield Found(
                _side_path(one),
                Sentence(
                    f"'{said.text}': no criterion of the protocol speaks of {topic.en}",
                    f"«{said.text}»: هیچ معیار پروتکل از {topic.fa} نمی‌گوید",
                ),
                Sentence(
                    "Add the criterion to the protocol, or say why the record has it",
                    "معیار را به پروتکل بیفزایید یا بگویید چرا در سوابق آمده است",
                ),
                (said,),
            )


@rule(
    "protocol-criterion-only-in-protocol",
    Severity.ERROR,
    PROTOCOL,
    "The protocol demands what the record does not",
    "پروتکل چیزی می‌خواهد که سوابق نمی‌گوید",
)
def criterion_only_in_protocol(case: Case) -> Iterator[Found]:
    if case.protocol is None or not (case.record.eligibility.inclusion or case.record.eligibility.exclusion):
        return
    known = {one.topic for one in criteria_readings(case.record)}
    for one in _first_of_topics(protocol_readings(case.protocol)):
        if one.topic not in known and one.topic != "female":
            topic = topics()[one.topic]
            limits = [f" {said}" if (said := limit_said(one, tongue)) else "" for tongue in LANGUAGES]
            yield Found(
                _side_path(one),
                Sentence(
                    f"The protocol's {one.side} criterion on {topic.en}{limits[0]} is not in the record",
                    f"معیار {'ورود' if one.side == 'inclusion' else 'عدم ورود'} پروتکل دربارهٔ {topic.fa}{limits[1]} "
                    "در سوابق نیست",
                ),
                Sentence(
                    "Register the criterion: participants are chosen by it",
                    "معیار را ثبت کنید: شرکت‌کنندگان با آن برگزیده می‌شوند",
                ),
                (of_protocol(one.quote, "eligibility"),),
            )


@rule(
    "protocol-criterion-differs",
    Severity.ERROR,
    PROTOCOL,
    "A criterion has another limit or another side than in the protocol",
    "حد یا سمت یک معیار جز آن است که در پروتکل است",
)
def criterion_differs(case: Case) -> Iterator[Found]:
    if case.protocol is None:
        return
    ours = [one for one in criteria_readings(case.record) if not _from_a_field(one)]
    theirs = protocol_readings(case.protocol)
    for topic in topics().values():
        said, planned = ([one for one in side if one.topic == topic.id] for side in (ours, theirs))
        if not said or not planned:
            continue
        limits, wanted = demanded(said), demanded(planned)
        sides = not (limits and wanted) and {one.side for one in said} != {one.side for one in planned}
        if sides or limits != wanted:
            yield Found(
                _side_path(said[0]),
                Sentence(
                    f"{topic.en[0].upper()}{topic.en[1:]}: {_listed(said, 'en', with_side=sides)} in the record, "
                    f"{_listed(planned, 'en', with_side=sides)} in the protocol",
                    f"{topic.fa}: در سوابق {_listed(said, 'fa', with_side=sides)}، "
                    f"در پروتکل {_listed(planned, 'fa', with_side=sides)}",
                ),
                SAY_THE_SAME,
                (quoted(case, said[0], _side_path(said[0])), of_protocol(planned[0].quote, "eligibility")),
            )


def _listed(found: list[Reading], language: Language, *, with_side: bool) -> str:
    sides = {"inclusion": ("inclusion", "ورود"), "exclusion": ("exclusion", "عدم ورود")}
    place = 1 if language == "fa" else 0
    said = [
        limit_said(one, language) or ("no limit that could be read", "بی حدی که خوانده شود")[place] for one in found
    ]
    if not with_side:
        return ", ".join(said)
    return ", ".join(f"{limit} ({sides[one.side][place]})" for limit, one in zip(said, found, strict=True))


def _titles(protocol: Protocol) -> list[Reading]:
    """Topics that the protocol's criteria speak of in words: of a condition over other variables too."""
    found: list[Reading] = []
    for clause in protocol.eligibility.values():
        texts = [sentence.text for sentence in clause.verbatim]
        if clause.reading is not None:
            texts += [clause.reading.title, clause.reading.condition.replace("_", " ")]
        found += readings(". ".join(texts))
    return found


def _first_of_topics(found: tuple[Reading, ...]) -> Iterator[Reading]:
    seen: set[str] = set()
    for one in found:
        if one.topic not in seen:
            seen.add(one.topic)
            yield one


def _from_a_field(one: Reading) -> bool:
    """Whether it was read from the fields of age or sex, which have rules of their own."""
    return one.quote.startswith(("Age from ", "Age to ", "Gender: "))


def _side_path(one: Reading) -> str:
    return f"eligibility.{one.side}"


@rule(
    "protocol-outcome-differs",
    Severity.ERROR,
    PROTOCOL,
    "No primary outcome of the record is the protocol's endpoint",
    "هیچ پیامد اولیهٔ سوابق پیامد اولیهٔ پروتکل نیست",
)
def outcome_differs(case: Case) -> Iterator[Found]:
    """By the response categories that count; the words of the title are enough too."""
    clause = case.protocol.endpoint if case.protocol else None
    endpoint, outcomes = clause.reading if clause else None, case.record.primary_outcomes
    if clause is None or endpoint is None or not outcomes:
        return
    wanted = set(endpoint.counted_categories)
    for one in outcomes:
        description = str(one.description)
        if same_words(description, endpoint.title) or _categories(f"{description} {one.method}") == wanted:
            return
    words = [_CATEGORY_WORDS[name] for name in endpoint.counted_categories]
    named, path = _categories(f"{outcomes[0].description} {outcomes[0].method}"), "primary_outcomes[0].description"
    said = ", ".join(_CATEGORY_WORDS[name][0] for name in sorted(named)) or "no response category"
    said_fa = "، ".join(_CATEGORY_WORDS[name][1] for name in sorted(named)) or "هیچ ردهٔ پاسخی"
    verb = "نام می‌برد" if named else "نام نمی‌برد"
    extra = assumed(clause)
    yield Found(
        path,
        Sentence(
            f"The protocol counts {', '.join(en for en, _ in words)} response; the primary outcome names "
            f"{said}{extra.en}",
            f"پروتکل پاسخ {'، '.join(fa for _, fa in words)} را می‌شمارد؛ پیامد اولیه {said_fa} را {verb}{extra.fa}",
        ),
        Sentence(
            "Register the outcome that the protocol analyses; a changed one needs an update with its reason",
            "پیامدی را ثبت کنید که پروتکل تحلیل می‌کند؛ تغییر آن به‌روزرسانی با ذکر علت می‌خواهد",
        ),
        (quote(case, path), of_protocol(endpoint.title, "endpoint")),
    )


def _categories(text: str) -> set[str]:
    for words, together in _TOGETHER:
        if re.search(words, text, re.IGNORECASE):
            return set(together)
    return {name for name, words in _CATEGORIES.items() if re.search(words, text, re.IGNORECASE)}


@rule(
    "protocol-outcome-time-differs",
    Severity.WARNING,
    PROTOCOL,
    "The primary outcome is measured at another time than in the protocol",
    "زمان سنجش پیامد اولیه جز آن است که در پروتکل است",
)
def outcome_time_differs(case: Case) -> Iterator[Found]:
    endpoint = case.protocol.endpoint.reading if case.protocol else None
    clause = case.protocol.schedule.get(endpoint.visit) if case.protocol and endpoint else None
    visit = clause.reading if clause else None
    if clause is None or visit is None or visit.anchor != "last_administration":
        return
    low, high = visit.window_days.minimum, visit.window_days.maximum
    for index in range(len(case.record.primary_outcomes)):
        path = f"primary_outcomes[{index}].timepoint"
        found = spans(
            words_at(case, path), r"[^.;,]{0,20}\b(?:after|پس از|بعد از)\b[^.;,]{0,20}(?:last|final|آخرین)[^.;,]*"
        )
        for span in found:
            if not span.is_window(low, high):
                extra = assumed(clause)
                yield Found(
                    path,
                    Sentence(
                        f"'{span.text}' is {_days(span.low_days, span.high_days)} days; the protocol's window is day "
                        f"{_days(low, high)} after the last administration{extra.en}",
                        f"«{span.text}» یعنی روز {_days(span.low_days, span.high_days)}؛ "
                        f"بازهٔ پروتکل روز {_days(low, high)} پس از آخرین تجویز است{extra.fa}",
                    ),
                    SAY_THE_SAME,
                    (quote(case, path), of_protocol(clause.decision.why or visit.title, f"schedule.{visit.id}")),
                )


def _days(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"
