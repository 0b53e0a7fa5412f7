"""Conditions in the Common Expression Language, typed when read and three-valued when evaluated.

cel-python parses and evaluates; this module checks types against a declaration, and evaluates and, or, not by Kleene's
logic. It does so by itself because the library's own absorption of errors is not enough: it divides by zero to
infinity, compares a truth value with a number, and cannot compare a whole with a decimal number. See
``docs/methods/conditions.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from theratrial.errors import InputError
from theratrial.protocol.vocabulary import VariableType

if TYPE_CHECKING:
    from theratrial.protocol.expression_tree import Amount, Node

MAXIMUM_CHARACTERS: Final = 2000

Value = bool | int | float | str | date | None


class ExpressionError(InputError):
    """A condition that is no condition: bad syntax, an undeclared name, or types that do not fit."""


class Truth(StrEnum):
    """Three-valued answer of a condition."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answer of a condition; where it is not known, what would make it known and why it is not.

    `missing` lists only variables whose value could still change the answer. `reasons` names what else prevents it
    (a division by zero).
    """

    truth: Truth
    missing: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def truth_not(outcome: Outcome) -> Outcome:
    """Kleene's not."""
    if outcome.truth is Truth.NOT_KNOWN:
        return outcome
    return Outcome(Truth.NOT_MET if outcome.truth is Truth.MET else Truth.MET)


def truth_and(outcomes: tuple[Outcome, ...]) -> Outcome:
    """Kleene's and: not met as soon as one is not met, whatever the others."""
    return _joined(outcomes, Truth.NOT_MET, Truth.MET)


def truth_or(outcomes: tuple[Outcome, ...]) -> Outcome:
    """Kleene's or: met as soon as one is met, whatever the others."""
    return _joined(outcomes, Truth.MET, Truth.NOT_MET)


def _joined(outcomes: tuple[Outcome, ...], absorbing: Truth, neutral: Truth) -> Outcome:
    if any(one.truth is absorbing for one in outcomes):
        return Outcome(absorbing)
    unknown = [one for one in outcomes if one.truth is Truth.NOT_KNOWN]
    if not unknown:
        return Outcome(neutral)
    missing = dict.fromkeys(name for one in unknown for name in one.missing)
    reasons = dict.fromkeys(reason for one in unknown for reason in one.reasons)
    return Outcome(Truth.NOT_KNOWN, tuple(missing), tuple(reasons))


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that passed its type check; make it with `condition`."""

    text: str
    variables: tuple[str, ...]
    """Names it speaks of, in the order in which they occur."""
    types: Mapping[str, VariableType]
    root: Node

    def evaluate(self, values: Mapping[str, Value]) -> Outcome:
        """Answer for these values; a name that is absent or None is not known.

        Parameters
        ----------
        values
            Name -> value: bool for a flag, number for number and integer, str for text, date for date, aware datetime
            for datetime. Names the condition does not speak of are ignored.

        Raises
        ------
        InputError
            A value is not of the declared type, or is infinite or not a number: the caller's fault, never "not known".

        Examples
        --------
        >>> adult = condition("age_years >= 18 && sex == 'female'", {"age_years": "number", "sex": "text"})
        >>> adult.evaluate({"age_years": 17.5}).truth.value
        'not_met'
        >>> adult.evaluate({"age_years": 44}).missing
        ('sex',)
        """
        return self.root.outcome(_given(self.variables, self.types, values))


@dataclass(frozen=True, slots=True)
class QuantityOutcome:
    """A calculated number; None where it is not known, with the names it lacks and what else prevents it."""

    value: float | None
    missing: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """Arithmetic that passed its type check; make it with `quantity`."""

    text: str
    variables: tuple[str, ...]
    """Names it speaks of, in the order in which they occur."""
    types: Mapping[str, VariableType]
    root: Amount

    def evaluate(self, values: Mapping[str, Value]) -> QuantityOutcome:
        """The number for these values, as `Condition.evaluate`; one missing value leaves it not known.

        Examples
        --------
        >>> index = quantity("weight_kg / (height_m * height_m)", {"weight_kg": "number", "height_m": "number"})
        >>> round(index.evaluate({"weight_kg": 64.0, "height_m": 1.6}).value, 1)
        25.0
        >>> index.evaluate({"weight_kg": 64.0}).missing
        ('height_m',)
        """
        return self.root.amount(_given(self.variables, self.types, values))


def _given(
    names: tuple[str, ...], types: Mapping[str, VariableType], values: Mapping[str, Value]
) -> dict[str, bool | float | str]:
    return {name: _checked(name, types[name], values[name]) for name in names if values.get(name) is not None}


def _checked(name: str, declared: VariableType, value: Any) -> bool | float | str:
    if declared == "flag":
        if isinstance(value, bool):
            return value
    elif declared == "text":
        if isinstance(value, str):
            return str(value)
    elif declared == "date":
        if isinstance(value, date) and not isinstance(value, datetime):
            return float(value.toordinal())
    elif declared == "datetime":
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.timestamp()
    elif isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        if math.isfinite(number) and (declared == "number" or number.is_integer()):
            return number
    raise InputError(f"value of '{name}' is {value!r}; its type is {declared}: give that, or leave it out if not known")


def condition(text: str, variables: Mapping[str, VariableType]) -> Condition:
    """Read a condition and check its names and types; the same text and declaration are read only once.

    The language: numbers, ``"text"``, ``true``/``false``, declared names, ``+ - * /``, ``== != < <= > >=``,
    ``in [a, b]``, ``&& || !``, brackets, and ``text.startsWith("x")``, ``endsWith``, ``contains``. All arithmetic is
    with decimal numbers, so ``7 / 2`` is 3.5. Two dates compare, and their difference is in days; two instants compare,
    and their difference is in hours.

    Parameters
    ----------
    text
        The condition, in CEL.
    variables
        Declared names and their types; ``integer`` and ``number`` may be compared with each other.

    Raises
    ------
    ExpressionError
        Syntax, an undeclared name, types that do not fit, or something outside the language; with its column.
    """
    return _condition(text, tuple(sorted(variables.items())))


def quantity(text: str, variables: Mapping[str, VariableType]) -> Quantity:
    """Read arithmetic in the language of `condition`, whose value is a number.

    Raises
    ------
    ExpressionError
        As `condition`; also where the text is something that is true or false.
    """
    return _quantity(text, tuple(sorted(variables.items())))


@lru_cache(maxsize=1024)
def _condition(text: str, declared: tuple[tuple[str, VariableType], ...]) -> Condition:
    _check_length(text)
    # celpy and its parser cost a third of a second: only for those who have a condition.
    from theratrial.protocol.expression_tree import compiled

    types = dict(declared)
    root, names = compiled(text, types)
    return Condition(text, names, types, root)


@lru_cache(maxsize=1024)
def _quantity(text: str, declared: tuple[tuple[str, VariableType], ...]) -> Quantity:
    _check_length(text)
    from theratrial.protocol.expression_tree import compiled_amount

    types = dict(declared)
    root, names = compiled_amount(text, types)
    return Quantity(text, names, types, root)


def _check_length(text: str) -> None:
    if not text.strip():
        raise ExpressionError("a condition is empty; write one, or true")
    if len(text) > MAXIMUM_CHARACTERS:
        raise ExpressionError(f"a condition of {len(text)} characters; at most {MAXIMUM_CHARACTERS} are read")
