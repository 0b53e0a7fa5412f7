"""A real 177Lu-DOTATATE patient scanned 3.7 h and 27.7 h after 7.21 GBq (Dewaraja and Van, doi 10.7302/0n8e-rz46)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from theratrial.dosimetry import Determinacy, DosePlan, region_activity, region_dose, region_mass_g
from theratrial.imaging.regions import regions_from_file
from theratrial.imaging.spect import activity_map_from_files
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import nuclide

EASTERN = timezone(timedelta(hours=-5))
INJECTED = datetime(2018, 11, 15, 9, 22, tzinfo=EASTERN)
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1)
SCANS = ("SCAN_001", "SCAN_002")


@pytest.fixture(scope="module")
def maps(shared: Path) -> list[ActivityMap]:
    folder = shared / "data" / "lu177_spect_two_timepoints"
    return [activity_map_from_files(folder / scan / "image", timezone=EASTERN) for scan in SCANS]


def structures(shared: Path, scan: str) -> Path:
    folder = shared / "data" / "lu177_spect_two_timepoints" / scan
    return next(p for p in sorted(folder.rglob("*")) if p.is_file() and p.parent.name != "image")


def test_activity_in_the_field_of_view_is_the_known_one(maps: list[ActivityMap]) -> None:
    # 1.351 and 0.996 GBq as stored, that is corrected to the time of administration.
    for scan, known_GBq in zip(maps, (1.351, 0.996), strict=True):
        everything = Region(
            "field of view", scan.grid, (0, 0, 0), np.ones(scan.grid.shape, np.float32), scan.source, "SEG", 1.0
        )
        found = region_activity(scan, everything, repeatability_relative_sd=0.05)
        assert found.activity_MBq * scan.stored_over_scan_time / 1000 == pytest.approx(known_GBq, abs=0.0006)
        hours = found.point(administered_at=INJECTED).hours_after_administration
        left = nuclide("Lu-177").fraction_left(hours)
        assert found.activity_MBq / left / 1000 == pytest.approx(known_GBq, rel=0.002)


def test_the_real_liver_lesions_still_rise_and_get_no_dose(shared: Path, maps: list[ActivityMap]) -> None:
    by_lesion: dict[str, list] = {}
    for scan, image in zip(SCANS, maps, strict=True):
        for lesion in regions_from_file(structures(shared, scan), image.grid):
            by_lesion.setdefault(lesion.name, []).append(region_activity(image, lesion, repeatability_relative_sd=0.05))
    assert len(by_lesion) == 2
    for name, activities in by_lesion.items():
        # Even without correction for decay there is more of it at the second scan.
        assert activities[1].activity_MBq > activities[0].activity_MBq
        found = region_dose(
            [activity.point(administered_at=INJECTED) for activity in activities],
            region=name,
            nuclide=nuclide(activities[0].nuclide),
            administered_activity_MBq=7210.4,
            mass_g=region_mass_g(activities[0].volume_mL, 1.05),
            plan=PLAN,
        )
        assert found.curve.determinacy is Determinacy.RISING
        assert found.dose.absorbed_dose_Gy is None
        assert found.dose.lower_Gy is not None
        assert found.dose.lower_Gy > 0
