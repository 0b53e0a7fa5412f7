"""Where a planar view lies on the CT: projected regions fitted to the counts, with a figure of how well they fit.

Steps: both are compared on coarse pixels over all places (normalised cross-correlation); then concentrations (not
negative) and place are fitted in turn to the geometric mean of the views. Each head is fitted alone as well: what they
differ by is the uncertainty of the place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift
from scipy.optimize import nnls

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray, Region
from theratrial.quantification.attenuation import MuMap
from theratrial.quantification.attenuation_projection import (
    Collimator,
    DepthSums,
    Placement,
    ProjectedBody,
    projected_body,
)
from theratrial.quantification.conjugate_view import geometric_mean

Floats = NDArray[np.float64]
LEAST_CORRELATION: Final = 0.85
"""Below that the projected CT does not look like the view: wrong patient, turned view, or regions without uptake."""
MOST_DISAGREEMENT_mm: Final = 15.0
_COARSE_MM: Final = 10.0
_SIDEWAYS_MM: Final = 80.0
_ROUNDS: Final = 12


@dataclass(frozen=True, slots=True)
class CtRegistration:
    """How a view was laid on a CT.

    `correlation_start` is that of the best place on coarse pixels with equal concentrations, `correlation` the final
    one. `heads_apart_mm` (down, right) is by how much the two heads, fitted alone, disagree.
    """

    placement: Placement
    correlation_start: float
    correlation: float
    heads_apart_mm: tuple[float, float]


def registered_to_ct(
    anterior: FloatArray,
    posterior: FloatArray,
    spacing_mm: tuple[float, float],
    mu: MuMap,
    regions: Sequence[Region],
    collimator: Collimator | None,
    made: DepthSums | None = None,
) -> CtRegistration:
    """Placement of a view on the CT, by moving alone (no rotation).

    Assumes supine and head first in both, and that the regions hold much of what is seen.

    Parameters
    ----------
    anterior, posterior
        Photopeak counts without scatter ``(ny, nx)``, posterior mirrored, row 0 towards the head.
    regions
        On the grid of the CT; their uptake is fitted, so that it need not be known.
    made
        As for `projected_body`.

    Raises
    ------
    NumericalError
        If the final correlation is below 0.85, or the heads disagree by more than 15 mm.
    """
    shape = (anterior.shape[0], anterior.shape[1])
    canvas = _canvas(mu, spacing_mm)
    body = projected_body(mu, regions, canvas, collimator, made)
    rows = np.flatnonzero(body.covered)
    views = [np.asarray(v, dtype=np.float64) for v in (anterior, posterior)]
    both = np.asarray(geometric_mean(anterior, posterior), dtype=np.float64)
    kernels = [_kernels(body, head) for head in (0, 1, 2)]
    start, first = _coarse_place(both, kernels[2].sum(axis=0), spacing_mm, rows)
    place, after = _fine_place(both, kernels[2], start, rows)
    alone = [_fine_place(view, kernel, place, rows)[0] for view, kernel in zip(views, kernels, strict=False)]
    apart = tuple(abs(float(a - b)) * mm for a, b, mm in zip(alone[0], alone[1], spacing_mm, strict=True))
    if after < LEAST_CORRELATION:
        raise NumericalError(
            f"the projected CT correlates with the planar view by {after:.2f} only; at least {LEAST_CORRELATION:g} is "
            "needed -> check patient, orientation and regions, or place the view by hand"
        )
    if max(apart) > MOST_DISAGREEMENT_mm:
        raise NumericalError(
            f"front and back view place the CT {max(apart):.0f} mm apart; allowed are {MOST_DISAGREEMENT_mm:g} mm -> "
            "check that both are of one scan and the posterior is mirrored"
        )
    sd = math.hypot(max(apart) / 2, 0.25 * min(spacing_mm))
    # The canvas lies with its first pixel at `place` (row, column) of the view.
    top = canvas.top_mm + place[0] * spacing_mm[0]
    right = canvas.right_mm - place[1] * spacing_mm[1]
    found = Placement(shape, spacing_mm, float(top), float(right), sd)
    return CtRegistration(found, first, after, (apart[0], apart[1]))


def _canvas(mu: MuMap, spacing_mm: tuple[float, float]) -> Placement:
    """Pixels of the planar size over the body on the CT."""
    dz, _, dx = mu.grid.spacing_mm
    x0, _, z0 = mu.grid.origin_mm
    columns = np.flatnonzero(mu.body.any(axis=(0, 1)))
    left, right = x0 + (columns[0] - 0.5) * dx, x0 + (columns[-1] + 0.5) * dx
    ny = math.floor(mu.grid.shape[0] * dz / spacing_mm[0])
    nx = math.ceil((right - left) / spacing_mm[1]) + 2
    top = z0 + (mu.grid.shape[0] - 0.5) * dz - spacing_mm[0] / 2
    return Placement((ny, nx), spacing_mm, top, left - spacing_mm[1] / 2)


def _kernels(body: ProjectedBody, head: int) -> Floats:
    """Regions and the rest ``(n + 1, ny, nx)`` as the front head, the back head or their geometric mean sees."""
    planes = []
    for part in (*body.regions, body.rest):
        pair = (part.anterior_mm, part.posterior_mm)
        planes.append(pair[head] if head < 2 else np.sqrt(pair[0] * pair[1]))
    return np.stack(planes).astype(np.float64)


def _window(image: Floats, place: Sequence[float], shape: tuple[int, int]) -> Floats:
    """The part of an image of that shape whose first pixel is at fractional (row, column); zero outside."""
    whole = [math.floor(p) for p in place]
    padded = np.zeros((shape[0] + 2, shape[1] + 2))
    r0, c0 = whole[0] - 0, whole[1] - 0
    top, left = max(r0, 0), max(c0, 0)
    bottom, right = min(r0 + shape[0] + 2, image.shape[0]), min(c0 + shape[1] + 2, image.shape[1])
    if bottom > top and right > left:
        padded[top - r0 : bottom - r0, left - c0 : right - c0] = image[top:bottom, left:right]
    moved = shift(padded, [w - p for w, p in zip(whole, place, strict=True)], order=1, mode="nearest")
    found: Floats = moved[: shape[0], : shape[1]]
    return found


def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Normalised cross-correlation of two pictures; 0 where either is flat."""
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    norm = math.sqrt(float((a * a).sum(dtype=np.float64)) * float((b * b).sum(dtype=np.float64)))
    return float((a * b).sum(dtype=np.float64)) / norm if norm > 0 else 0.0


def _coarse_place(
    image: Floats, template: Floats, spacing_mm: tuple[float, float], rows: NDArray[np.intp]
) -> tuple[Floats, float]:
    """Best place of the template's first pixel on whole coarse pixels, and the correlation there."""
    step = max(1, round(_COARSE_MM / min(spacing_mm)))
    small, few = _binned(np.sqrt(image), step), _binned(np.sqrt(template[: rows[-1] + 1]), step)
    if few.shape[0] > small.shape[0] + few.shape[0] // 2:
        raise InputError("the CT is longer than the planar view by more than half -> give a CT of the same part")
    middle = (small.shape[1] - few.shape[1]) / 2
    reach = math.ceil(_SIDEWAYS_MM / (step * spacing_mm[1]))
    low, high = min(0, small.shape[0] - few.shape[0]), max(0, small.shape[0] - few.shape[0])
    best, where = -1.0, (0, 0)
    for row in range(low, high + 1):
        for column in range(math.floor(middle) - reach, math.ceil(middle) + reach + 1):
            value = correlation(_whole_window(small, row, column, few.shape), few)
            if value > best:
                best, where = value, (row, column)
    return np.array(where, dtype=float) * step, best


def _binned(image: Floats, step: int) -> Floats:
    ny, nx = (n // step * step for n in image.shape)
    found: Floats = image[:ny, :nx].reshape(ny // step, step, nx // step, step).mean(axis=(1, 3))
    return found


def _whole_window(image: Floats, row: int, column: int, shape: tuple[int, ...]) -> Floats:
    found = np.zeros(shape)
    r0, c0 = max(row, 0), max(column, 0)
    r1, c1 = min(row + shape[0], image.shape[0]), min(column + shape[1], image.shape[1])
    if r1 > r0 and c1 > c0:
        found[r0 - row : r1 - row, c0 - column : c1 - column] = image[r0:r1, c0:c1]
    return found


def _fine_place(image: Floats, kernels: Floats, start: Floats, rows: NDArray[np.intp]) -> tuple[Floats, float]:
    """Place refined below a pixel by fitting concentrations and place in turn, and the correlation there."""
    use = kernels[:, rows[0] : rows[-1] + 1]
    shape = (use.shape[1], use.shape[2])
    offset = np.array([rows[0], 0.0])
    norms = np.maximum(np.linalg.norm(use.reshape(len(use), -1), axis=1), 1e-12)
    # The normal equations stay small whatever the number of pixels.
    flat = use.reshape(len(use), -1) / norms[:, None]
    gram = np.linalg.cholesky(flat @ flat.T + 1e-9 * np.eye(len(use)))
    place, model = start.copy(), np.zeros(shape)
    for _ in range(_ROUNDS):
        seen = _window(image, place + offset, shape)
        levels, _ = nnls(gram.T, np.linalg.solve(gram, flat @ seen.ravel()))
        model = (levels @ flat).reshape(shape)
        down, right = np.gradient(model)
        # The template moved by d is model - d . gradient; the residual tells d.
        slopes = np.column_stack([-down.ravel(), -right.ravel()])
        move, *_ = np.linalg.lstsq(slopes, (seen - model).ravel(), rcond=None)
        move = np.clip(move, -3, 3)
        place = place + move
        if float(np.abs(move).max()) < 0.01:
            break
    return place, correlation(_window(image, place + offset, shape), model)


def placed_again(placement: Placement, *, down_mm: float, right_mm: float, sd_mm: float) -> Placement:
    """Placement of another view in which the body lies further down and to the right by that much.

    `sd_mm` is that of the registration of the two views; both deviations add.
    """
    moved = placement.moved(down_mm, -right_mm)
    return replace(moved, sd_mm=math.hypot(placement.sd_mm, sd_mm))
