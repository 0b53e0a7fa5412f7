"""What a fall of uptake means: response, blocking, antigen loss, undecided. Method: docs/methods/heterogeneity.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

METHOD: Final = "response.uptake_fall"
VERSION: Final = "1"

SHRANK_PERCENT: Final = 30.0
GREW_PERCENT: Final = 20.0
GREW_mm: Final = 5.0
_SAME: Final = 1e-9

Label = Literal["response", "blocking", "antigen_loss", "undecided", "no_fall"]
Size = Literal["shrank", "unchanged", "grew", "not_known"]
Answer = Literal["yes", "no", "not_known"]


@dataclass(frozen=True, slots=True)
class FollowedLesion:
    """What is known of one lesion of baseline at response."""

    lesion_id: str
    fell: bool | None
    """Whether its uptake fell by at least the rule's thresholds, or it is resolved; None: not measured on both."""
    rose: bool = False
    size: Size = "not_known"
    alive_without_uptake: bool = False
    """FDG shows it at response, and the tracer, which showed it at baseline, does not."""


@dataclass(frozen=True, slots=True)
class ColdAntibody:
    """The last cold antibody before the response scan.

    `days` is None where none is recorded or a day is missing; `said` names it, or what is missing.
    """

    days: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A question and what the records answer."""

    question: str
    answer: Answer
    because: str


@dataclass(frozen=True, slots=True)
class FallMeaning:
    """The label, the branch that gave it, and what was asked on the way."""

    label: Label
    branch: str
    because: str
    evidence: tuple[Evidence, ...]


def size_change(before_mm: float | None, after_mm: float | None) -> Size:
    """Change of a lesion's diameter on CT, by the thresholds RECIST 1.1 has for a sum, taken for one lesion.

    Examples
    --------
    >>> size_change(20, 14), size_change(20, 24), size_change(20, 25)
    ('shrank', 'unchanged', 'grew')
    """
    if before_mm is None or after_mm is None or before_mm <= 0:
        return "not_known"
    rise = after_mm - before_mm
    if -rise >= SHRANK_PERCENT / 100 * before_mm * (1 - _SAME):
        return "shrank"
    if rise >= GREW_PERCENT / 100 * before_mm * (1 - _SAME) and rise >= GREW_mm * (1 - _SAME):
        return "grew"
    return "unchanged"


def fall_meaning(
    lesions: Sequence[FollowedLesion],
    antibody: ColdAntibody,
    *,
    blocking_days: float,
    new_lesions: Sequence[str] = (),
) -> FallMeaning:
    """What the fall means. Undecided unless the evidence names one meaning and rules the others out.

    Parameters
    ----------
    lesions
        Every lesion of baseline.
    blocking_days
        Cold antibody given so few days before the response scan may block uptake.
    new_lesions
        Lesions that are new at response.
    """
    measured = [one for one in lesions if one.fell is not None]
    fallen = [one for one in measured if one.fell]
    unmeasured = [one.lesion_id for one in lesions if one.fell is None]
    evidence = _evidence(measured, fallen, unmeasured, antibody, blocking_days)
    label, branch, because = _decided(measured, fallen, unmeasured, antibody, blocking_days, new_lesions)
    return FallMeaning(label, branch, because, evidence)


def _decided(
    measured: Sequence[FollowedLesion],
    fallen: Sequence[FollowedLesion],
    unmeasured: Sequence[str],
    antibody: ColdAntibody,
    blocking_days: float,
    new_lesions: Sequence[str],
) -> tuple[Label, str, str]:
    if not measured:
        return "undecided", "not_measured", "no lesion was measured at baseline and at response"
    if not fallen:
        beside = f"; not measured on both: {', '.join(unmeasured)}" if unmeasured else ""
        return "no_fall", "no_fall", f"none of {len(measured)} measured lesions fell by the rule's thresholds{beside}"
    if antibody.days is None:
        return "undecided", "antibody_not_known", f"{antibody.said}, so blocking cannot be ruled out"
    alive = [one for one in fallen if one.alive_without_uptake or one.size == "grew"]
    if antibody.days <= blocking_days:
        return _while_blocking_may_be(measured, fallen, alive, unmeasured, antibody, blocking_days)
    return _without_blocking(measured, fallen, alive, new_lesions)


def _while_blocking_may_be(
    measured: Sequence[FollowedLesion],
    fallen: Sequence[FollowedLesion],
    alive: Sequence[FollowedLesion],
    unmeasured: Sequence[str],
    antibody: ColdAntibody,
    blocking_days: float,
) -> tuple[Label, str, str]:
    near = f"{antibody.said}, {antibody.days} days before the response scan (may block up to {blocking_days:g})"
    everywhere = len(fallen) == len(measured) and not unmeasured
    if everywhere and not alive and all(one.size == "unchanged" for one in measured):
        said = f"{near}; every lesion fell and none changed its size on CT"
        return "blocking", "blocking", said
    return "undecided", "blocking_possible", f"{near}; {_why_not_blocking(measured, fallen, alive, unmeasured)}"


def _why_not_blocking(
    measured: Sequence[FollowedLesion],
    fallen: Sequence[FollowedLesion],
    alive: Sequence[FollowedLesion],
    unmeasured: Sequence[str],
) -> str:
    if alive:
        return f"{_names(alive)} grew or is FDG-avid without uptake, which antigen loss explains as well"
    if shrunk := [one for one in measured if one.size == "shrank"]:
        return f"{_names(shrunk)} shrank on CT, which response explains as well"
    if len(fallen) < len(measured):
        others = [one for one in measured if not one.fell]
        return f"{_names(others)} did not fall, as under blocking it would"
    if unmeasured:
        return f"{', '.join(unmeasured)} was not measured on both"
    return f"the size of {_names([one for one in measured if one.size != 'unchanged'])} is not known or changed"


def _without_blocking(
    measured: Sequence[FollowedLesion],
    fallen: Sequence[FollowedLesion],
    alive: Sequence[FollowedLesion],
    new_lesions: Sequence[str],
) -> tuple[Label, str, str]:
    shrunk = [one for one in fallen if one.size == "shrank" and one not in alive]
    if alive and shrunk:
        said = f"{_names(alive)} grew or is FDG-avid without uptake, {_names(shrunk)} shrank"
        return "undecided", "lesions_differ", f"the lesions differ: {said}"
    if alive and len(alive) == len(fallen):
        return "antigen_loss", "antigen_loss", f"{_names(alive)} lost uptake and grew on CT or is FDG-avid all the same"
    if alive:
        return "undecided", "lesions_differ", f"{_names(alive)} grew or is FDG-avid without uptake, the others are not"
    risen = [one.lesion_id for one in measured if one.rose or one.size == "grew"]
    if beside := [*risen, *new_lesions]:
        said = f"beside the fall {', '.join(dict.fromkeys(beside))} rose, grew or is new"
        return "undecided", "progression_beside", said
    if len(shrunk) == len(fallen):
        return "response", "response", f"{_names(shrunk)} fell and shrank on CT, no cold antibody is near"
    unknown = [one for one in fallen if one.size == "not_known"]
    if unknown:
        return "undecided", "size_not_known", f"no CT diameter on both days of {_names(unknown)}"
    same = [one for one in fallen if one.size == "unchanged"]
    return (
        "undecided",
        "size_unchanged",
        f"{_names(same)} fell and kept its size: response and antigen loss both may be",
    )


def _names(lesions: Sequence[FollowedLesion]) -> str:
    return ", ".join(one.lesion_id for one in lesions)


def _evidence(
    measured: Sequence[FollowedLesion],
    fallen: Sequence[FollowedLesion],
    unmeasured: Sequence[str],
    antibody: ColdAntibody,
    blocking_days: float,
) -> tuple[Evidence, ...]:
    counted = f"{len(fallen)} of {len(measured)} measured lesions" + (
        f"; not measured on both: {', '.join(unmeasured)}" if unmeasured else ""
    )
    blocking: Answer = "not_known"
    near = antibody.said
    if antibody.days is not None:
        blocking = "yes" if antibody.days <= blocking_days else "no"
        near = f"{antibody.said}, {antibody.days} days before; may block up to {blocking_days:g}"
    sizes = {one.size for one in fallen}
    alive = [one for one in fallen if one.alive_without_uptake or one.size == "grew"]
    shrank: Answer = "not_known"
    if fallen and "not_known" not in sizes:
        shrank = "yes" if sizes == {"shrank"} else "no"
    said = ", ".join(f"{one.lesion_id} {one.size.replace('_', ' ')}" for one in fallen)
    lost: Answer = "yes" if alive else "no" if fallen and "not_known" not in sizes else "not_known"
    return (
        Evidence("uptake fell", "yes" if fallen else "no" if measured else "not_known", counted),
        Evidence("cold antibody may block", blocking, near),
        Evidence("all that fell shrank on CT", shrank, said or "nothing fell"),
        Evidence("tumour without uptake is alive", lost, _names(alive) or "none grew, none is FDG-avid without uptake"),
    )
