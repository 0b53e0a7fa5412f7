"""PERCIST 1.0: the hottest lesion of each scan by SULpeak, validated for FDG alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from theratrial.response.pet.scans import SAME, Comparability, PetScan, not_comparable

METHOD: Final = "response.percist_1_0"
VERSION: Final = "2"

PercistCategory = Literal["CMR", "PMR", "SMD", "PMD", "NE"]


@dataclass(frozen=True, slots=True)
class PercistOptions:
    """Numbers of the criteria, and how their open places are read.

    References
    ----------
    Wahl et al., J Nucl Med 2009;50 Suppl 1:122S.
    """

    fall_percent: float = 30.0
    fall_sul: float = 0.8
    fall_at_limit: bool = True
    """Whether a fall of exactly `fall_percent` and `fall_sul` is a partial response; sources write ">=" or ">"."""
    measurable_at_limit: bool = True
    """Whether a lesion with exactly the uptake of the limit is measurable; programs differ."""
    rise_percent: float = 30.0
    rise_sul: float = 0.8
    total_rise_percent: float = 75.0
    other_rise_percent: float | None = 30.0
    """A partial response is none where any lesion rose by more than this, however little that is in g/mL (secondary
    sources of the paper: no increase of more than 30 % in SUL of other lesions); None: it is not asked."""
    blood_pool_two_sd: bool = True
    """Whether two standard deviations are added to twice the blood pool where the liver is diseased: the paper's text
    says so, its table does not; the stricter one is taken."""
    comparability: Comparability | None = Comparability()  # noqa: RUF009 - frozen
    """None: the caller vouches that the scans can be compared."""


@dataclass(frozen=True, slots=True)
class PercistResponse:
    """Category with its arithmetic."""

    category: PercistCategory
    because: str
    measurable_from: float | None
    """SULpeak from which a lesion of the baseline is measurable [g/mL]."""
    before: float | None
    after: float | None
    change_percent: float | None


def measurable_from(baseline: PetScan, options: PercistOptions | None = None) -> float | None:
    """SULpeak from which a lesion is measurable at baseline [g/mL]; None where the reference was not measured.

    1.5 times the liver's mean plus two standard deviations; where the liver is diseased, twice the blood pool's.
    """
    chosen = options or PercistOptions()
    if not baseline.liver_diseased:
        return None if baseline.liver is None else 1.5 * baseline.liver.mean + 2 * baseline.liver.sd
    if baseline.blood_pool is None:
        return None
    return 2 * baseline.blood_pool.mean + (2 * baseline.blood_pool.sd if chosen.blood_pool_two_sd else 0.0)


def percist(baseline: PetScan, later: PetScan, options: PercistOptions | None = None) -> PercistResponse:
    """The metabolic response of a participant.

    New lesions are progression whatever else is known. Everything else needs two comparable scans and a measurable
    lesion at baseline; a lesion of the baseline that was not read later is never taken as gone.

    References
    ----------
    Wahl et al., J Nucl Med 2009;50 Suppl 1:122S, table 7.
    """
    chosen = options or PercistOptions()
    limit = measurable_from(baseline, chosen)
    hottest, last = baseline.hottest, later.hottest
    before = hottest.uptake if hottest else None
    after = last.uptake if last else None
    category, because = _judged(baseline, later, limit, before, after, chosen)
    change = None if not before or after is None else (after - before) / before * 100
    return PercistResponse(category, because, limit, before, after, change)


def _judged(
    baseline: PetScan,
    later: PetScan,
    limit: float | None,
    before: float | None,
    after: float | None,
    options: PercistOptions,
) -> tuple[PercistCategory, str]:
    if later.new_lesions:
        return "PMD", f"new lesions: {', '.join(later.new_lesions)}"
    if options.comparability is not None and (reasons := not_comparable(baseline, later, options.comparability)):
        return "NE", f"not assessable: {'; '.join(reasons)}"
    if limit is None or before is None:
        return "NE", "not assessable: no reference region or no measured lesion at baseline"
    if before < limit * (1 - SAME) or (before <= limit * (1 + SAME) and not options.measurable_at_limit):
        return "NE", f"not assessable: the hottest lesion has {before:.2f} g/mL, measurable from {limit:.2f}"
    if risen := _risen(baseline, later, before, after, options):
        return "PMD", risen
    if unread := _unread(baseline, later):
        return "NE", f"not assessable: not read at response: {', '.join(unread)}"
    if _resolved(later):
        return "CMR", "every lesion below the liver and as the blood pool around it, none new"
    if after is None:
        return "NE", "not assessable: no uptake was measured at response"
    fall = before - after
    first, last = (one.lesion_id if one else "" for one in (baseline.hottest, later.hottest))
    change = f"{-fall:+.2f}, {-fall / before * 100:+.1f} %"
    said = f"SULpeak {before:.2f} ({first}) to {after:.2f} ({last}) g/mL, {change}"
    edge = 1 - SAME if options.fall_at_limit else 1 + SAME
    enough = fall >= options.fall_percent / 100 * before * edge and fall >= options.fall_sul * edge
    if enough and (other := _other_rose(baseline, later, options)):
        return "SMD", f"{said}; no partial response, for {other}"
    return ("PMR" if enough else "SMD"), said


def _risen(baseline: PetScan, later: PetScan, before: float, after: float | None, options: PercistOptions) -> str:
    """What has grown beyond the thresholds: the hottest, any other lesion, total glycolysis, or the extent."""
    if later.extent_increased:
        return "the extent of uptake has visibly increased"
    if after is not None and _rose(before, after, options):
        return f"the hottest rose from {before:.2f} to {after:.2f} g/mL, {(after - before) / before * 100:+.1f} %"
    known = {lesion.lesion_id: lesion for lesion in later.lesions}
    for one in baseline.lesions:
        now = known.get(one.lesion_id)
        if now is None or one.uptake is None or now.uptake is None:
            continue
        if _rose(one.uptake, now.uptake, options):
            return f"{one.lesion_id} rose from {one.uptake:.2f} to {now.uptake:.2f} g/mL"
    first, last = _total(baseline), _total(later)
    if first and last is not None and last > first * (1 + options.total_rise_percent / 100) * (1 + SAME):
        return f"total lesion glycolysis rose from {first:.1f} to {last:.1f} g"
    return ""


def _other_rose(baseline: PetScan, later: PetScan, options: PercistOptions) -> str:
    """The lesion whose rise in percent forbids a partial response; empty where none rose so."""
    if options.other_rise_percent is None:
        return ""
    known = {lesion.lesion_id: lesion for lesion in later.lesions}
    for one in baseline.lesions:
        now = known.get(one.lesion_id)
        if now is None or one.uptake is None or now.uptake is None:
            continue
        if now.uptake - one.uptake > options.other_rise_percent / 100 * one.uptake * (1 + SAME):
            return f"{one.lesion_id} rose from {one.uptake:.2f} to {now.uptake:.2f} g/mL"
    return ""


def _rose(before: float, after: float, options: PercistOptions) -> bool:
    rise = after - before
    return rise > options.rise_percent / 100 * before * (1 + SAME) and rise > options.rise_sul * (1 + SAME)


def gaps(baseline: PetScan, later: PetScan) -> tuple[str, ...]:
    """What was not recorded and so not judged, though no category is refused for it."""
    found = [
        f"{one.lesion_id} was not measured at baseline: whether it rose cannot be told"
        for one in baseline.lesions
        if one.uptake is None
    ]
    totals = [*baseline.lesions, *later.lesions]
    if any(one.total_g is not None for one in totals) and None in (_total(baseline), _total(later)):
        names = dict.fromkeys(one.lesion_id for one in totals if one.total_g is None and one.background is not True)
        found.append(f"total lesion glycolysis is not judged: no total of {', '.join(names)}")
    return tuple(found)


def _total(scan: PetScan) -> float | None:
    # What is gone into its surroundings has no volume to multiply.
    totals = [
        0.0 if lesion.total_g is None and lesion.background is True else lesion.total_g for lesion in scan.lesions
    ]
    return None if not totals or any(one is None for one in totals) else sum(one for one in totals if one is not None)


def _unread(baseline: PetScan, later: PetScan) -> list[str]:
    known = {lesion.lesion_id: lesion for lesion in later.lesions}
    return [
        one.lesion_id
        for one in baseline.lesions
        if one.lesion_id not in known
        or (known[one.lesion_id].uptake is None and known[one.lesion_id].background is not True)
    ]


def _resolved(later: PetScan) -> bool:
    reference = later.blood_pool if later.liver_diseased else later.liver
    if reference is None or not later.lesions:
        return False
    return all(
        lesion.background is True and (lesion.uptake is None or lesion.uptake < reference.mean)
        for lesion in later.lesions
    )
