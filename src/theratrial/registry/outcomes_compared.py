"""Outcomes reported against outcomes registered: the same, switched, added or missing, with both wordings side by side.

Words decide only what is plainly the same; all else is named as different, for a person to judge. A difference is not
yet a fault: it has to be explained where results are published.

References
----------
ICMJE recommendations, clinical trial registration; COMPare project: outcome switching (Trials 2019;20:118);
WHO Trial Registration Data Set 1.3.1, items 19, 20 and 23.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.registry.found import Sentence
from theratrial.registry.outcome_links import linked, outcome_words, parts, reported_words, subjects
from theratrial.registry.record import Outcome, RegistrationRecord
from theratrial.registry.results_reported import OutcomeReported, ReportedResults
from theratrial.registry.time_frames import same_time
from theratrial.registry.words import Text

Kind = Literal["same", "switched", "added", "missing"]
Aspect = Literal["rank", "measure", "method", "time_frame"]
Rank = Literal["primary", "secondary", "other", ""]

ASPECTS: Final[dict[Aspect, Sentence]] = {
    "rank": Sentence("rank", "رتبه"),
    "measure": Sentence("what is measured", "آنچه سنجیده می‌شود"),
    "method": Sentence("method", "روش"),
    "time_frame": Sentence("time frame", "زمان"),
}
KINDS: Final[dict[Kind, Sentence]] = {
    "same": Sentence("Reported as registered", "همان‌گونه که ثبت شده گزارش شد"),
    "switched": Sentence("Reported otherwise than registered", "جز آنچه ثبت شده گزارش شد"),
    "added": Sentence("Reported, not registered", "گزارش شد و ثبت نشده است"),
    "missing": Sentence("Registered, not reported", "ثبت شده و گزارش نشد"),
}
RANKS: Final[dict[Rank, Sentence]] = {
    "primary": Sentence("primary outcome", "پیامد اولیه"),
    "secondary": Sentence("secondary outcome", "پیامد ثانویه"),
    "other": Sentence("other outcome", "پیامد دیگر"),
    "": Sentence("", ""),
}
_SAME_SHARE: Final = 0.6
_EMPTY_WORDS: Final = re.compile(
    r"a|an|the|of|in|on|at|to|and|or|with|for|by|from|who|have|has|had|having|be|is|are|was|were|all|any|each|every|"
    r"patient|participant|subject|people|number|"
    r"از|در|به|و|یا|با|که|را|هر|همه|بیمار|بیماران|شرکت|کننده|شرکت.کننده|شرکت.کنندگان|دارای"
)
_CATEGORIES: Final = {
    "complete": r"complete|کامل",
    "partial": r"partial|نسبی",
    "stable": r"stable|پایدار",
    "progressive": r"(?<!not-)(?<!not )progressive|پیشرونده",
}
_CRITERIA: Final = re.compile(r"[a-z]*recist|[a-z]*percist|eortc|deauville|lugano|rano|ctcae", re.IGNORECASE)
_COUNT: Final = re.compile(r"^\W*(?:the\s+)?(?:numbe?r?|count)\b|^\W*تعداد", re.IGNORECASE)
_SHARE: Final = re.compile(r"proportion|percentage|rate\b|fraction|نسبت|درصد|میزان", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Side:
    """One aspect in both wordings."""

    aspect: Aspect
    registered: Sentence
    reported: Sentence
    same: bool


@dataclass(frozen=True, slots=True)
class OutcomeComparison:
    """One outcome of the record, of the results, or of both."""

    kind: Kind
    registered: str
    """Path in the record; empty for one that was added."""
    reported: tuple[int, ...]
    """Places in `ReportedResults.outcomes`; several may answer one; none: missing."""
    title: Sentence
    sides: tuple[Side, ...]
    message: Sentence

    @property
    def differs(self) -> tuple[Aspect, ...]:
        """What differs."""
        return tuple(side.aspect for side in self.sides if not side.same) if self.kind == "switched" else ()


def outcomes_compared(record: RegistrationRecord, reported: ReportedResults) -> tuple[OutcomeComparison, ...]:
    """Every registered outcome in the record's order, then every reported one that none of them is.

    A path that the record does not have is looked for anew by what the outcome speaks of.
    """
    paths = _registered(record)
    again = linked(reported, record).outcomes
    told = [one if one.registered in paths else new for one, new in zip(reported.outcomes, again, strict=True)]
    found = []
    for path, (rank, outcome) in paths.items():
        places = tuple(place for place, one in enumerate(told) if one.registered == path)
        found.append(_compared(path, rank, outcome, places, [told[place] for place in places]))
    found += [_added(place, one) for place, one in enumerate(told) if one.registered not in paths]
    return tuple(found)


def _registered(record: RegistrationRecord) -> dict[str, tuple[Rank, Outcome]]:
    found: dict[str, tuple[Rank, Outcome]] = {}
    for place, outcome in enumerate(record.primary_outcomes):
        found[f"primary_outcomes[{place}]"] = ("primary", outcome)
    for place, outcome in enumerate(record.secondary_outcomes):
        found[f"secondary_outcomes[{place}]"] = ("secondary", outcome)
    return found


def _compared(
    path: str, rank: Rank, outcome: Outcome, places: tuple[int, ...], answers: list[OutcomeReported]
) -> OutcomeComparison:
    title = _sentence(outcome.description)
    if not answers:
        absent = (
            Side("measure", title, Sentence(""), same=False),
            Side("method", _sentence(outcome.method), Sentence(""), same=False),
            Side("time_frame", _sentence(outcome.timepoint), Sentence(""), same=False),
        )
        message = Sentence(
            "It was registered, and the results do not speak of it", "ثبت شده بود و نتایج چیزی از آن نمی‌گوید"
        )
        return OutcomeComparison("missing", path, (), title, absent, message)
    ranks: set[Rank] = {one.rank for one in answers}
    first = answers[0]
    sides = (
        Side("rank", RANKS[rank], RANKS[rank if rank in ranks else first.rank], same=rank in ranks),
        Side("measure", title, _joined([one.title for one in answers]), _same_measure(outcome, answers)),
        Side(
            "method",
            _sentence(outcome.method),
            _joined([one.description for one in answers]),
            _same_method(outcome, answers),
        ),
        Side(
            "time_frame",
            _sentence(outcome.timepoint),
            _joined([one.time_frame for one in answers]),
            _timed(outcome, answers),
        ),
    )
    differing = [ASPECTS[side.aspect] for side in sides if not side.same]
    if not differing:
        return OutcomeComparison("same", path, places, title, sides, KINDS["same"])
    message = Sentence(
        "Differs from what was registered: " + ", ".join(one.en for one in differing),
        "تفاوت با آنچه ثبت شده: " + "، ".join(one.fa for one in differing),
    )
    return OutcomeComparison("switched", path, places, title, sides, message)


def _added(place: int, one: OutcomeReported) -> OutcomeComparison:
    sides = (
        Side("rank", Sentence(""), RANKS[one.rank], same=False),
        Side("measure", Sentence(""), one.title, same=False),
        Side("method", Sentence(""), one.description, same=False),
        Side("time_frame", Sentence(""), one.time_frame, same=False),
    )
    message = Sentence(
        "It is reported, and no outcome of the record is about it", "گزارش شده و هیچ پیامد ثبت‌شده‌ای دربارهٔ آن نیست"
    )
    return OutcomeComparison("added", "", (place,), one.title, sides, message)


def _sentence(text: Text) -> Sentence:
    return Sentence(text.en, text.fa)


def _joined(sentences: list[Sentence]) -> Sentence:
    """Each wording once."""
    return Sentence(
        "; ".join(dict.fromkeys(one.en for one in sentences if one.en)),
        "؛ ".join(dict.fromkeys(one.fa for one in sentences if one.fa)),
    )


def _same_measure(outcome: Outcome, answers: list[OutcomeReported]) -> bool:
    """Whether both measure the same: number or share, subject, categories, organs, and most of the words."""
    title = _joined([one.title for one in answers])
    ours = f"{outcome.description.en} {outcome.description.fa}"
    theirs = f"{title.en} {title.fa}"
    everything = " ".join(reported_words(one) for one in answers)
    counted = bool(_COUNT.search(outcome.description.en or outcome.description.fa)) and not _SHARE.search(ours)
    if counted and all(one.kind == "proportion" for one in answers):
        return False
    about, categories = subjects(ours), _named(ours)
    if about and not about & subjects(everything):
        return False
    if categories != _named(theirs) or parts(ours) - parts(everything) or _numbers(ours) - _numbers(everything):
        return False
    return max(_share(outcome.description.en, title.en), _share(outcome.description.fa, title.fa)) >= _SAME_SHARE


def _named(words: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _CATEGORIES.items() if re.search(pattern, words, re.IGNORECASE))


def _numbers(words: str) -> frozenset[str]:
    return frozenset(re.findall(r"\d+(?:\.\d+)?", words))


def _share(registered: str, reported: str) -> float:
    """How many of the telling words both have, of those that either has."""
    ours, theirs = _telling(registered), _telling(reported)
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


def _telling(words: str) -> frozenset[str]:
    found = (word.removesuffix("s") for word in re.findall(r"[\w\u200c-]+", words.casefold()))
    return frozenset(word for word in found if not _EMPTY_WORDS.fullmatch(word))


def _same_method(outcome: Outcome, answers: list[OutcomeReported]) -> bool:
    """Whether the criteria that were registered were used; where none was, their choice is no switch."""
    ours = {word.casefold() for word in _CRITERIA.findall(outcome_words(outcome))}
    theirs = {word.casefold() for one in answers for word in _CRITERIA.findall(reported_words(one))}
    return ours <= theirs


def _timed(outcome: Outcome, answers: list[OutcomeReported]) -> bool:
    frames = _joined([one.time_frame for one in answers])
    pairs = ((outcome.timepoint.en, frames.en), (outcome.timepoint.fa, frames.fa))
    given = [same_time(registered, reported) for registered, reported in pairs if registered]
    return any(given)
