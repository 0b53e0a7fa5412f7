"""The stated uncertainty of a dose against one that is drawn: the whole chain run again with every input drawn anew.

Drawn: calibration, counts of every voxel, drift from scan to scan, outline, resolution of the camera. Run again each
time: region activity, recovery of the regions together, curve, time-integrated activity, dose. What the run shares with
the stated interval is the model alone; no standard deviation is propagated here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from theratrial.dosimetry import DosePlan, RegionDose, region_activity, region_dose
from theratrial.imaging.values import ActivityMap, Grid, Region, Source
from theratrial.nuclides import nuclide
from theratrial.quantification.recovery_regions import Resolution, recovered_regions
from theratrial.trace import Trace

GRID = Grid((32, 34, 36), (4.8, 4.8, 4.8), (0.0, 0.0, 0.0))
SOURCE = Source("P01", "1.2", "1.2.3", "NM", (), "sha256:00")
LU177 = nuclide("Lu-177")
AT = datetime(2022, 3, 5, tzinfo=UTC)
HOURS = (24.0, 96.0)
EFFECTIVE_HALF_LIFE_H = 60.0
ADMINISTERED_MBq = 1500.0
FWHM_mm, RESOLUTION_SD = 9.0, 0.05
CALIBRATION_SD, DRIFT_SD, MASS_SD = 0.03, 0.04, 0.06
COUNTS_PER_Bq_PER_mL = 0.02
DRAWS = 400
PLAN = DosePlan(
    clearance_significance=0.95,
    maximum_extrapolated_fraction=0.95,
    model_relative_sd=0.0,
    mass_relative_sd=MASS_SD,
)
MONTE_CARLO = "Monte-Carlo run of the whole chain in the test (400 draws of images and outlines)"


def ball(name: str, radius_mm: float, middle: tuple[float, float, float]) -> Region:
    """A sphere on the grid, every voxel by its share."""
    fine = 4
    axes = [(np.arange(n * fine) + 0.5) / fine - 0.5 for n in GRID.shape]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    squared = sum((axis - at) ** 2 for axis, at in zip((z, y, x), middle, strict=True)) * 4.8**2
    nz, ny, nx = GRID.shape
    weights = (squared <= radius_mm**2).reshape(nz, fine, ny, fine, nx, fine).mean(axis=(1, 3, 5), dtype=np.float32)
    return Region(name, GRID, (0, 0, 0), weights, SOURCE, "SPHERE", float(weights.sum()) * GRID.voxel_volume_mL)


KIDNEY_MIDDLE, BODY_MIDDLE = (15.5, 16.5, 13.5), (15.5, 16.5, 17.5)
BODY = ball("body", 72.0, BODY_MIDDLE)


@dataclass(frozen=True, slots=True)
class Draw:
    """Errors of one run, as factors; all one and no noise is the run as it is stated."""

    calibration: float = 1.0
    drifts: tuple[float, ...] = (1.0, 1.0)
    fwhm: float = 1.0
    outlined_volume: float = 1.0
    mass: float = 1.0
    noise: np.random.Generator | None = None


def true_radius_mm(volume_mL: float) -> float:
    return float((volume_mL * 3000 / (4 * np.pi)) ** (1 / 3))


def run(volume_mL: float, draw: Draw) -> RegionDose:
    """The dose that would be stated for a region of this volume, with these errors made."""
    radius = true_radius_mm(volume_mL)
    true = ball("kidney", radius, KIDNEY_MIDDLE)
    outline = ball("kidney", radius * draw.outlined_volume ** (1 / 3), KIDNEY_MIDDLE)
    points = []
    for hours, drift in zip(HOURS, draw.drifts, strict=True):
        seen = image(true, hours, draw, drift)
        measured = region_activity(seen, outline, repeatability_relative_sd=DRIFT_SD)
        recovered, _ = recovered_regions(seen, [outline], Resolution(FWHM_mm, RESOLUTION_SD, 5))
        one = recovered[0]
        common = float(np.hypot(CALIBRATION_SD, one.relative_sd))
        kept = replace(measured, activity_MBq=one.activity_MBq, calibration_relative_sd=common)
        points.append(kept.point(administered_at=AT))
    return region_dose(
        points,
        region="kidney",
        nuclide=LU177,
        administered_activity_MBq=ADMINISTERED_MBq,
        mass_g=outline.volume_mL * 1.05 * draw.mass,
        plan=PLAN,
    )


def image(true: Region, hours: float, draw: Draw, drift: float) -> ActivityMap:
    concentration = 60000.0 * 0.5 ** (hours / EFFECTIVE_HALF_LIFE_H)
    painted = BODY.weights * np.float32(concentration / 8)
    painted = painted + true.weights * np.float32(concentration * 7 / 8)
    seen = gaussian_filter(painted, FWHM_mm * draw.fwhm / 4.8 / 2.354820045, truncate=5).astype(np.float64)
    if draw.noise is not None:
        seen = draw.noise.poisson(seen * COUNTS_PER_Bq_PER_mL) / COUNTS_PER_Bq_PER_mL
    seen *= draw.calibration * drift
    at = AT + timedelta(hours=hours)
    scale = 1 / COUNTS_PER_Bq_PER_mL
    trace = Trace("test", "1")
    return ActivityMap(GRID, seen.astype(np.float32), at, "Lu-177", SOURCE, trace, scale, "NONE", CALIBRATION_SD)


def stated_sd(dose: RegionDose) -> float:
    """Relative standard deviation of the log-normal that the stated interval is of."""
    assert dose.dose.lower_Gy is not None
    return float(np.log(dose.dose.upper_Gy / dose.dose.lower_Gy) / (2 * 1.959964))


def drawn_doses(volume_mL: float, seed: int, errors: Callable[[np.random.Generator], Draw]) -> NDArray[np.float64]:
    """Doses [Gy] of as many runs as there are draws."""
    rng = np.random.default_rng(seed)
    found = [run(volume_mL, errors(rng)).dose.absorbed_dose_Gy for _ in range(DRAWS)]
    return np.array(found, dtype=np.float64)


def factor(rng: np.random.Generator, relative_sd: float) -> float:
    return float(np.exp(rng.normal(0.0, relative_sd)))


def mass_apart(rng: np.random.Generator) -> Draw:
    """The outline is right; the mass (its density, say) is not."""
    return Draw(
        calibration=factor(rng, CALIBRATION_SD),
        drifts=(factor(rng, DRIFT_SD), factor(rng, DRIFT_SD)),
        fwhm=factor(rng, RESOLUTION_SD),
        mass=factor(rng, MASS_SD),
        noise=rng,
    )


def mass_by_outline(rng: np.random.Generator) -> Draw:
    """The outline is wrong on all scans alike, and the mass with it."""
    return replace(mass_apart(rng), mass=1.0, outlined_volume=factor(rng, MASS_SD))


@pytest.mark.long
@pytest.mark.parametrize(("volume_mL", "seed"), [(140.0, 1), (12.0, 2)])
def test_the_stated_standard_deviation_of_a_dose_is_that_of_the_drawn_runs(volume_mL, seed, validation) -> None:
    stated = stated_sd(run(volume_mL, Draw()))
    drawn = float(np.std(np.log(drawn_doses(volume_mL, seed, mass_apart)), ddof=1))
    # Of 400 draws a standard deviation is known to 3.5 %.
    validation(
        f"relative standard deviation of the dose of {volume_mL:g} mL, calibration to mass",
        expected=drawn,
        got=stated,
        unit="1",
        source=MONTE_CARLO,
        relative=0.12,
    )


@pytest.mark.long
@pytest.mark.parametrize(("volume_mL", "seed"), [(140.0, 3), (12.0, 4)])
def test_where_the_outline_carries_the_error_of_the_mass_the_stated_interval_is_wider(
    volume_mL, seed, validation
) -> None:
    stated = stated_sd(run(volume_mL, Draw()))
    drawn = float(np.std(np.log(drawn_doses(volume_mL, seed, mass_by_outline)), ddof=1))
    assert stated > 0.97 * drawn
    validation(
        f"relative standard deviation of the dose of {volume_mL:g} mL, mass wrong by the outline",
        expected=drawn,
        got=stated,
        unit="1",
        source=MONTE_CARLO,
        relative=0.40,
        not_matched_because=(
            "a larger outline takes in more counts and more mass, and the two errors partly cancel in the dose; the "
            "interval of a session takes the mass as independent, which is on the safe side"
        ),
    )


@pytest.mark.long
def test_the_stated_interval_holds_the_dose_of_a_run_without_errors_as_often_as_it_says(validation) -> None:
    rng = np.random.default_rng(5)
    true_Gy = run(140.0, Draw()).dose.absorbed_dose_Gy
    held = []
    for _ in range(DRAWS):
        dose = run(140.0, mass_apart(rng)).dose
        assert dose.lower_Gy is not None
        held.append(dose.lower_Gy <= true_Gy <= dose.upper_Gy)
    validation(
        "share of drawn runs whose 95 % interval holds the dose without errors",
        expected=0.95,
        got=float(np.mean(held)),
        unit="fraction",
        source=MONTE_CARLO,
        absolute=0.035,
    )
