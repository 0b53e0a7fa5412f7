"""Lesions without uptake of the tracer among those known from other images. Method: docs/methods/heterogeneity.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.errors import InputError

METHOD: Final = "response.heterogeneity"
VERSION: Final = "1"

UPTAKE_CLASSES: Final = ("none", "background", "visible", "high", "not_assessable")
_SAME: Final = 1e-9

Counts = Literal["positive", "negative", "not_assessable", "tracer_only"]


@dataclass(frozen=True, slots=True)
class ClassedLesion:
    """One lesion with a reader's visual class; `site` empty where nobody recorded it."""

    lesion_id: str
    site: str
    known_from: str
    uptake_class: str
    volume_mL: float | None = None

    def __post_init__(self) -> None:
        if self.uptake_class not in UPTAKE_CLASSES:
            raise InputError(
                f"lesion {self.lesion_id}: class {self.uptake_class!r} is none of {', '.join(UPTAKE_CLASSES)}"
            )
        if self.volume_mL is not None and not 0 <= self.volume_mL < math.inf:
            raise InputError(f"lesion {self.lesion_id}: a volume is 0 mL or more, got {self.volume_mL}")


@dataclass(frozen=True, slots=True)
class PatternRules:
    """Which lesions are the whole, which classes are uptake, and what cannot be judged.

    References
    ----------
    Mileva et al., npj Breast Cancer 2024, doi 10.1038/s41523-023-00610-6, figure 4: four visual classes, the upper two
    HER2-positive. J Nucl Med 2023;64:724: HER2 imaging-positive from half of the tumour load.
    """

    known_from: tuple[str, ...] = ("ct", "fdg_pet")
    positive_classes: tuple[str, ...] = ("visible", "high")
    dominant_fraction: float = 0.5
    """Share with uptake from which it is the dominant part. ZEPHIR says "dominant" and "minor" without a number."""
    sites_not_assessable: tuple[str, ...] = ("liver",)
    """Organs whose own uptake hides that of a lesion."""


@dataclass(frozen=True, slots=True)
class CountedLesion:
    """As which a lesion is counted, and why not where it is not."""

    lesion: ClassedLesion
    counts: Counts
    because: str


@dataclass(frozen=True, slots=True)
class UptakePattern:
    """Pattern of one reader's classes: A all, B the dominant part, C a minor part, D none of the tumour load."""

    pattern: Literal["A", "B", "C", "D", ""]
    because: str
    basis: Literal["volume", "number"]
    lesions: tuple[CountedLesion, ...]
    share_negative: float | None
    share_negative_volume: float | None
    without_volume: tuple[str, ...]
    """Counted lesions whose volume was not recorded."""

    @property
    def discordant(self) -> tuple[str, ...]:
        """Lesions known from other images and without uptake."""
        return tuple(one.lesion.lesion_id for one in self.lesions if one.counts == "negative")


def uptake_pattern(lesions: Sequence[ClassedLesion], rules: PatternRules | None = None) -> UptakePattern:
    """The pattern that one reader's classes make.

    The whole are the lesions known from other images; what only the tracer shows is counted beside. The pattern is by
    volume where every counted lesion has one, for the tumour load is a volume; else by number.

    Raises
    ------
    InputError
        A lesion stands twice.

    Examples
    --------
    >>> seen = [ClassedLesion("a", "bone", "ct", "high"), ClassedLesion("b", "lung", "ct", "none")]
    >>> uptake_pattern(seen).pattern, uptake_pattern(seen).discordant
    ('B', ('b',))
    """
    chosen = rules or PatternRules()
    names = [one.lesion_id for one in lesions]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"lesion {twice[0]} was classed twice by one reader; keep one class")
    counted = tuple(_counted(one, chosen) for one in sorted(lesions, key=lambda one: one.lesion_id))
    judged = [one for one in counted if one.counts in ("positive", "negative")]
    negative = [one for one in judged if one.counts == "negative"]
    without_volume = tuple(one.lesion.lesion_id for one in judged if one.lesion.volume_mL is None)
    if not judged:
        said = "no lesion was classed" if not lesions else _none_judged(counted, chosen)
        return UptakePattern("", f"not assessable: {said}", "number", counted, None, None, without_volume)
    by_number = len(negative) / len(judged)
    by_volume = None if without_volume else _volume_share(negative, judged)
    share = by_number if by_volume is None else by_volume
    return UptakePattern(
        _pattern(1 - share, not negative, len(negative) == len(judged), chosen),
        _said(counted, judged, negative, by_volume, without_volume, chosen),
        "number" if by_volume is None else "volume",
        counted,
        by_number,
        by_volume,
        without_volume,
    )


def joint_pattern(patterns: Mapping[str, UptakePattern]) -> tuple[str, str]:
    """One pattern of those of each reader, and why; empty where they differ: which is right is not for the product."""
    if not patterns:
        return "", "not assessable: nobody classed the lesions"
    found = {one.pattern for one in patterns.values()}
    named = ", ".join(f"{reader} {one.pattern or 'not assessable'}" for reader, one in sorted(patterns.items()))
    if len(found) > 1:
        return "", f"not assessable: the readers differ ({named}) and nobody settled it"
    only = patterns[min(patterns)]
    return only.pattern, only.because if len(patterns) == 1 else f"{only.because} (the readers agree: {named})"


def _counted(one: ClassedLesion, rules: PatternRules) -> CountedLesion:
    if one.known_from not in rules.known_from:
        where = "seen on the tracer alone" if one.known_from == "tracer" else f"known from {one.known_from} alone"
        return CountedLesion(one, "tracer_only", f"{where}: counted beside")
    if one.uptake_class == "not_assessable":
        return CountedLesion(one, "not_assessable", "the reader could not assess it")
    if one.site in rules.sites_not_assessable:
        return CountedLesion(one, "not_assessable", f"in the {one.site}, whose own uptake hides it")
    return CountedLesion(one, "positive" if one.uptake_class in rules.positive_classes else "negative", "")


def _none_judged(counted: Sequence[CountedLesion], rules: PatternRules) -> str:
    hidden = [one for one in counted if one.counts == "not_assessable"]
    if not hidden:
        return f"no lesion is known from {' or '.join(rules.known_from)}"
    return "; ".join(f"{one.lesion.lesion_id}: {one.because}" for one in hidden)


def _volume_share(negative: Sequence[CountedLesion], judged: Sequence[CountedLesion]) -> float | None:
    whole = math.fsum(one.lesion.volume_mL or 0.0 for one in judged)
    return math.fsum(one.lesion.volume_mL or 0.0 for one in negative) / whole if whole > 0 else None


def _pattern(
    share_positive: float, every_positive: bool, none_positive: bool, rules: PatternRules
) -> Literal["A", "B", "C", "D"]:
    # Whether all or none have uptake is a matter of lesions; a volume of zero must not make one vanish.
    if every_positive:
        return "A"
    if none_positive:
        return "D"
    return "B" if share_positive >= rules.dominant_fraction * (1 - _SAME) else "C"


def _said(
    counted: Sequence[CountedLesion],
    judged: Sequence[CountedLesion],
    negative: Sequence[CountedLesion],
    by_volume: float | None,
    without_volume: Sequence[str],
    rules: PatternRules,
) -> str:
    parts = [f"{len(negative)} of {len(judged)} lesions without uptake"]
    by_number = 1 - len(negative) / len(judged)
    if by_volume is not None:
        if negative:
            parts.append(f"{by_volume * 100:.0f} % of their volume")
        other = _pattern(by_number, not negative, len(negative) == len(judged), rules)
        if other != _pattern(1 - by_volume, not negative, len(negative) == len(judged), rules):
            parts.append(f"by number it would be {other}")
    elif len(without_volume) < len(judged):
        parts.append(f"by number, for {', '.join(without_volume)} has no volume")
    if negative:
        parts.append(f"without uptake: {', '.join(one.lesion.lesion_id for one in negative)}")
    hidden = [one for one in counted if one.counts == "not_assessable"]
    if hidden:
        parts.append(f"not assessable: {', '.join(f'{one.lesion.lesion_id} ({one.because})' for one in hidden)}")
        ends = [
            _by_number(len(judged) - len(negative) + more, len(judged) + len(hidden), rules)
            for more in (0, len(hidden))
        ]
        if ends[0] != ends[1]:
            parts.append(f"were they known, it could be anything from {ends[1]} to {ends[0]} by number")
    beside = [one.lesion.lesion_id for one in counted if one.counts == "tracer_only"]
    if beside:
        parts.append(f"counted beside: {', '.join(beside)}")
    homeless = [one.lesion.lesion_id for one in judged if not one.lesion.site]
    if homeless:
        parts.append(
            f"whether {', '.join(homeless)} lies in the {'/'.join(rules.sites_not_assessable)} is not recorded"
        )
    return "; ".join(parts)


def _by_number(positive: int, whole: int, rules: PatternRules) -> str:
    return _pattern(positive / whole, positive == whole, positive == 0, rules)
