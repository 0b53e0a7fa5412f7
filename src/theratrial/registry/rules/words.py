"""What a record is about, asked of all its words at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from theratrial.registry.fields import Filled, filled_fields
from theratrial.registry.needles import folded, sought
from theratrial.registry.readings import Reading, plain_and_folded, record_readings
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import LANGUAGES

_SUPERSCRIPT: Final = tuple(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
_THERAPY: Final = sought(
    r"177 ?-?lu\b|\blu-?177|lutetium|90 ?-?y\b|yttrium|131 ?-?i\b|\bi-?131|225 ?-?ac\b|actinium|\bradioligand|"
    r"radioimmuno|endoradio|radiopharmaceutical|radionuclide therapy|لوتشیم|رادیودارو"
)
_ANTIBODY: Final = sought(r"trastuzumab|herceptin|تراستوزوماب")
_GALLIUM: Final = sought(r"68 ?-?ga\b|\bga-?68|gallium|گالیوم")


Result = TypeVar("Result")


class _LastRecord(Generic[Result]):
    """Keeps what was computed of the last record: every rule of one check asks the same of it."""

    def __init__(self, compute: Callable[[RegistrationRecord], Result]) -> None:
        self._compute = compute
        self._kept: tuple[RegistrationRecord, Result] | None = None

    def __call__(self, record: RegistrationRecord) -> Result:
        kept = self._kept
        if kept is None or kept[0] is not record:
            kept = self._kept = (record, self._compute(record))
        return kept[1]


@_LastRecord
def filled(record: RegistrationRecord) -> tuple[Filled, ...]:
    """Every field of the record that holds something."""
    return tuple(filled_fields(record, blank=False))


@_LastRecord
def criteria_readings(record: RegistrationRecord) -> tuple[Reading, ...]:
    """What the criteria demand."""
    return record_readings(record)


@_LastRecord
def summary_readings(record: RegistrationRecord) -> tuple[Reading, ...]:
    """What the summary says of them."""
    return record_readings(record, summary=True)


@_LastRecord
def whole_text(record: RegistrationRecord) -> str:
    """All words of titles, summary, criteria, interventions and outcomes, lower case, superscripts as digits."""
    wanted = ("protocol_summary", "interventions", "primary_outcomes", "secondary_outcomes")
    parts = [
        f"{value.en} {value.fa}" if hasattr(value := one.value, "en") else str(value)
        for one in filled(record)
        if one.field.kind in ("text", "string")
        and (
            one.field.section in wanted
            or one.path.startswith(("eligibility.", "scientific_title", "public_title", "design."))
        )
    ]
    _, words = plain_and_folded(" \n ".join(parts))
    return words if words.isascii() else _plain_digits(words)


def _plain_digits(words: str) -> str:
    for sign, digit in _SUPERSCRIPT:
        words = words.replace(sign, digit)
    return words


@_LastRecord
def texts(record: RegistrationRecord) -> tuple[tuple[str, str, str], ...]:
    """Path, words and folded words of every text, each language by itself."""
    found = []
    for one in filled(record):
        if one.field.kind == "text":
            found += [(one.path, words, folded(words)) for words in (one.value.en, one.value.fa) if words]
        elif one.field.kind == "string":
            found.append((one.path, one.value, folded(one.value)))
    return tuple(found)


@_LastRecord
def languages(record: RegistrationRecord) -> frozenset[str]:
    """Languages in which anything is said."""
    said = [one.value for one in filled(record) if one.field.kind == "text"]
    return frozenset(language for language in LANGUAGES if any(text.said(language) for text in said))


def about_radiotherapy(words: str) -> bool:
    """Whether a therapeutic radiopharmaceutical is given."""
    return _THERAPY.within(words)


def about_antibody(words: str) -> bool:
    """Whether it is trastuzumab."""
    return _ANTIBODY.within(words)


def about_gallium(words: str) -> bool:
    """Whether 68Ga is the tracer's label."""
    return _GALLIUM.within(words)


def of_irct(record: RegistrationRecord) -> bool:
    """Whether it is a record of IRCT, whose rules then hold."""
    return record.registration.number.strip().startswith("IRCT") or "IRCT" in record.registration.registry.en
