"""What a proportion and its interval say, in words a patient's doctor would use."""

from __future__ import annotations

from theratrial.statistics.intervals import NAMES
from theratrial.statistics.proportion import Proportion


def percent(fraction: float, *, digits: int = 0) -> str:
    """A fraction as a percentage that never rounds something to nothing or to everything.

    Examples
    --------
    >>> percent(0.6), percent(0.0017), percent(0.9983), percent(0.0), percent(1.0)
    ('60 %', 'under 1 %', 'over 99 %', '0 %', '100 %')
    """
    text = f"{fraction * 100:.{digits}f} %"
    step = 10.0**-digits
    if fraction > 0 and float(f"{fraction * 100:.{digits}f}") == 0:
        return f"under {step:.{digits}f} %"
    if fraction < 1 and float(f"{fraction * 100:.{digits}f}") == 100:
        return f"over {100 - step:.{digits}f} %"
    return text


def proportion_sentence(
    result: Proportion, *, outcome: str = "had the outcome", participants: str = "participants"
) -> str:
    """The result in one sentence.

    Parameters
    ----------
    outcome
        Verb phrase, past tense (``had a complete, partial or stable response``).
    participants
        Plural noun of who was counted, with the analysis set if it needs naming.

    Examples
    --------
    >>> from theratrial.statistics import proportion
    >>> proportion_sentence(proportion(9, 15, "wilson"), outcome="had disease control")
    '9 of 15 participants had disease control: 60.0 %, 95 % Wilson confidence interval 35.7 % to 80.2 %.'
    """
    level = percent(result.level, digits=0 if round(result.level * 100, 6).is_integer() else 1)
    return (
        f"{result.x} of {result.n} {participants} {outcome}: {percent(result.estimate_fraction, digits=1)}, "
        f"{level} {NAMES[result.method]} confidence interval "
        f"{percent(result.lower_fraction, digits=1)} to {percent(result.upper_fraction, digits=1)}."
    )


def proportion_in_plain_words(result: Proportion, *, participants: str = "participants") -> str:
    """What the interval means for this `n`, and how much one participant weighs.

    Examples
    --------
    >>> from theratrial.statistics import proportion
    >>> proportion_in_plain_words(proportion(0, 15))[:87]
    'None of 15 participants is not none of all: as many as 22 % could have the outcome and '
    """
    x, n = result.x, result.n
    lower, upper = percent(result.lower_fraction), percent(result.upper_fraction)
    if x == 0:
        meaning = (
            f"None of {n} {participants} is not none of all: as many as {upper} could have the outcome "
            f"and chance still show it in none of {n}."
        )
    elif x == n:
        meaning = (
            f"All of {n} {participants} is not all there will be: it could be as few as {lower} "
            f"and chance still show it in all of {n}."
        )
    else:
        meaning = (
            f"With {n} {participants} the true proportion is not known better than from {lower} to {upper}: "
            f"anything in that range could by chance give {x} of {n}."
        )
    neighbours = [f"{y} of {n}, {percent(y / n)}" for y in (x - 1, x + 1) if 0 <= y <= n]
    more = "one more or one fewer" if len(neighbours) == 2 else ("one more" if x == 0 else "one fewer")
    return (
        f"{meaning} Each participant weighs {100 / n:.1f} percentage points; with {more} it would read "
        f"{' or '.join(reversed(neighbours))}. There was no control group, so the figure says nothing about what would "
        "have happened without the treatment."
    )
