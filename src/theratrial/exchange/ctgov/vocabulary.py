"""Words of ClinicalTrials.gov and codes of the record, in both directions; ages and dates as the registry writes them.

References
----------
ClinicalTrials.gov API v2, OpenAPI 2.0.5, enumerations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

from theratrial.registry.codes import code_list
from theratrial.registry.record import Age
from theratrial.registry.words import Coded, RecordDate, Text

OWN_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "recruitment_status": (
            "ENROLLING_BY_INVITATION",
            "AVAILABLE",
            "NO_LONGER_AVAILABLE",
            "TEMPORARILY_NOT_AVAILABLE",
            "APPROVED_FOR_MARKETING",
            "WITHHELD",
            "UNKNOWN",
        ),
        "study_type": ("EXPANDED_ACCESS",),
        "purpose": ("ECT", "DEVICE_FEASIBILITY"),
        "blinding": ("QUADRUPLE",),
        "intervention_category": ("BIOLOGICAL", "COMBINATION_PRODUCT", "DIETARY_SUPPLEMENT", "GENETIC"),
        "organization_type": ("NIH", "FED", "NETWORK", "AMBIG", "UNKNOWN"),
    }
)
"""Words that no code of ours stands for: kept as words, and written back as they came."""

_PHASES: Final = ("NA", "EARLY_PHASE1", "PHASE1", "PHASE2", "PHASE3", "PHASE4")

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "STUDY_CHAIR": "Study Chair",
        "STUDY_DIRECTOR": "Study Director",
        "PRINCIPAL_INVESTIGATOR": "Principal Investigator",
        "SUB_INVESTIGATOR": "Sub-Investigator",
    }
)
MASKED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PARTICIPANT": "Participant",
        "CARE_PROVIDER": "Care Provider",
        "INVESTIGATOR": "Investigator",
        "OUTCOMES_ASSESSOR": "Outcomes Assessor",
    }
)

_AGE: Final = re.compile(r"([0-9]{1,6}) (Year|Month|Week|Day)s?")
_OTHER_AGE: Final = re.compile(r"[0-9]{1,6} (?:Hour|Minute)s?")
AgeUnit = Literal["years", "months", "weeks", "days"]


def word_of(list_name: str, value: Coded) -> str:
    """The registry's word for a coded value; empty where it has none."""
    if value.code:
        return code_list(list_name)[value.code].ctgov
    return value.text.en if value.text.en in OWN_WORDS.get(list_name, ()) else ""


def coded_of(list_name: str, word: str) -> Coded | None:
    """The coded value of a word; None where the registry has no such word.

    ``OTHER`` is our ``other``, though more precise codes are written with it too.
    """
    if word in OWN_WORDS.get(list_name, ()):
        return Coded(text=Text(en=word))
    codes = [entry.code for entry in code_list(list_name).values() if entry.ctgov and entry.ctgov == word]
    if not codes:
        return None
    return Coded(code="other" if "other" in codes else codes[0])


def phase_words(phase: Coded) -> list[str]:
    """Phases as the registry lists them: 1-2 are two."""
    if phase.code:
        return code_list("phase")[phase.code].ctgov.split("|")
    words = phase.text.en.split(", ")
    return words if all(word in _PHASES for word in words) else []


def phase_of(words: list[str]) -> Coded | None:
    """The phase of listed words; a combination that we have no code for is kept in words."""
    if not words or any(word not in _PHASES for word in words):
        return None
    return coded_of("phase", "|".join(words)) or Coded(text=Text(en=", ".join(words)))


def age_words(age: Age) -> str:
    """``18 Years``; empty where an age is no whole number of years or months, or stands only in other words."""
    if age.value is None:
        return age.text.en if _OTHER_AGE.fullmatch(age.text.en) else ""
    value, unit = age.value, age.unit
    if unit == "years" and not value.is_integer():
        value, unit = value * 12, "months"
    if not value.is_integer() or value >= 10**6:
        return ""
    name = unit.removesuffix("s").title()
    return f"{value:.0f} {name}" + ("" if value == 1 else "s")


def age_of(words: str) -> Age | None:
    """The age of ``18 Years``; hours and minutes are kept in words."""
    if _OTHER_AGE.fullmatch(words):
        return Age(text=Text(en=words))
    match = _AGE.fullmatch(words)
    if match is None:
        return None
    unit: AgeUnit = next(one for one in get_args(AgeUnit) if one == f"{match[2].lower()}s")
    return Age(value=float(match[1]), unit=unit)


def date_words(value: RecordDate | None, *, day_only: bool = False) -> str:
    """``2021-10-18``, or ``2021-10`` where no day is known; the registry takes no year alone."""
    if value is None or value.precision == "year" or (day_only and value.precision != "day"):
        return ""
    return value.gregorian.isoformat()[: 7 if value.precision == "month" else 10]


def completion_type(status: Coded, *, primary: bool) -> str:
    """Whether a completion date has come or is expected, as far as the status tells; the record itself does not.

    A trial that recruits has not ended; one that no longer recruits has not ended as a whole, and of its primary
    outcome nothing can be said.
    """
    if status.code == "completed":
        return "ACTUAL"
    if status.code in ("not_yet_recruiting", "recruiting", "suspended"):
        return "ESTIMATED"
    return "ESTIMATED" if status.code == "complete" and not primary else ""


def masked_words(groups: Text) -> list[str]:
    """Who is masked, where the words are the registry's own."""
    by_label = {label: word for word, label in MASKED.items()}
    parts = groups.en.split(", ")
    return [by_label[part] for part in parts] if groups.en and all(part in by_label for part in parts) else []


def role_of(position: Text) -> str:
    """The role that a position names; empty where it is none of the registry's."""
    return next((role for role, label in ROLES.items() if label == position.en), "")
