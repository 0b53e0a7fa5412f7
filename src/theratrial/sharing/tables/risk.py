"""Who can be recognised: groups of participants alike, and values that few of them have.

With fifteen participants nobody is hidden by numbers; the point is to say so with the counts, and to show what coarser
values would change.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from theratrial.sharing.tables.values import Combination, Risk, SmallGroup

Person = Mapping[str, object]
KNOWN_OUTSIDE: Final = (
    "Activities, weights, laboratory values and images are exact, and moved moments keep their time of day: who holds "
    "a radiopharmacy's log, a laboratory's list or a scanner's can find a participant by them.",
    "Two releases of one trial can be joined by exact values, whatever their codes are.",
)
"""Whatever the number of participants: what nobody can take out without taking the data."""


def combination(people: Sequence[Person], names: Sequence[str]) -> Combination:
    """How many participants share each combination of the values of `names`; a missing value is a value of its own.

    Examples
    --------
    >>> women = [{"sex": "f", "age": 61}, {"sex": "f", "age": 61}, {"sex": "f", "age": 70}]
    >>> one = combination(women, ["sex", "age"])
    >>> one.groups, one.smallest, one.alone, round(one.mean_risk, 3)
    (2, 1, 1, 0.667)
    """
    groups = Counter(tuple(str(person.get(name)) for name in names) for person in people)
    smallest = min(groups.values(), default=0)
    return Combination(
        tuple(names),
        len(groups),
        smallest,
        sum(size for size in groups.values() if size == 1),
        1 / smallest if smallest else 0.0,
        len(groups) / len(people) if people else 0.0,
    )


def banded(people: Sequence[Person], bands: Mapping[str, float]) -> list[dict[str, object]]:
    """The participants with some numbers in bands of a width: 67 years in tens is 60 to 69.

    Examples
    --------
    >>> banded([{"age_years": 67.0}], {"age_years": 10})
    [{'age_years': '60 to 69'}]
    """
    result = []
    for person in people:
        coarse = dict(person)
        for name, width in bands.items():
            value = coarse.get(name)
            if isinstance(value, int | float):
                low = int(value // width * width)
                coarse[name] = f"{low} to {int(low + width - 1)}"
        result.append(coarse)
    return result


def small_groups(rows: Iterable[tuple[str, str, str, str]], smallest: int) -> tuple[SmallGroup, ...]:
    """Values that at least one and fewer than `smallest` participants have.

    Parameters
    ----------
    rows
        (table, column, value, participant).
    """
    holders: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for table, column, value, participant in rows:
        holders[table, column, value].add(participant)
    return tuple(
        SmallGroup(table, column, value, len(people))
        for (table, column, value), people in sorted(holders.items())
        if len(people) < smallest
    )


def risk(people: Sequence[Person], groups: tuple[SmallGroup, ...], smallest: int) -> Risk:
    """The risk of a release, with sentences that say it."""
    sets = (("sex", "age_years"), ("sex", "age_years", "site_id"), ("sex", "age_years", "height_cm", "weight_kg"))
    coarse = banded(people, {"age_years": 10, "height_cm": 10, "weight_kg": 10})
    exact = [combination(people, names) for names in sets]
    tens = [combination(coarse, names) for names in sets]
    labelled = [replace(one, characteristics=(*one.characteristics, "in tens")) for one in tens]
    return Risk(len(people), (*exact, *labelled), groups, tuple(_sentences(len(people), exact, tens, groups, smallest)))


def _sentences(
    count: int,
    exact: Sequence[Combination],
    tens: Sequence[Combination],
    groups: Sequence[SmallGroup],
    smallest: int,
) -> Iterable[str]:
    for one in (*exact[:1], *exact[-1:]):
        yield (
            f"{', '.join(one.characteristics)} single out {one.alone} of {count} participants; the smallest group has "
            f"{one.smallest}."
        )
    yield f"sex and age in tens of years would single out {tens[0].alone} of {count}."
    yield f"{len(groups)} values are held by fewer than {smallest} participants; each may recognise somebody."
    if count < 4 * smallest:
        yield (
            f"With {count} participants nobody is hidden by numbers: whoever knows that a person took part, and her "
            "age and sex or the day of an event, can find her. Share with people bound by an agreement, not openly."
        )
    yield from KNOWN_OUTSIDE
