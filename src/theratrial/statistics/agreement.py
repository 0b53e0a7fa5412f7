"""Agreement of two readers or two criteria: share agreed and Cohen's kappa (docs/methods/agreement.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

from theratrial.errors import InputError

METHOD: Final = "statistics.agreement"
VERSION: Final = "1"

Weighting = Literal["unweighted", "linear", "quadratic"]
WEIGHTINGS: Final[tuple[Weighting, ...]] = ("unweighted", "linear", "quadratic")
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class KappaEstimate:
    """Cohen's kappa with its large-sample interval.

    `value` is None where kappa is not defined, `lower` and `upper` where the formula gives no interval; `note` says
    why, and beside an interval what speaks against trusting it.
    """

    weighting: Weighting
    value: float | None
    lower: float | None
    upper: float | None
    standard_error: float | None
    note: str


def agreement_table(pairs: Iterable[tuple[str, str]], categories: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Counts of (first, second) in the order of `categories`, rows being the first.

    Raises
    ------
    InputError
        A category that is not among `categories`, or one named twice.
    """
    if len(set(categories)) < len(categories):
        raise InputError(f"a category stands twice in {', '.join(categories)}")
    at = {name: index for index, name in enumerate(categories)}
    counts = [[0] * len(categories) for _ in categories]
    for first, second in pairs:
        for name in (first, second):
            if name not in at:
                raise InputError(f"category {name!r} is none of {', '.join(categories)}")
        counts[at[first]][at[second]] += 1
    return tuple(tuple(row) for row in counts)


def cohen_kappa(
    table: Sequence[Sequence[int]], weighting: Weighting = "unweighted", *, level: float = 0.95
) -> KappaEstimate:
    """Cohen's kappa of a square table with its asymptotic interval.

    Assumes that the rows are independent participants and, for the weights, that the categories stand in their order
    and equally far apart.

    Parameters
    ----------
    table
        Counts; rows the first reader, columns the second.
    weighting
        Agreement weights: 1 on the diagonal alone, 1 - d/(k-1), or 1 - (d/(k-1))^2 for categories d apart of k.

    Raises
    ------
    InputError
        A table that is not square, a count that is not a whole number of 0 or more, or a level not within 0 and 1.

    References
    ----------
    Cohen, Educ Psychol Meas 1960;20:37; Psychol Bull 1968;70:213. Fleiss, Cohen, Everitt, Psychol Bull 1969;72:323.

    Examples
    --------
    >>> round(cohen_kappa([[20, 5], [10, 15]]).value, 2)
    0.4
    """
    if not 0 < level < 1:
        raise InputError(f"a confidence level lies between 0 and 1, got {level!r}; 95 % is 0.95")
    counts = _checked(table)
    total = sum(map(sum, counts))
    if total == 0:
        return KappaEstimate(weighting, None, None, None, None, "not defined: nobody was compared")
    share = [[count / total for count in row] for row in counts]
    rows = [math.fsum(row) for row in share]
    columns = [math.fsum(column) for column in zip(*share, strict=True)]
    weight = _weights(len(counts), weighting)
    size = range(len(counts))
    seen = math.fsum(weight[i][j] * share[i][j] for i in size for j in size)
    by_chance = math.fsum(weight[i][j] * rows[i] * columns[j] for i in size for j in size)
    if 1 - by_chance < _NOTHING:
        said = "not defined: both gave one and the same category to everybody, so all agreement is agreement by chance"
        return KappaEstimate(weighting, None, None, None, None, said)
    kappa = (seen - by_chance) / (1 - by_chance)
    of_row = [math.fsum(weight[i][j] * columns[j] for j in size) for i in size]
    of_column = [math.fsum(weight[i][j] * rows[i] for i in size) for j in size]
    square = math.fsum(
        share[i][j] * (weight[i][j] - (of_row[i] + of_column[j]) * (1 - kappa)) ** 2 for i in size for j in size
    )
    variance = (square - (kappa - by_chance * (1 - kappa)) ** 2) / (total * (1 - by_chance) ** 2)
    used = sum(1 for i in size if rows[i] > 0 or columns[i] > 0)
    if variance < _NOTHING:
        said = "no interval: the large-sample formula gives one of no width here; see the share agreed"
        return KappaEstimate(weighting, kappa, None, None, None, said)
    error = math.sqrt(variance)
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    return KappaEstimate(
        weighting, kappa, max(-1.0, kappa - half), min(1.0, kappa + half), error, _caution(total, used)
    )


def enough(categories: int) -> int:
    """Participants from which the large-sample interval is taken at its word: twice the square of the categories.

    References
    ----------
    Cicchetti, Appl Psychol Meas 1981;5:101 (abstract read): for weighted kappa of 3 to 10 categories; for unweighted
    kappa and for two categories it is our use of it.
    """
    return 2 * categories**2


def _caution(total: int, used: int) -> str:
    if total >= enough(used):
        return ""
    who = "participant" if total == 1 else "participants"
    return (
        f"too few for the interval to be trusted: {total} {who} in {used} categories, the large-sample formula wants "
        f"about {enough(used)}"
    )


def _checked(table: Sequence[Sequence[int]]) -> list[list[int]]:
    counts = [list(row) for row in table]
    if not counts or any(len(row) != len(counts) for row in counts):
        raise InputError(f"a table of agreement is square, got rows of {[len(row) for row in counts]}")
    for row in counts:
        for count in row:
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise InputError(f"a table of agreement holds whole numbers of 0 or more, got {count!r}")
    return counts


def _weights(size: int, weighting: Weighting) -> list[list[float]]:
    if weighting == "unweighted" or size == 1:
        return [[float(i == j) for j in range(size)] for i in range(size)]
    power = 1 if weighting == "linear" else 2
    return [[1 - (abs(i - j) / (size - 1)) ** power for j in range(size)] for i in range(size)]


def shared_answers(
    first: Mapping[str, str], second: Mapping[str, str], categories: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Participants for whom both have an answer among `categories`, and those of either for whom not; in order."""
    everybody = sorted({*first, *second})
    both = [one for one in everybody if first.get(one) in categories and second.get(one) in categories]
    return both, [one for one in everybody if one not in both]
