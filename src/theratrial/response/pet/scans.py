"""Two PET scans of a participant: what was measured, and whether the two can be compared at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError

SAME: Final = 1e-9
"""Relative noise of binary floats: 7.0 against 10.0 is a fall of 30 %, not of 29.999999999999993 %."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Uptake of a reference region: mean and standard deviation over its voxels [g/mL]."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class PetLesion:
    """A lesion on one scan.

    `uptake` is SULpeak (PERCIST) or SUV (EORTC) [g/mL]; `background` is the reader's word that it cannot be told from
    the blood pool around it; None: not said.
    """

    lesion_id: str
    uptake: float | None
    background: bool | None = None
    total_g: float | None = None
    """Total lesion glycolysis, volume times mean SUL [g]."""

    def __post_init__(self) -> None:
        for name in ("uptake", "total_g"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"lesion {self.lesion_id}: {name} is 0 or more, got {value}")


@dataclass(frozen=True, slots=True)
class PetScan:
    """One scan; what is None was not recorded, and nothing is assumed in its place."""

    lesions: tuple[PetLesion, ...]
    new_lesions: tuple[str, ...] = ()
    """Typical of cancer, by the reader."""
    extent_increased: bool = False
    """Visible increase of the extent of uptake, by the reader."""
    liver: Reference | None = None
    """Sphere of 3 cm in the normal right lobe."""
    liver_diseased: bool = False
    blood_pool: Reference | None = None
    """Cylinder of 1 cm by 2 cm in the descending thoracic aorta."""
    uptake_min: float | None = None
    """From injection to the start of the scan."""
    injected_MBq: float | None = None
    scanner: str = ""
    """Model and software, as the header names them."""
    reconstruction: str = ""
    """As the header names it."""
    glucose_mg_per_dL: float | None = None

    def __post_init__(self) -> None:
        names = [lesion.lesion_id for lesion in self.lesions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"lesion {twice[0]} stands twice in one scan; keep one measurement")

    @property
    def hottest(self) -> PetLesion | None:
        """The lesion with the highest uptake; None where none was measured."""
        measured = [lesion for lesion in self.lesions if lesion.uptake is not None]
        return max(measured, key=lambda one: one.uptake or 0.0, default=None)


@dataclass(frozen=True, slots=True)
class Comparability:
    """Limits within which two scans are compared; those of FDG unless others are given.

    None for the difference of uptake times or for glucose: not asked, as for a tracer whose uptake they do not govern.

    References
    ----------
    Wahl et al., J Nucl Med 2009;50 Suppl 1:122S. O and Wahl, Radiology 2018;286:647 (practical PERCIST).
    """

    shortest_uptake_min: float = 50.0
    longest_uptake_min: float = 70.0
    uptake_difference_min: float | None = 15.0
    activity_difference_percent: float = 20.0
    """Of the larger of both, as the liver's: which scan was the first does not matter."""
    liver_difference_percent: float = 20.0
    liver_difference_sul: float = 0.3
    highest_glucose_mg_per_dL: float | None = 200.0


def not_comparable(
    baseline: PetScan, later: PetScan, limits: Comparability | None = None, *, references: bool = True
) -> tuple[str, ...]:
    """Why the two scans must not be compared; what was not recorded is a reason too. Empty: they can be.

    `references`: whether the liver (or blood pool) must be stable, as PERCIST asks and EORTC does not.
    """
    chosen = limits or Comparability()
    return (
        *(f"baseline: {reason}" for reason in _alone(baseline, chosen)),
        *(f"response: {reason}" for reason in _alone(later, chosen)),
        *_together(baseline, later, chosen),
        *(_livers(baseline, later, chosen) if references else ()),
    )


def _alone(scan: PetScan, limits: Comparability) -> Iterator[str]:
    if scan.uptake_min is None:
        yield "the uptake time is not recorded"
    elif not limits.shortest_uptake_min <= scan.uptake_min <= limits.longest_uptake_min:
        earliest, latest = limits.shortest_uptake_min, limits.longest_uptake_min
        yield f"uptake time {scan.uptake_min:.3g} min, not {earliest:g} to {latest:g}"
    if limits.highest_glucose_mg_per_dL is None:
        return
    if scan.glucose_mg_per_dL is None:
        yield "blood glucose is not recorded"
    elif scan.glucose_mg_per_dL >= limits.highest_glucose_mg_per_dL:
        yield f"blood glucose {scan.glucose_mg_per_dL:g} mg/dL, not below {limits.highest_glucose_mg_per_dL:g}"


def _together(baseline: PetScan, later: PetScan, limits: Comparability) -> Iterator[str]:
    if baseline.uptake_min is not None and later.uptake_min is not None:
        apart = abs(later.uptake_min - baseline.uptake_min)
        if limits.uptake_difference_min is not None and apart > limits.uptake_difference_min * (1 + SAME):
            yield f"uptake times {apart:.3g} min apart, more than {limits.uptake_difference_min:g}"
    if not baseline.scanner or not later.scanner:
        yield "the scanner of a scan is not recorded"
    elif baseline.scanner != later.scanner:
        yield f"two scanners: {baseline.scanner} and {later.scanner}"
    # Not every header names it, so that its absence is no reason; two different ones are.
    if baseline.reconstruction and later.reconstruction and baseline.reconstruction != later.reconstruction:
        yield f"two reconstructions: {baseline.reconstruction} and {later.reconstruction}"
    yield from _activities(baseline, later, limits)


def _activities(baseline: PetScan, later: PetScan, limits: Comparability) -> Iterator[str]:
    before, after = baseline.injected_MBq, later.injected_MBq
    if before is None or after is None or before <= 0:
        yield "the injected activity of a scan is not recorded"
    elif (apart := abs(after - before) / max(after, before) * 100) > limits.activity_difference_percent * (1 + SAME):
        yield f"injected activities {apart:.0f} % apart, more than {limits.activity_difference_percent:g} %"


def _livers(baseline: PetScan, later: PetScan, limits: Comparability) -> Iterator[str]:
    if baseline.liver_diseased or later.liver_diseased:
        name, before, after = "blood pool", baseline.blood_pool, later.blood_pool
    else:
        name, before, after = "liver", baseline.liver, later.liver
    if before is None or after is None:
        yield f"the uptake of the {name} is not measured on both scans"
        return
    apart, larger = abs(after.mean - before.mean), max(before.mean, after.mean)
    if larger <= 0:
        yield f"the uptake of the {name} is zero"
    elif apart / larger * 100 > limits.liver_difference_percent * (1 + SAME):
        yield f"{name} {apart / larger * 100:.0f} % apart, more than {limits.liver_difference_percent:g} %"
    elif apart > limits.liver_difference_sul * (1 + SAME):
        yield f"{name} {apart:.2f} g/mL apart, more than {limits.liver_difference_sul:g}"
