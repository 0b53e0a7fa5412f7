"""Remainder of the body: everything that is not in a listed region. docs/methods/segmentation.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import Region
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.trace import Trace, joint_hash

METHOD: Final = "quantification.remainder"
VERSION: Final = "1"

_CUT_FRACTION: Final = 0.02
"""An end slice that holds more body than this share of the fullest slice cuts the body."""
_LEAST_CORRECTION: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RemainderRegion:
    """The body without the listed regions, and what the field of view misses of it."""

    region: Region
    double_counted_mL: float
    """Volume that several listed regions share; it is taken out of the remainder once [mL]."""
    outside_body_mL: float
    """Volume of listed regions outside the body's outline [mL]."""
    cut_at: tuple[str, ...]
    """Ends of the image at which body lies: feet, head, right, left, front, back; empty if all of it is inside."""


def remainder_region(body: Region, listed: Sequence[Region], *, name: str = "remainder") -> RemainderRegion:
    """Body less listed regions, voxel by voxel: membership of the body minus that of the union, never below 0.

    Memberships of several regions in one voxel are added up to at most the whole voxel, which is exact for regions
    beside each other and a bound for regions that overlap.

    Raises
    ------
    InputError
        If there is no listed region, grids differ, or nothing is left.
    """
    if not listed:
        raise InputError("remainder: no region listed; the remainder of the body is then the body")
    weights = np.zeros(body.grid.shape, dtype=np.float32)
    for region in listed:
        if not region.grid.same_place(body.grid):
            raise InputError(f"region {region.name} is on another grid than {body.name} -> put both on one grid first")
        weights[region.box()] += region.weights
    voxel = body.grid.voxel_volume_mL
    double = float(np.maximum(weights - 1, 0).sum(dtype=np.float64)) * voxel
    np.minimum(weights, 1, out=weights)
    outer = np.zeros(body.grid.shape, dtype=np.float32)
    outer[body.box()] = body.weights
    outside = float(np.maximum(weights - outer, 0).sum(dtype=np.float64)) * voxel
    left = np.maximum(outer - weights, 0)[body.box()]
    if not left.any():
        raise InputError(f"{name}: nothing of {body.name} is left beside {', '.join(r.name for r in listed)}")
    volume = float(left.sum(dtype=np.float64)) * voxel
    region = Region(
        name, body.grid, body.corner, left, body.source, "REMAINDER", volume, inside_fraction=body.inside_fraction
    )
    return RemainderRegion(region, double, outside, body_cut_at(body))


def body_cut_at(body: Region) -> tuple[str, ...]:
    """Ends of the image that cut the body, in words; what lies beyond is not in any number from this image."""
    outer = np.zeros(body.grid.shape, dtype=np.float32)
    outer[body.box()] = body.weights
    found = []
    for axis in range(3):
        across = tuple(a for a in range(3) if a != axis)
        profile = outer.sum(axis=across, dtype=np.float64)
        for end, sign in ((0, -1.0), (-1, 1.0)):
            if profile[end] > _CUT_FRACTION * profile.max():
                found.append(_side(body.grid.direction[:, 2 - axis] * sign))
    return tuple(sorted(found))


def _side(towards: np.ndarray) -> str:
    axis = int(np.argmax(np.abs(towards)))
    return (("right", "left"), ("front", "back"), ("feet", "head"))[axis][int(towards[axis] > 0)]


def remainder_activity(
    whole: MeasuredActivity,
    listed: Sequence[MeasuredActivity],
    *,
    name: str = "remainder",
    cut_at: tuple[str, ...] = (),
) -> MeasuredActivity:
    """Activity of the remainder as whole minus the listed regions' activities, recovery and all.

    What a region loses by blur is seen around it; subtracting recovered activities puts it back, which voxels of a
    remainder region cannot. Contributions that all have in common (calibration) act on the difference as on each term;
    independent ones add in quadrature, so that a small remainder between large regions is poorly known and says so.
    A contribution that some terms lack is named as not in the interval.

    Parameters
    ----------
    cut_at
        Ends of the image that cut the body (`body_cut_at`): named in the warnings, as activity outside is missing.

    Raises
    ------
    InputError
        If the terms are of different scans or nuclides, or a region is listed twice.
    NumericalError
        If the regions hold more than the whole.
    """
    names = [one.region for one in listed]
    if not names or len(set(names)) < len(names):
        raise InputError(f"{name}: list each region once, got {', '.join(names) or 'none'}")
    for one in listed:
        if one.acquired_at != whole.acquired_at or one.nuclide != whole.nuclide:
            raise InputError(
                f"{name}: {one.region} is of {one.nuclide} at {one.acquired_at.isoformat()}, {whole.region} of "
                f"{whole.nuclide} at {whole.acquired_at.isoformat()} -> take all from one scan"
            )
    terms = [whole, *listed]
    signs = [1.0] + [-1.0] * len(listed)
    left = sum(sign * term.activity_MBq for sign, term in zip(signs, terms, strict=True))
    if not left > _LEAST_CORRECTION * whole.activity_MBq:
        raise NumericalError(
            f"{name}: the listed regions hold {whole.activity_MBq - left:.4g} MBq, more than {whole.region} with "
            f"{whole.activity_MBq:.4g} MBq -> check recovery and whether regions overlap"
        )
    parts, missing = _parts(terms, signs, left)
    carried = tuple(dict.fromkeys(text for term in terms for text in term.not_in_interval))
    warnings = list(dict.fromkeys(text for term in terms for text in term.warnings))
    if cut_at:
        warnings.append(f"the field of view cuts the body at {', '.join(cut_at)}: activity beyond is in no number")
    inputs = {"whole": _joint(whole)} | {f"region {one.region}": _joint(one) for one in listed}
    return MeasuredActivity(
        region=name,
        route=whole.route,
        activity_MBq=left,
        acquired_at=whole.acquired_at,
        nuclide=whole.nuclide,
        parts=parts,
        trace=Trace(METHOD, VERSION, inputs),
        volume_mL=_volume_left_mL(terms, signs),
        not_in_interval=carried + missing,
        warnings=tuple(warnings),
    )


def _volume_left_mL(terms: Sequence[MeasuredActivity], signs: Sequence[float]) -> float | None:
    volumes = [term.volume_mL for term in terms]
    if any(volume is None for volume in volumes):
        return None
    left = sum(sign * (volume or 0.0) for sign, volume in zip(signs, volumes, strict=True))
    return left if left > 0 else None


def _joint(term: MeasuredActivity) -> str:
    hashes = [value for value in term.trace.inputs.values() if value.startswith("sha256:")]
    return joint_hash(value.partition("#")[0] for value in hashes) if hashes else f"given:{term.region}"


def _parts(
    terms: Sequence[MeasuredActivity], signs: Sequence[float], left_MBq: float
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    known: dict[str, dict[int, float]] = {}
    for number, term in enumerate(terms):
        for part in term.parts:
            by_term = known.setdefault(part.name, {})
            by_term[number] = math.hypot(by_term.get(number, 0.0), part.relative_sd)
    parts, missing = [], []
    for name, by_term in known.items():
        amounts = [signs[n] * terms[n].activity_MBq * sd for n, sd in by_term.items()]
        # Only the calibration moves all terms together; each region has a recovery, counts and outline of its own.
        size = abs(sum(amounts)) if name in ("calibration", "attenuation", "scaling") else math.hypot(*amounts)
        parts.append(Part(name, size / left_MBq, "of the whole and the listed regions"))
        lacking = [terms[n].region for n in range(1, len(terms)) if n not in by_term]
        if lacking and name != "recovery":
            missing.append(f"{name} of {', '.join(lacking)} (not stated)")
    return tuple(parts), tuple(missing)
