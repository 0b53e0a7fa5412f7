"""Which registered outcome a reported one answers, by rank and by what both speak of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from theratrial.registry.record import Outcome, RegistrationRecord
from theratrial.registry.results_reported import OutcomeReported, ReportedResults

_SAFETY: Final = r"toxic|adverse|safety|tolerab|side effect|ctcae|سمیت|ایمنی|عارضه|عوارض|نامطلوب"
SUBJECTS: Final = {
    "response": r"respon|stable|remission|progress|disease control|recist|percist|پاسخ|پیشرفت|بیماری پایدار",
    "survival": r"surviv|death|mortality|بقا|مرگ",
    "safety": _SAFETY,
    "laboratory": r"laborator|blood count|platelet|neutrophil|ha?emoglobin|white (?:blood )?cell|آزمایشگاه|پلاکت",
    "dose": r"absorbed dose|dosimetr|radiation dose|دوز جذبی|دوزیمتری",
    "uptake": r"biodistribution|uptake|pharmacokinetic|توزیع زیستی|برداشت",
    "quality of life": r"quality of life|کیفیت زندگی",
    "pain": r"\bpain\b|درد",
}
PARTS: Final = {
    "liver": r"\bliver|hepatic|کبد",
    "kidneys": r"kidney|renal|کلیه",
    "spleen": r"spleen|طحال",
    "heart": r"heart|cardiac|قلب",
    "lungs": r"\blungs?\b|ریه",
    "marrow": r"marrow|مغز قرمز|مغز استخوان",
    "platelets": r"platelet|thrombocyt|پلاکت",
    "neutrophils": r"neutrophil|نوتروفیل",
    "haemoglobin": r"ha?emoglobin|an[ae]*mia|هموگلوبین|کم‌خونی",
    "lesions": r"\blesion|ضایع",
    "white cells": r"white (?:blood )?cell|leu[ck]ocyt|گلبول(?:‌های)? سفید",
}


@cache
def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


def subjects(words: str) -> frozenset[str]:
    """What an outcome measures."""
    return frozenset(name for name, pattern in SUBJECTS.items() if _pattern(pattern).search(words))


def parts(words: str) -> frozenset[str]:
    """Organs and blood values that an outcome names."""
    return frozenset(name for name, pattern in PARTS.items() if _pattern(pattern).search(words))


def outcome_words(one: Outcome) -> str:
    """Everything that a registered outcome says of what is measured, in both languages."""
    return " ".join(text for field in (one.description, one.method) for text in (field.en, field.fa) if text)


def reported_words(one: OutcomeReported) -> str:
    """Everything that a reported outcome says of what was measured."""
    return " ".join((one.title.en, one.title.fa, one.description.en, one.description.fa))


def linked(reported: ReportedResults, record: RegistrationRecord) -> ReportedResults:
    """The results with each outcome pointing at the registered one of this record that it answers.

    The primary outcome answers the only registered primary one whatever its words: what differs is then named, and is
    no reason to call it another. Others answer one that speaks of the same subject and, where both name organs or
    blood values, of one of the same. An outcome that answers a registered secondary one becomes secondary.
    """
    return replace(reported, outcomes=tuple(_linked(one, record) for one in reported.outcomes))


def _linked(one: OutcomeReported, record: RegistrationRecord) -> OutcomeReported:
    primary = [(f"primary_outcomes[{n}]", outcome) for n, outcome in enumerate(record.primary_outcomes)]
    secondary = [(f"secondary_outcomes[{n}]", outcome) for n, outcome in enumerate(record.secondary_outcomes)]
    if one.rank == "primary":
        if len(primary) == 1:
            return replace(one, registered=primary[0][0])
        return replace(one, registered=_best(one, primary) or _best(one, secondary))
    path = _best(one, secondary) or _best(one, primary)
    rank = "other" if not path else "secondary" if path.startswith("secondary") else one.rank
    return replace(one, registered=path, rank=rank)


def _best(one: OutcomeReported, registered: Sequence[tuple[str, Outcome]]) -> str:
    """Path of the registered outcome that shares most with it, the first of equals; empty where none is about it."""
    ours, our_parts = subjects(reported_words(one)), parts(reported_words(one))
    scores = []
    for path, outcome in registered:
        words = outcome_words(outcome)
        common, their_parts = ours & subjects(words), parts(words)
        apart = bool(our_parts and their_parts and not our_parts & their_parts)
        scores.append((0 if apart else len(common) + len(our_parts & their_parts) * bool(common), path))
    best = max(scores, key=lambda score: score[0], default=(0, ""))
    return best[1] if best[0] else ""
