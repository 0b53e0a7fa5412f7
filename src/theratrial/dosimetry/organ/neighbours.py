"""Cells of an S table held against their mirror images and against similar rows and columns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from theratrial.dosimetry.organ.findings import (
    OVERLAPPING,
    SKELETON,
    UNIT,
    LinterBounds,
    Pair,
    TableFinding,
    graded,
    log_ratio,
    without_alpha,
)
from theratrial.dosimetry.organ.names import organ
from theratrial.dosimetry.transport.values import SValueTable


def _by_organs(table: SValueTable) -> dict[Pair, list[Pair]]:
    """Pairs by the organs of target and source."""
    index: dict[Pair, list[Pair]] = {}
    for pair in sorted(table.values):
        index.setdefault((organ(pair[0]), organ(pair[1])), []).append(pair)
    return index


def _allowed_ratio(pair: Pair, bounds: LinterBounds) -> float:
    if set(pair) & SKELETON:
        return bounds.skeleton_reciprocity
    return bounds.lung_reciprocity if "lungs" in pair else bounds.soft_reciprocity


def mirrors(table: SValueTable) -> dict[Pair, Pair]:
    """Pair -> the pair the other way round; a wall stands for its contents where a table has only one of them."""
    index = _by_organs(table)
    found = {}
    for pair in table.values:
        target, source = pair
        if organ(target) == organ(source) or OVERLAPPING & set(pair):
            continue
        candidates = index.get((organ(source), organ(target)), [])
        if candidates:
            found[pair] = min(candidates, key=lambda other: ((other[0] != source) + (other[1] != target), other))
    return found


def disagreeing(table: SValueTable, mirrored: dict[Pair, Pair], bounds: LinterBounds) -> dict[Pair, Pair]:
    """The mirrors that disagree with their pair."""
    broken = {}
    for pair, mirror in mirrored.items():
        one, other = without_alpha(table, pair), without_alpha(table, mirror)
        if one > 0 and other > 0 and log_ratio(one, other) > math.log(_allowed_ratio(pair, bounds)):
            broken[pair] = mirror
    return broken


def reciprocity(table: SValueTable, broken: dict[Pair, Pair], bounds: LinterBounds) -> Iterator[TableFinding]:
    for pair, mirror in sorted(broken.items()):
        one, other = without_alpha(table, pair), without_alpha(table, mirror)
        # Each disagreement once, from its larger side: the smaller one is what a copied cell contradicts.
        if one < other and mirror in broken:
            continue
        factor = _allowed_ratio(pair, bounds)
        because = f"{mirror[0]} <- {mirror[1]} is {other:.3g}, a factor {math.exp(log_ratio(one, other)):.3g} apart"
        severity = graded(log_ratio(one, other))
        yield TableFinding("reciprocity", severity, *pair, one, other / factor, other * factor, UNIT, because)


def duplicates(table: SValueTable, broken: dict[Pair, Pair]) -> Iterator[TableFinding]:
    """Cells equal to another cell of their row, one of which its own mirror contradicts by more than twice."""
    for pair, mirror in sorted(broken.items()):
        one, other = without_alpha(table, pair), without_alpha(table, mirror)
        if log_ratio(one, other) <= math.log(2):
            continue
        twins = [
            source
            for target, source in sorted(table.values)
            if target == pair[0]
            and organ(source) != organ(pair[1])
            and (target, source) not in broken
            and without_alpha(table, (target, source)) == one
        ]
        if twins:
            because = (
                f"the same figure as {pair[0]} <- {', '.join(twins)}, while {mirror[0]} <- {mirror[1]} is {other:.3g}"
            )
            yield TableFinding("duplicate", "error", *pair, one, other / 2, other * 2, UNIT, because)


_LIKE: Final = 3
"""How many similar rows or columns speak for a cell."""


def _similar(profiles: dict[str, dict[str, float]], name: str, without: str) -> list[str]:
    """The names whose profiles (logarithms) are nearest to that of `name`, the entry `without` left out."""

    def distance(other: str) -> float:
        shared = [key for key in profiles[name] if key != without and key in profiles[other]]
        if len(shared) < _LIKE:
            return math.inf
        # The median, so that one bad cell does not hide who is similar.
        gaps = sorted(abs(profiles[name][key] - profiles[other][key]) for key in shared)
        return gaps[len(gaps) // 2]

    others = [other for other in profiles if other != name and without in profiles[other]]
    ranked = sorted((distance(other), other) for other in others)
    return [other for far, other in ranked[:_LIKE] if math.isfinite(far)]


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _logs(table: SValueTable) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Logarithms of the cross values by target and by source; the skeleton in itself exchanges electrons and is out."""
    rows: dict[str, dict[str, float]] = {}
    columns: dict[str, dict[str, float]] = {}
    for (target, source), value in sorted(table.values.items()):
        regions = {target, source}
        if organ(target) == organ(source) or OVERLAPPING & regions or regions <= SKELETON:
            continue
        if value.total_Gy_per_MBq_h > 0:
            rows.setdefault(target, {})[source] = math.log(value.total_Gy_per_MBq_h)
            columns.setdefault(source, {})[target] = math.log(value.total_Gy_per_MBq_h)
    return rows, columns


def outliers(table: SValueTable, sound: set[Pair], bounds: LinterBounds) -> Iterator[TableFinding]:
    """Cells far from what similar rows and similar columns hold; those that their mirror confirms are left alone."""
    rows, columns = _logs(table)
    margin = math.log(bounds.outlier_factor)
    for target, source in ((target, source) for target, row in rows.items() for source in row):
        if (target, source) in sound:
            continue
        like_rows, like_columns = _similar(rows, target, source), _similar(columns, source, target)
        if min(len(like_rows), len(like_columns)) < _LIKE:
            continue
        log_value = rows[target][source]
        low, high = sorted(
            (
                _median([rows[other][source] for other in like_rows]),
                _median([columns[other][target] for other in like_columns]),
            )
        )
        if low - margin <= log_value <= high + margin:
            continue
        ends = math.exp(low - margin), math.exp(high + margin)
        because = f"similar targets ({', '.join(like_rows)}) and sources ({', '.join(like_columns)}) differ"
        yield TableFinding("outlier", "error", target, source, math.exp(log_value), *ends, UNIT, because)
