"""Best overall response: the best of all visits, confirmed where the protocol asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from theratrial.errors import InputError
from theratrial.response.recist.options import RecistOptions

VERSION: Final = "2"

Best = Literal["CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE", "ND", "NED", "MISSING"]
_KNOWN: Final = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE", "ND", "NED")
_STABLE: Final = ("CR", "PR", "SD")


@dataclass(frozen=True, slots=True)
class Assessment:
    """The overall response at a visit: CR, PR, SD, NON-CR/NON-PD, PD, NE, NED, or ND (not done)."""

    day: date
    response: str


@dataclass(frozen=True, slots=True)
class BestOverall:
    """The best overall response, the assessment that shows it, and why."""

    response: Best
    day: date | None
    because: str

    @property
    def controlled(self) -> bool | None:
        """Disease control: CR, PR or SD. None where nothing tells."""
        if self.response in ("NE", "ND", "MISSING"):
            return None
        return self.response in _STABLE or self.response in ("NON-CR/NON-PD", "NED")


def best_overall(
    assessments: Sequence[Assessment], *, reference: date, options: RecistOptions | None = None
) -> BestOverall:
    """The best response, and the earliest assessment that gives it.

    CR and PR count if they are confirmed as `options` ask; else they count as stable disease where they lie late enough
    after the reference day. A partial response that follows a complete one confirms neither and starts none, unless
    `partial_after_complete`: then the complete one was partial.

    Parameters
    ----------
    reference
        Day from which the shortest duration of stable disease is counted: start of treatment, or randomization.

    Raises
    ------
    InputError
        An unknown response, or two assessments on one day.

    References
    ----------
    Eisenhauer et al., Eur J Cancer 2009;45:228, table 3.

    Examples
    --------
    >>> visits = [Assessment(date(2020, 1, 1), "PR"), Assessment(date(2020, 2, 1), "PR")]
    >>> best_overall(visits, reference=date(2019, 11, 1)).response
    'PR'
    """
    chosen = options or RecistOptions()
    ordered = _ordered(assessments)
    if not chosen.beyond_progression:
        ordered = _until_progression(ordered)
    if not ordered:
        nothing: Best = "NE" if chosen.missing_is_not_evaluable else "MISSING"
        return BestOverall(nothing, None, "no assessment")
    if found := _response(ordered, chosen):
        return found
    return _without_response(ordered, reference, chosen)


def _response(ordered: list[Assessment], options: RecistOptions) -> BestOverall | None:
    """The complete response that counts, else the partial one, else None."""
    for at, one in enumerate(ordered):
        if one.response == "CR" and (why := _confirmed(ordered, at, options)):
            return BestOverall("CR", one.day, why)
    for at, one in enumerate(ordered):
        if one.response == "CR" and not options.partial_after_complete:
            return None
        if one.response in ("CR", "PR") and (why := _confirmed(ordered, at, options, partial=True)):
            told = "; the complete response counts as partial" if one.response == "CR" else ""
            return BestOverall("PR", one.day, f"{why}{told}")
    return None


def _ordered(assessments: Sequence[Assessment]) -> list[Assessment]:
    for one in assessments:
        if one.response not in _KNOWN:
            raise InputError(f"unknown response {one.response!r} on {one.day}; known: {', '.join(_KNOWN)}")
    days = [one.day for one in assessments]
    if twice := sorted({day for day in days if days.count(day) > 1}):
        raise InputError(f"two assessments on {twice[0]}; keep one for each day")
    return sorted(assessments, key=lambda one: one.day)


def _until_progression(ordered: list[Assessment]) -> list[Assessment]:
    end = next((at for at, one in enumerate(ordered) if one.response == "PD"), len(ordered))
    return ordered[: end + 1]


def _confirmed(ordered: list[Assessment], at: int, options: RecistOptions, *, partial: bool = False) -> str:
    """Why the response there counts, as partial or as what it is; empty where it is not confirmed."""
    first = ordered[at]
    if options.confirmation_days is None:
        return f"{first.response} on {first.day}"
    enough = ("CR", "PR") if partial else ("CR",)
    not_evaluable = stable = 0
    complete = first.response == "CR"
    for one in ordered[at + 1 :]:
        fallen_back = complete and one.response == "PR" and not options.partial_after_complete
        waited = (one.day - first.day).days
        if one.response in enough and not fallen_back and waited >= options.confirmation_days:
            return f"{first.response} on {first.day}, confirmed by {one.response} on {one.day} after {waited} days"
        not_evaluable += one.response in ("NE", "ND")
        stable += one.response == "SD"
        if not_evaluable > options.not_evaluable_between or stable > int(options.stable_between and partial):
            return ""
        if one.response not in (*enough, "NE", "ND", "SD") or fallen_back:
            return ""
        complete = complete or one.response == "CR"
    return ""


def _without_response(ordered: list[Assessment], reference: date, options: RecistOptions) -> BestOverall:
    late = reference + timedelta(days=options.stable_days)
    lasting = [one for one in ordered if one.day >= late]
    stable = next((one for one in lasting if one.response in _STABLE), None)
    if stable is not None:
        unconfirmed = f", {stable.response} without confirmation" if stable.response != "SD" else ""
        waited = (stable.day - reference).days
        back = "; a partial response after a complete one is none" if _partial_again(ordered) else ""
        return BestOverall("SD", stable.day, f"no progression {waited} days after {reference}{unconfirmed}{back}")
    others: tuple[Best, ...] = ("NED", "NON-CR/NON-PD")
    for name in others:
        if found := next((one for one in lasting if one.response == name), None):
            return BestOverall(name, found.day, f"{name} on {found.day}")
    if found := next((one for one in ordered if one.response == "PD"), None):
        return BestOverall("PD", found.day, f"progression on {found.day}, and no response or stable disease before it")
    if options.early_complete_progresses and (fallen := _fallen(ordered)):
        why = f"{fallen.response} on {fallen.day} after CR, too early for stable disease: progression by table 3"
        return BestOverall("PD", fallen.day, why)
    early = next((one for one in ordered if one.response != "ND"), None)
    if early is not None:
        if early.response == "NE":
            return BestOverall("NE", early.day, f"not evaluable on {early.day}, and nothing better")
        return BestOverall("NE", early.day, f"{early.response} on {early.day}, too early to count as stable disease")
    return BestOverall("ND", ordered[0].day, "no assessment was done")


def _partial_again(ordered: list[Assessment]) -> bool:
    """Whether a partial response follows a complete one."""
    responses = [one.response for one in ordered]
    return "CR" in responses and "PR" in responses[responses.index("CR") :]


def _fallen(ordered: list[Assessment]) -> Assessment | None:
    """The stable disease or partial response that follows a complete one."""
    complete = False
    for one in ordered:
        if complete and one.response in ("SD", "PR"):
            return one
        complete = complete or one.response == "CR"
    return None
