"""Counts of overlapping regions shared out: what each region, its neighbours and the rest put into every pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from theratrial.errors import InputError
from theratrial.quantification.attenuation_projection import ProjectedBody, ProjectedPart
from theratrial.quantification.conjugate_view import HeadCounts
from theratrial.quantification.conjugate_view_crop import moved
from theratrial.quantification.conjugate_view_overlap import OverlapPlan, RegionCounts, doubt_of
from theratrial.quantification.planar_background import (
    BackgroundPlace,
    BackgroundPlan,
    Mask,
    background,
    background_places,
)
from theratrial.quantification.scatter import OVER_SUBTRACTED_SD

Floats = NDArray[np.float64]
_ROUNDS: Final = 400
_SETTLED: Final = 2e-4
_FARTHEST: Final = 20.0
"""Most steps to leap at once."""
_FLOOR: Final = 1e-6


class PlanarModel:
    """One scan's counts and projections, on the part of the view where regions are.

    Assumes that every region and the rest beside it are uniform; how far they may not be is part of the uncertainty.
    """

    def __init__(
        self,
        body: ProjectedBody,
        heads: Sequence[HeadCounts],
        background_plan: BackgroundPlan,
        overlap: OverlapPlan,
        places: Sequence[BackgroundPlace | str] | None = None,
        start: Floats | None = None,
    ) -> None:
        self.overlap, self.background_plan = overlap, background_plan
        self.body, self.heads = body, heads
        self.members: list[Mask] = [_member(part, overlap) for part in body.regions]
        self.places = (
            background_places(body, self.members, _usable(body), background_plan) if places is None else places
        )
        union = np.any(self.members, axis=0)
        for place in self.places:
            if not isinstance(place, str):
                union.ravel()[place.index] = True
        self.pixels = np.flatnonzero(union)
        where = np.full(union.size, -1, dtype=np.intp)
        where[self.pixels] = np.arange(len(self.pixels))
        self.own = [where[np.flatnonzero(m)] for m in self.members]
        self.ring = [None if isinstance(p, str) else where[p.index] for p in self.places]
        flat = self.pixels
        parts = body.regions
        self.kernels = [
            np.stack([p.anterior_mm.ravel()[flat] for p in parts]).astype(np.float64),
            np.stack([p.posterior_mm.ravel()[flat] for p in parts]).astype(np.float64),
        ]
        self.rest = [v.ravel()[flat].astype(np.float64) for v in (body.rest.anterior_mm, body.rest.posterior_mm)]
        self.primary = [h.primary.ravel()[flat].astype(np.float64) for h in heads]
        self.variance = [h.variance.ravel()[flat].astype(np.float64) for h in heads]
        self.scatter = [h.scatter.ravel()[flat].astype(np.float64) for h in heads]
        self.levels = self._levels(start)
        self.totals = [self.levels @ kernel for kernel in self.kernels]
        self.sensitivities = self._sensitivities()

    def displaced(self, down_mm: float, right_mm: float) -> PlanarModel:
        """The same counts under another registration: projections moved on the view, backgrounds where they were."""
        displaced = moved(self.body, down_mm, right_mm)
        return PlanarModel(displaced, self.heads, self.background_plan, self.overlap, self.places, self.levels)

    def counts(self) -> tuple[RegionCounts, ...]:
        """Of every region."""
        return tuple(self._counts_of(number) for number in range(len(self.body.regions)))

    def _first(self) -> Floats:
        names = [part.name for part in self.body.regions]
        if self.overlap.rule != "expected":
            return np.ones(len(names))
        missing = [name for name in names if name not in self.overlap.expected]
        if missing:
            raise InputError(
                f"no expected concentration for {', '.join(missing)} -> give one for every region, or take another rule"
            )
        return np.array([max(self.overlap.expected[name], _FLOOR) for name in names])

    def _levels(self, start: Floats | None) -> Floats:
        """Counts per mm of every region, common to both heads; sharing until consistent begins at `start`."""
        given = self._first()
        inside = np.unique(np.concatenate(self.own))
        seen = sum(float(p[inside].sum()) for p in self.primary)
        held = sum(float((given @ k)[inside].sum()) for k in self.kernels)
        levels = given * max(seen / held if held > 0 else 1.0, _FLOOR)
        if start is not None and self.overlap.rule == "consistent":
            levels = start
        held_mm = [[float(self.kernels[head][n][own].sum()) for head in (0, 1)] for n, own in enumerate(self.own)]
        earlier: tuple[Floats, Floats] | None = None
        for _ in range(_ROUNDS if self.overlap.rule == "consistent" else 0):
            new = self._shared_again(levels, held_mm)
            change = float(np.max(np.abs(new - levels) / np.maximum(levels, 0.01 * levels.max())))
            if change < _SETTLED:
                return new
            # Sharing creeps towards its end: the last two steps tell how far it still is (Anderson, one step back).
            log_new, step = np.log(new), np.log(new / levels)
            levels = new
            if earlier is not None:
                turn = step - earlier[1]
                size = float(turn @ turn)
                ahead = float(step @ turn) / size if size > 0 else 0.0
                if -_FARTHEST < ahead < 0:
                    levels = np.exp(np.clip(log_new - ahead * (log_new - earlier[0]), log_new - 2.0, log_new + 2.0))
            earlier = (log_new, step)
        return levels

    def _shared_again(self, levels: Floats, held_mm: Sequence[Sequence[float]]) -> Floats:
        """Levels after one more round of sharing counts by the levels so far."""
        totals = [levels @ kernel for kernel in self.kernels]
        new = levels.copy()
        for number in range(len(self.own)):
            if self.ring[number] is None:
                continue
            heads = [self._net(number, head, levels, totals) for head in (0, 1)]
            pair = [max(n / k, 0.0) if k > 0 else 0.0 for n, k in zip(heads, held_mm[number], strict=True)]
            new[number] = math.sqrt(pair[0] * pair[1])
        return np.asarray(np.maximum(new, _FLOOR * max(float(new.max()), _FLOOR)))

    def _share(self, number: int, head: int, levels: Floats, totals: Sequence[Floats]) -> Floats:
        own = self.own[number]
        whole = totals[head][own]
        share: Floats = levels[number] * self.kernels[head][number][own] / np.where(whole > 0, whole, 1)
        return share

    def _ground(self, number: int, head: int, totals: Sequence[Floats]) -> float:
        place, ring = self.places[number], self.ring[number]
        assert ring is not None
        assert not isinstance(place, str)
        counts = (self.primary[head][ring] - totals[head][ring]) * place.weight
        return float(counts.sum() / (self.rest[head][ring] * place.weight).sum())

    def _net(self, number: int, head: int, levels: Floats, totals: Sequence[Floats]) -> float:
        own = self.own[number]
        left = self.primary[head][own] - self._ground(number, head, totals) * self.rest[head][own]
        return float((self._share(number, head, levels, totals) * left).sum())

    def _sensitivities(self) -> list[Floats]:
        """Change of every level with the counts of every pixel ``(regions, pixels)``, of a weighted least-squares fit.

        That is what sharing until it is consistent comes to; it tells how noise in one region reaches another.
        """
        found = []
        for head in (0, 1):
            kernel = self.kernels[head]
            weight = 1 / np.maximum(self.variance[head], 0.05 * float(np.median(self.variance[head])) + 1e-9)
            weighted = kernel * weight
            normal = weighted @ kernel.T
            scale = np.sqrt(np.maximum(np.diag(normal), 1e-300))
            # Hidden regions make it singular: the pseudo-inverse of what is left, with their own variance huge.
            inverse = np.linalg.pinv(normal / np.outer(scale, scale), rcond=1e-10) / np.outer(scale, scale)
            found.append(inverse @ weighted)
        return found

    def _counts_of(self, number: int) -> RegionCounts:
        part, place, own = self.body.regions[number], self.places[number], self.own[number]
        nothing = (0.0, 0.0)
        if isinstance(place, str):
            return RegionCounts(
                part.name, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, 0.0, "", place
            )
        first, second = (self._of_head(number, head) for head in (0, 1))
        columns = [(a, p) for a, p in zip(first, second, strict=True)]
        net, net_sd, ground, ground_sd, overlap_sd, scatter, dead, held = columns
        weight = np.sqrt(self.kernels[0][number][own] * self.kernels[1][number][own])
        path = float((self.body.path.ravel()[self.pixels][own] * weight).sum() / weight.sum())
        reason = self._over_subtracted(number) or doubt_of(
            part.name, net, net_sd, ground, ground_sd, overlap_sd, self.overlap.largest_relative_sd
        )
        return RegionCounts(
            part.name, net, net_sd, ground, ground_sd, overlap_sd, scatter, dead, held, path, place.where, reason
        )

    def _over_subtracted(self, number: int) -> str:
        """Why nothing can be said where scatter took more than there was; empty elsewhere."""
        own = self.own[number]
        for head, view in enumerate(("anterior", "posterior")):
            total = float(self.primary[head][own].sum())
            sd = math.sqrt(float(self.variance[head][own].sum()))
            if total < -OVER_SUBTRACTED_SD * sd:
                return (
                    f"region {self.body.regions[number].name!r}: scatter took off more than the {view} view counted "
                    f"there ({total:.0f} counts left) -> undetermined; check the scatter windows and k"
                )
        return ""

    def _of_head(self, number: int, head: int) -> tuple[float, ...]:
        own, place, ring = self.own[number], self.places[number], self.ring[number]
        assert ring is not None
        assert not isinstance(place, str)
        share = self._share(number, head, self.levels, self.totals)
        net = self._net(number, head, self.levels, self.totals)
        held = float(self.kernels[head][number][own].sum())
        found = background(
            place,
            self.primary[head][ring] - self.totals[head][ring],
            self.variance[head][ring],
            self.rest[head][ring],
        )
        rest = float((share * self.rest[head][own]).sum())
        behind = self.scatter[head][ring] * place.weight
        scatter_level = float(behind.sum() / (self.rest[head][ring] * place.weight).sum())
        scatter = float((share * self.scatter[head][own]).sum()) - scatter_level * rest
        plain = math.sqrt(float((share**2 * self.variance[head][own]).sum()))
        fitted = held * math.sqrt(float((self.sensitivities[head][number] ** 2 * self.variance[head]).sum()))
        rows = self.pixels[own] // self.body.placement.shape[1]
        return (
            net,
            max(plain, fitted),
            found.level * rest,
            found.sd * rest,
            self._overlap_sd(number, head, share, held),
            scatter,
            float(self.heads[head].dead_time_relative_sd[rows].mean()),
            held,
        )

    def _overlap_sd(self, number: int, head: int, share: Floats, held: float) -> float:
        """Standard deviation of a region's counts for what is not known of its neighbours."""
        sd, kernel, levels = self.overlap.concentration_sd, self.kernels[head], self.levels
        if self.overlap.rule == "consistent":
            others = self.totals[head] - levels[number] * kernel[number]
            patch = max(self.overlap.patch_mm**2 / math.prod(self.body.placement.spacing_mm), 1.0)
            return held * sd * math.sqrt(patch * float(((self.sensitivities[head][number] * others) ** 2).sum()))
        own = self.own[number]
        whole = np.where(self.totals[head][own] > 0, self.totals[head][own], 1)
        left = self.primary[head][own] - self._ground(number, head, self.totals) * self.rest[head][own]
        effects = [
            float((share * levels[other] * kernel[other][own] / whole * left).sum())
            for other in range(len(levels))
            if other != number
        ]
        return sd * math.hypot(*effects)


def _member(part: ProjectedPart, overlap: OverlapPlan) -> Mask:
    seen = np.sqrt(part.anterior_mm.astype(np.float64) * part.posterior_mm)
    found: Mask = seen >= overlap.edge_fraction * max(float(seen.max()), 1e-12)
    return found


def _usable(body: ProjectedBody) -> Mask:
    thick: Mask = body.body_thickness_mm > 0.25 * float(body.body_thickness_mm.max())
    if not body.covered.all():
        # Where a CT ends inside the view, activity beyond it spills in and nothing models it.
        rows = max(1, round(20 / body.placement.spacing_mm[0]))
        thick = thick & binary_erosion(body.covered, iterations=rows)[:, None]
    return thick
