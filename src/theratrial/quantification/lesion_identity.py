"""Which lesion of a later scan is which of an earlier one: same, split, merged, new, gone, or for a person to say.

Method: docs/methods/lesion_identity.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.values import Region
from theratrial.quantification.segmentation_sphere import shared_volume_mL

Floats = NDArray[np.float64]

METHOD: Final = "quantification.lesion_identity"
VERSION: Final = "1"


class Outcome(StrEnum):
    """What became of a lesion."""

    SAME = "same"
    SPLIT = "split"
    MERGED = "merged"
    NEW = "new"
    GONE = "gone"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """When two outlines are taken as one lesion; a protocol may set others.

    Parameters
    ----------
    linking_overlap_fraction
        Shared volume over the smaller volume from which two outlines are linked.
    dominant_ratio
        In a tangle of overlaps, the assigned link must be this many times any other link of the two lesions.
    nearest_mm
        Farthest distance of centres at which lesions without overlap may be the same (registration and breathing).
    clear_ratio
        Without overlap, the next candidate must be this many times farther than the nearest.
    """

    linking_overlap_fraction: float = 0.2
    dominant_ratio: float = 2.0
    nearest_mm: float = 15.0
    clear_ratio: float = 2.0

    def __post_init__(self) -> None:
        if not (0 < self.linking_overlap_fraction <= 1 and self.nearest_mm >= 0):
            raise InputError(f"rules of lesion identity cannot be: {self}")
        if self.dominant_ratio < 1 or self.clear_ratio < 1:
            raise InputError(f"rules of lesion identity: ratios are at least 1, got {self}")


DEFAULT_RULES: Final = IdentityRules()


@dataclass(frozen=True, slots=True)
class LesionMatch:
    """One lesion, or a group that belongs together, over two scans.

    `earlier` and `later` are names; either is empty for new and gone. `overlap_fraction` is the least link of the group
    (shared volume over the smaller), None where they do not overlap; `distance_mm` that of the centres for a pair.
    """

    outcome: Outcome
    earlier: tuple[str, ...]
    later: tuple[str, ...]
    overlap_fraction: float | None
    distance_mm: float | None
    because: str


def lesion_matches(
    earlier: Sequence[Region], later: Sequence[Region], *, rules: IdentityRules = DEFAULT_RULES
) -> tuple[LesionMatch, ...]:
    """What became of every lesion between two scans; each lesion stands in exactly one match.

    Overlap decides first, distance only among lesions that overlap nothing. The order of the lesions given does not
    matter, and looking from the later to the earlier scan gives the mirror image (split and merged, new and gone).

    Parameters
    ----------
    earlier, later
        Lesions on one grid, after registration (`resampling.resampled_region`).

    Raises
    ------
    InputError
        If a name stands twice in one scan, a lesion is empty, or grids differ.
    """
    one, other = (sorted(side, key=lambda region: region.name) for side in (earlier, later))
    for side in (one, other):
        names = [region.name for region in side]
        if len(set(names)) < len(names):
            raise InputError(f"lesions of one scan need different names, got {', '.join(names)}")
        for region in side:
            if region.volume_mL <= 0:
                raise InputError(f"lesion {region.name} is empty; an absent lesion is not listed")
    overlap = _overlap_fractions(one, other)
    distance = _distances_mm(one, other)
    linked = overlap >= rules.linking_overlap_fraction
    matches: list[LesionMatch] = []
    for rows, columns in _groups(linked):
        matches += _of_group(one, other, rows, columns, overlap, distance, rules)
    free_rows = [i for i in range(len(one)) if not linked[i].any()]
    free_columns = [j for j in range(len(other)) if not linked[:, j].any()]
    matches += _by_distance(one, other, free_rows, free_columns, overlap, distance, rules)
    return tuple(sorted(matches, key=lambda match: (match.earlier or ("\uffff",), match.later)))


def _centre_mm(region: Region) -> Floats:
    weights = region.weights.astype(np.float64)
    index = [
        float((weights.sum(axis=tuple(a for a in range(3) if a != axis)) * np.arange(n)).sum() / weights.sum())
        for axis, n in enumerate(weights.shape)
    ]
    return region.grid.patient_mm(np.array(index) + np.array(region.corner, dtype=float))


def _overlap_fractions(one: Sequence[Region], other: Sequence[Region]) -> Floats:
    found = np.zeros((len(one), len(other)))
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            found[i, j] = shared_volume_mL(a, b) / min(a.volume_mL, b.volume_mL)
    return found


def _distances_mm(one: Sequence[Region], other: Sequence[Region]) -> Floats:
    a = np.array([_centre_mm(region) for region in one]).reshape(-1, 1, 3)
    b = np.array([_centre_mm(region) for region in other]).reshape(1, -1, 3)
    return np.asarray(np.linalg.norm(a - b, axis=2))


def _groups(linked: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Lesions of both scans that links tie together."""
    groups, seen = [], set()
    for start in range(linked.shape[0]):
        if start in seen or not linked[start].any():
            continue
        rows, columns = {start}, set(np.flatnonzero(linked[start]).tolist())
        while True:
            more = {i for j in columns for i in np.flatnonzero(linked[:, j]).tolist()} - rows
            if not more:
                break
            rows |= more
            columns |= {j for i in more for j in np.flatnonzero(linked[i]).tolist()}
        seen |= rows
        groups.append((sorted(rows), sorted(columns)))
    return groups


def _of_group(
    one: Sequence[Region],
    other: Sequence[Region],
    rows: list[int],
    columns: list[int],
    overlap: Floats,
    distance: Floats,
    rules: IdentityRules,
) -> list[LesionMatch]:
    links = overlap[np.ix_(rows, columns)]
    least = float(links[links >= rules.linking_overlap_fraction].min())
    before, after = tuple(one[i].name for i in rows), tuple(other[j].name for j in columns)
    if len(rows) == len(columns) == 1:
        i, j = rows[0], columns[0]
        return [_same(one[i], other[j], float(overlap[i, j]), float(distance[i, j]), "overlap")]
    if len(rows) == 1:
        text = f"{before[0]} overlaps {len(after)} lesions of the later scan ({', '.join(after)})"
        return [LesionMatch(Outcome.SPLIT, before, after, least, None, text)]
    if len(columns) == 1:
        text = f"{len(before)} lesions of the earlier scan ({', '.join(before)}) overlap {after[0]}"
        return [LesionMatch(Outcome.MERGED, before, after, least, None, text)]
    pairs = _dominant_pairs(links, rules.dominant_ratio)
    if pairs is not None:
        return [
            _same(one[rows[i]], other[columns[j]], float(links[i, j]), float(distance[rows[i], columns[j]]), "overlap")
            for i, j in pairs
        ]
    text = (
        f"{', '.join(before)} and {', '.join(after)} overlap crosswise, no assignment overlaps "
        f"{rules.dominant_ratio:g} times more than the others -> a person decides"
    )
    return [LesionMatch(Outcome.AMBIGUOUS, before, after, least, None, text)]


def _dominant_pairs(links: Floats, ratio: float) -> list[tuple[int, int]] | None:
    """The assignment of most overlap, if it leaves nobody out and outweighs every other link of its members."""
    from scipy.optimize import linear_sum_assignment

    if links.shape[0] != links.shape[1]:
        return None
    rows, columns = linear_sum_assignment(-links)
    for i, j in zip(rows, columns, strict=True):
        rivals = np.concatenate([np.delete(links[i], j), np.delete(links[:, j], i)])
        if links[i, j] < ratio * rivals.max() or links[i, j] == 0:
            return None
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]


def _same(a: Region, b: Region, overlap: float, distance_mm: float, how: str) -> LesionMatch:
    if how == "overlap":
        text = f"{overlap:.0%} of the smaller outline is shared, centres {distance_mm:.1f} mm apart"
    else:
        text = f"not linked by overlap ({overlap:.0%}), but centres are {distance_mm:.1f} mm apart and no rival is near"
    return LesionMatch(Outcome.SAME, (a.name,), (b.name,), overlap if overlap > 0 else None, distance_mm, text)


def _by_distance(
    one: Sequence[Region],
    other: Sequence[Region],
    rows: list[int],
    columns: list[int],
    overlap: Floats,
    distance: Floats,
    rules: IdentityRules,
) -> list[LesionMatch]:
    near = distance[np.ix_(rows, columns)]
    groups = _groups(near <= rules.nearest_mm) if rows and columns else []
    found: list[LesionMatch] = []
    settled_rows: set[int] = set()
    settled_columns: set[int] = set()
    for group_rows, group_columns in groups:
        settled_rows |= set(group_rows)
        settled_columns |= set(group_columns)
        part = near[np.ix_(group_rows, group_columns)]
        pairs = _clear_pairs(part, rules.clear_ratio)
        if pairs is None:
            before = tuple(one[rows[i]].name for i in group_rows)
            after = tuple(other[columns[j]].name for j in group_columns)
            text = (
                f"{', '.join(before)} and {', '.join(after)} lie within {rules.nearest_mm:g} mm of each other without "
                "overlap, and no assignment is clearly the nearest -> a person decides"
            )
            found.append(LesionMatch(Outcome.AMBIGUOUS, before, after, None, None, text))
            continue
        for i, j in pairs:
            a, b = rows[group_rows[i]], columns[group_columns[j]]
            found.append(_same(one[a], other[b], float(overlap[a, b]), float(part[i, j]), "distance"))
    for i, row in enumerate(rows):
        if i not in settled_rows:
            found.append(_alone(Outcome.GONE, one[row].name, distance[row], rules))
    for j, column in enumerate(columns):
        if j not in settled_columns:
            found.append(_alone(Outcome.NEW, other[column].name, distance[:, column], rules))
    return found


def _clear_pairs(distance: Floats, ratio: float) -> list[tuple[int, int]] | None:
    """The assignment of least distance, if it leaves nobody out and every rival is clearly farther."""
    from scipy.optimize import linear_sum_assignment

    if distance.shape[0] != distance.shape[1]:
        return None
    rows, columns = linear_sum_assignment(distance)
    for i, j in zip(rows, columns, strict=True):
        rivals = np.concatenate([np.delete(distance[i], j), np.delete(distance[:, j], i)])
        if rivals.size and rivals.min() < ratio * distance[i, j]:
            return None
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]


def _alone(outcome: Outcome, name: str, distances: Floats, rules: IdentityRules) -> LesionMatch:
    nearest = float(distances.min()) if distances.size else math.inf
    scan = "later" if outcome is Outcome.GONE else "earlier"
    where = (
        f"the nearest unmatched or matched centre is {nearest:.0f} mm away"
        if math.isfinite(nearest)
        else "it holds none"
    )
    text = f"no lesion of the {scan} scan overlaps {name} or lies within {rules.nearest_mm:g} mm of it ({where})"
    if outcome is Outcome.NEW:
        return LesionMatch(outcome, (), (name,), None, None, text)
    return LesionMatch(outcome, (name,), (), None, None, text)
