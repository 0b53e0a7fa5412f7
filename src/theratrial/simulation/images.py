"""All images of one participant: body on each camera's grid once, then scan after scan."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from theratrial.simulation.camera import (
    FULL,
    SMALL,
    Scanners,
    Views,
    ct_image,
    pet_image,
    planar_counts,
    projected_views,
    sensitivity_cps_per_MBq,
    spect_counts,
    spect_patches,
)
from theratrial.simulation.course import Course, Scan
from theratrial.simulation.dicom_common import Identity, Study
from theratrial.simulation.dicom_nm import planar_duration_s, spect_duration_s, write_planar, write_spect
from theratrial.simulation.dicom_rtstruct import drawn_tissue, write_rtstruct
from theratrial.simulation.dicom_slices import write_ct, write_pet
from theratrial.simulation.kinetics import Curve
from theratrial.simulation.patient import drawn_region_names, organ_regions, pet_suv
from theratrial.simulation.phantom import REFERENCE_HEIGHT_CM, Phantom
from theratrial.simulation.plan import Plan
from theratrial.simulation.raster import Patch, moved, shares

Shift = tuple[float, float, float]
_SHIFTS_MM: Final = np.array([6.0, 4.0, 12.0])


def write_images(course: Course, plan: Plan, folder: Path, *, entropy: str, seed: list[int], small: bool) -> None:
    """Write every image that was made of a participant into a folder of hers."""
    _Painter(course, plan, folder, entropy, seed, SMALL if small else FULL).paint()


def shift_mm(seed: list[int], scan: Scan) -> Shift:
    """How the patient lay on the table for the study a scan belongs to; scans of one time point share it."""
    rng = np.random.default_rng([*seed, 7, scan.session or 0, *scan.image.timepoint.encode()])
    x, y, z = (float(v) for v in np.round(rng.uniform(-1, 1, 3) * _SHIFTS_MM, 1))
    return x, y, z


class _Painter:
    def __init__(
        self, course: Course, plan: Plan, folder: Path, entropy: str, seed: list[int], scanners: Scanners
    ) -> None:
        self.course, self.plan, self.folder = course, plan, folder
        self.entropy, self.seed, self.scanners = entropy, seed, scanners
        self.scale = course.patient.height_cm / REFERENCE_HEIGHT_CM
        self.identity = Identity(
            course.patient.participant_id, course.patient.age_years, course.patient.height_cm, course.patient.weight_kg
        )
        self._spect: dict[str, Patch] | None = None
        self._views: Views | None = None

    def paint(self) -> None:
        for number, scan in enumerate(self.course.scans):
            if not scan.done:
                continue
            rng = np.random.default_rng([*self.seed, 3, number])
            if scan.image.kind == "pet_ct":
                self._pet_ct(scan, rng)
            elif scan.image.kind == "spect":
                self._spect_scan(scan, rng)
            else:
                self._planar(scan, rng)

    def _study(self, scan: Scan) -> Study:
        first = min(
            s.started_at
            for s in self.course.scans
            if s.done and s.session == scan.session and s.image.timepoint == scan.image.timepoint
        )
        title = f"{scan.image.timepoint}" + (f" session {scan.session}" if scan.session else "")
        identity = Identity(
            self.identity.patient_id, self.identity.age_years, self.identity.height_cm, scan.injection.weight_kg
        )
        parts = [self.entropy, identity.patient_id, scan.session or 0, scan.image.timepoint]
        entropy = "/".join(map(str, parts))
        return Study(identity, self.folder, entropy, first, title, shift_mm(self.seed, scan))

    def _phantom(self, *, with_new_lesions: bool) -> Phantom:
        return self.course.patient.phantom(with_new_lesions=with_new_lesions)

    def _pet_ct(self, scan: Scan, rng: np.random.Generator) -> None:
        at_response = scan.image == self.plan.response_pet
        patient, study = self.course.patient, self._study(scan)
        phantom = self._phantom(with_new_lesions=at_response)
        nuclide = self.plan.nuclide(scan.injection.product_id)
        product = self.plan.product(scan.injection.product_id)
        held = scan.injection.net_MBq * nuclide.fraction_left(scan.hours_after) * 1e6
        # SUV is per gram of the weight that is recorded that day; a mL of body counts as a gram.
        per_suv = held / (scan.injection.weight_kg * 1000)
        density = {tissue.name: tissue.density_g_per_mL for tissue in phantom.tissues}
        suv = pet_suv(patient, at_response=at_response)
        Bq_per_mL = {name: value * density[name] * per_suv for name, value in suv.items()}
        frame = study.uid("frame", "ct")
        grid = self.scanners.pet_grid(self.scale)
        image = pet_image(shares(phantom, grid), Bq_per_mL, grid, rng)
        written = write_pet(
            study,
            scan.started_at,
            moved(grid, study.shift_mm, frame),
            image,
            nuclide,
            product=product.name,
            injected_at=scan.injection.injected_at,
            injected_MBq=scan.injection.net_MBq,
        )
        grid = self.scanners.ct_grid(self.scale)
        hounsfield = ct_image(shares(phantom, grid), phantom, grid.shape)
        write_ct(study, scan.started_at, moved(grid, study.shift_mm, frame), hounsfield, rng)
        names = drawn_region_names(patient, self.plan, with_new_lesions=at_response)
        write_rtstruct(study, scan.started_at, phantom, names, written, label="PET")

    def _concentrations(self, scan: Scan, *, mean_over_s: float) -> dict[str, float]:
        """MBq/mL of every tissue, averaged over the acquisition."""
        assert scan.session is not None
        truth = self.course.truths[scan.session - 1]
        phantom = self._phantom(with_new_lesions=False)
        hours = [scan.hours_after + part * mean_over_s / 3600 for part in (0.0, 0.5, 1.0)]
        found = {}
        for tissue in phantom.tissues:
            curve: Curve = truth.curves[tissue.name]
            start, middle, end = (
                curve.activity_MBq(truth.administered_MBq, h, self.plan.therapy_nuclide) for h in hours
            )
            found[tissue.name] = (start + 4 * middle + end) / 6 / tissue.volume_mL
        return found

    def _needed_z_mm(self, phantom: Phantom) -> tuple[float, float]:
        """Lowest and highest point of the protocol's organs, with a margin for what spills over their edges."""
        names = [name.lower() for region in organ_regions(self.plan) for name in region.region_names]
        bounds = [drawn_tissue(phantom, name).bounds_mm[2] for name in names]
        return min(low for low, _ in bounds) - 10, max(high for _, high in bounds) + 10

    def _spect_scan(self, scan: Scan, rng: np.random.Generator) -> None:
        phantom = self._phantom(with_new_lesions=False)
        grid = self.scanners.spect_grid(self.scale, self._needed_z_mm(phantom))
        nuclide = self.plan.therapy_nuclide
        if self._spect is None:
            self._spect = spect_patches(shares(phantom, grid), grid)
        factor = sensitivity_cps_per_MBq("spect", nuclide)
        duration = spect_duration_s()
        concentrations = self._concentrations(scan, mean_over_s=duration)
        counts = spect_counts(self._spect, concentrations, grid, factor, duration, rng)
        study = self._study(scan)
        written = write_spect(
            study,
            scan.started_at,
            counts,
            moved(grid, study.shift_mm, ""),
            nuclide,
            product=self.plan.therapy.name,
            injected_at=scan.injection.injected_at,
            injected_MBq=scan.injection.net_MBq,
        )
        lowest, highest = grid.origin_mm[2], grid.origin_mm[2] + (grid.shape[0] - 1) * grid.spacing_mm[0]
        names = tuple(
            name
            for name in drawn_region_names(self.course.patient, self.plan, with_new_lesions=False)
            if lowest < sum(drawn_tissue(phantom, name).bounds_mm[2]) / 2 < highest
        )
        write_rtstruct(study, scan.started_at, phantom, names, written, label="SPECT")

    def _planar(self, scan: Scan, rng: np.random.Generator) -> None:
        nuclide = self.plan.therapy_nuclide
        if self._views is None:
            self._views = projected_views(self._phantom(with_new_lesions=False), self.scanners.planar, nuclide)
        duration = planar_duration_s()
        concentrations = self._concentrations(scan, mean_over_s=duration)
        counts = planar_counts(self._views, concentrations, self.scanners.planar, nuclide, duration, rng)
        write_planar(
            self._study(scan),
            scan.started_at,
            counts,
            614.4 / self.scanners.planar[1],
            self._views.top_mm,
            nuclide,
            product=self.plan.therapy.name,
            injected_at=scan.injection.injected_at,
            injected_MBq=scan.injection.net_MBq,
        )
