"""EORTC recommendations of 1999: the change of summed uptake of the lesions that were chosen at baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from theratrial.response.pet.scans import SAME, Comparability, PetScan, not_comparable

METHOD: Final = "response.eortc_1999"
VERSION: Final = "2"

EortcCategory = Literal["CMR", "PMR", "SMD", "PMD", "NE"]


@dataclass(frozen=True, slots=True)
class EortcResponse:
    """Category with its arithmetic; sums of SUV in the unit of the scans' uptake."""

    category: EortcCategory
    because: str
    before: float | None
    after: float | None
    change_percent: float | None


def eortc(
    baseline: PetScan,
    later: PetScan,
    *,
    first_cycle: bool,
    longest_increase_percent: float | None = None,
    comparability: Comparability | None = None,
    unit: str = "g/mL",
) -> EortcResponse:
    """The metabolic response of a participant.

    Parameters
    ----------
    first_cycle
        Whether the later scan follows the first cycle: then a fall of 15 % is a partial response, else more than 25 %.
    longest_increase_percent
        Change of the longest extent of uptake; None: not measured, `extent_increased` of the scan then tells.
    comparability
        Limits within which the scans are compared, the liver's apart; None: the caller vouches for them.
    unit
        Of the uptake: g/mL by body weight or lean body mass, cm2/mL by body surface, which the paper recommends.

    Notes
    -----
    A fall of 15 to 25 % after more than one cycle is neither partial response nor stable disease in the paper; here it
    is stable, and the reason says so.

    References
    ----------
    Young et al., Eur J Cancer 1999;35:1773.
    """
    category, because, before, after = _judged(baseline, later, first_cycle, longest_increase_percent, unit)
    if comparability is not None and not later.new_lesions:
        reasons = not_comparable(baseline, later, comparability, references=False)
        if reasons:
            category, because = "NE", f"not assessable: {'; '.join(reasons)}"
    change = None if not before or after is None else (after - before) / before * 100
    return EortcResponse(category, because, before, after, change)


def _judged(
    baseline: PetScan, later: PetScan, first_cycle: bool, longest: float | None, unit: str
) -> tuple[EortcCategory, str, float | None, float | None]:
    if later.new_lesions:
        return "PMD", f"new lesions: {', '.join(later.new_lesions)}", None, None
    known = {lesion.lesion_id: lesion for lesion in later.lesions}
    unread = [
        one.lesion_id
        for one in baseline.lesions
        if one.uptake is None
        or one.lesion_id not in known
        or (known[one.lesion_id].uptake is None and known[one.lesion_id].background is not True)
    ]
    if unread or not baseline.lesions:
        return "NE", f"not assessable: not measured on both scans: {', '.join(unread) or 'any lesion'}", None, None
    before = sum(one.uptake or 0.0 for one in baseline.lesions)
    after = sum(known[one.lesion_id].uptake or 0.0 for one in baseline.lesions)
    if before <= 0:
        return "NE", "not assessable: no uptake at baseline", before, after
    if all(known[one.lesion_id].background is True for one in baseline.lesions):
        return "CMR", "no lesion can be told from its surroundings", before, after
    change = (after - before) / before * 100
    said = f"SUV {before:.2f} to {after:.2f} {unit}, {change:+.1f} %"
    if longest is not None:
        said = f"{said}; longest extent {longest:+.1f} %"
    if change > 25 * (1 + SAME):
        return "PMD", said, before, after
    if later.extent_increased or (longest is not None and longest > 20 * (1 + SAME)):
        return "PMD", f"{said}; extent of uptake increased", before, after
    if (first_cycle and change <= -15 * (1 - SAME)) or change < -25 * (1 + SAME):
        return "PMR", said, before, after
    between = "; a fall of 15 to 25 % after more than one cycle is no partial response" if change <= -15 else ""
    return "SMD", f"{said}{between}", before, after
