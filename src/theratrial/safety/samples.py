"""A laboratory value as reported, brought to the scale that grades it: units, limits, baseline, or the refusal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Final

from theratrial.errors import InputError, UnitError
from theratrial.safety.criteria import DIGITS, Limits, Range, reported
from theratrial.safety.terms import CORE_UNIT, SUBSTANCE, Term
from theratrial.units import converted, factor_between

FACTS: Final[dict[str, str]] = {
    "symptomatic": "whether there are symptoms",
    "fasting": "whether the sample was taken fasting",
    "cardiac_finding": "whether global longitudinal strain fell by more than 15 % or a cardiac biomarker rose",
    "new_reduction": "whether the reduction is new",
}
"""Fact that a grade text asks beside the value -> what is asked."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A laboratory value as reported, with what its grade may rest on; None where it is not known."""

    value: float | None
    unit: str
    lower_limit: float | None = None
    upper_limit: float | None = None
    baseline: float | None = None
    limit_unit: str = ""
    """Unit of both limits, where it is not that of the value."""
    baseline_unit: str = ""
    """Unit of the baseline, where it is not that of the value."""
    facts: Mapping[str, bool] = field(default_factory=dict)
    """Stated facts of `FACTS`."""

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.facts) - set(FACTS)):
            raise InputError(f"facts {', '.join(unknown)} are not known; allowed: {', '.join(FACTS)}")


def scale_of(own: tuple[Term, ...], unit: str) -> tuple[str, float]:
    """The printed unit whose scale grades a value in `unit`, and the factor that converts to it.

    A scale printed in the value's own kind of unit comes first; one of another kind (mEq/L, a mass for an amount) is
    taken only where the substance's charge or molar mass is known.

    Raises
    ------
    UnitError
        No scale of the test is in a unit that this one converts to.
    """
    return _scale_of(own[0].test, tuple(dict.fromkeys(term.unit for term in own)), unit.strip())


@lru_cache(maxsize=1024)
def _scale_of(test: str, printed: tuple[str, ...], unit: str) -> tuple[str, float]:
    for scale in printed:
        if unit in (scale, CORE_UNIT[scale]):
            return scale, 1.0
    for substance in ("", SUBSTANCE.get(test, test)):
        for scale in printed:
            try:
                return scale, float(f"{converted(1.0, unit, CORE_UNIT[scale], substance):.15g}")
            except UnitError:
                continue
    raise UnitError(
        f"unit {unit!r} does not fit; CTCAE grades {test} in {' or '.join(printed)}, or what converts to it"
    )


def limit_factor(term: Term, limit_unit: str, value_unit: str, value_factor: float) -> float:
    """What a limit or baseline in its own unit is multiplied with, to be compared on the term's scale.

    Raises
    ------
    UnitError
        If the unit is of another quantity.
    """
    own = limit_unit.strip() or value_unit.strip()
    if own == value_unit.strip():
        return 1.0 if term.relative else value_factor
    aliases = {core: printed for printed, core in CORE_UNIT.items()}
    target = aliases.get(value_unit.strip(), value_unit) if term.relative else term.unit
    return factor_between(aliases.get(own, own), target, SUBSTANCE.get(term.test, term.test))


def prepared(term: Term, sample: Sample, value_factor: float) -> tuple[Decimal, Limits]:
    """The value, and the ranges of limits and baseline, in the unit of comparison."""
    if sample.value is None:
        raise InputError("no value")
    numbers = (sample.value, sample.lower_limit, sample.upper_limit, sample.baseline)
    if any(number is not None and not (math.isfinite(number) and number >= 0) for number in numbers):
        raise InputError("value, limits and baseline must be finite and not negative")
    if sample.upper_limit == 0 or sample.baseline == 0:
        raise InputError("an upper limit or baseline of zero has no multiples; leave it out where it is not known")
    amount = _rounded(_exact(sample.value, value_factor))
    if found := _unbelieved(term, amount):
        raise InputError(f"{amount:f} {found}")
    for_limits = limit_factor(term, sample.limit_unit, sample.unit, value_factor)
    for_baseline = limit_factor(term, sample.baseline_unit, sample.unit, value_factor)
    lower = None if sample.lower_limit is None else _exact(sample.lower_limit, for_limits)
    upper = None if sample.upper_limit is None else _exact(sample.upper_limit, for_limits)
    baseline = None if sample.baseline is None else _exact(sample.baseline, for_baseline)
    if lower is not None and upper is not None and lower >= upper:
        raise InputError(f"lower limit {sample.lower_limit:g} is not below upper limit {sample.upper_limit:g}")
    to_scale = Decimal(repr(value_factor)) if term.relative else Decimal(1)
    if upper is not None and (found := _unbelieved(term, shown := _rounded(upper * to_scale))):
        raise InputError(f"an upper limit of {shown:f} {found}")
    if baseline is not None and (found := _unbelieved(term, shown := _rounded(baseline * to_scale))):
        raise InputError(f"a baseline of {shown:f} {found}")
    if lower is not None and (shown := _rounded(lower * to_scale)) > term.highest_believable:
        raise InputError(f"a lower limit of {shown:f} {_unbelieved(term, shown)}")
    value = reported(sample.value) if term.relative else amount
    zero = Decimal(0)
    return value, {
        "LLN": Range(zero, upper) if lower is None else Range(lower, lower),
        "ULN": Range(lower or zero, None) if upper is None else Range(upper, upper),
        "BASELINE": Range(zero, None) if baseline is None else Range(baseline, baseline),
    }


def _unbelieved(term: Term, amount: Decimal) -> str:
    """What to say of an amount that no correct unit gives; nothing of others."""
    if term.lowest_believable <= amount <= term.highest_believable:
        return ""
    lowest, highest = term.lowest_believable, term.highest_believable
    return f"{term.unit} is not believable (between {lowest} and {highest}); check its unit"


def _exact(number: float, factor: float) -> Decimal:
    return reported(number) * Decimal(repr(factor)) if factor != 1 else reported(number)


def _rounded(number: Decimal) -> Decimal:
    return DIGITS.create_decimal(number).normalize(DIGITS)
