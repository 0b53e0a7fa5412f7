"""The real 177Lu pair: SPECT at 3.7 h and 27.7 h after 7.21 GBq, two liver lesions drawn on each.

Data: Dewaraja and Van, University of Michigan Deep Blue Data, doi 10.7302/0n8e-rz46. Expected times: the SNMMI 177Lu
dosimetry challenge's own list for this patient (3.7411 h, 27.7253 h). Activities: summed here with pydicom and a
point-in-polygon test of matplotlib on voxel centres, which share no code with what is tested.
"""

import json
import math
from pathlib import Path

import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Outline
from typer.testing import CliRunner

from theratrial import cli

INJECTED = "2018-11-15T09:22"
HALF_LIFE_h = 574_300 / 3600
"""RadionuclideHalfLife of the headers."""


@pytest.fixture(scope="module")
def scans(shared):
    folder = shared / "data" / "lu177_spect_two_timepoints"
    return [folder / "SCAN_001", folder / "SCAN_002"]


@pytest.fixture(scope="module")
def found(scans):
    arguments = ["--administered-MBq", "7210", "--injected-at", INJECTED, "--json"]
    for scan in scans:
        arguments += ["--image", str(scan), "--regions", str(scan)]
    result = CliRunner().invoke(cli.app, ["dose", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def summed(scans):
    """Activity as stored [MBq]: of each scan, and by (scan, lesion) of the voxels whose centre lies in the contours."""
    totals, lesions = [], {}
    for number, scan in enumerate(scans):
        slices = [pydicom.dcmread(path) for path in sorted(Path(scan, "image").glob("*.dcm"))]
        by_height = {round(float(ds.ImagePositionPatient[2]), 2): ds for ds in slices}
        voxel_mL = math.prod(float(v) for v in (*slices[0].PixelSpacing, slices[0].SliceThickness)) / 1000
        totals.append(
            sum(ds.pixel_array.sum(dtype=np.int64) * float(ds.RescaleSlope) for ds in slices) * voxel_mL / 1e6
        )
        (file,) = Path(scan, "mask").glob("*.dcm")
        structures = pydicom.dcmread(file)
        names = {roi.ROINumber: str(roi.ROIName) for roi in structures.StructureSetROISequence}
        for roi in structures.ROIContourSequence:
            activity_Bq = 0.0
            for contour in roi.ContourSequence:
                points = np.array(contour.ContourData, float).reshape(-1, 3)
                height = min(by_height, key=lambda z: abs(z - points[0, 2]))
                assert abs(height - points[0, 2]) < 0.5
                ds = by_height[height]
                x0, y0, _ = map(float, ds.ImagePositionPatient)
                row, column = map(float, ds.PixelSpacing)
                x, y = np.meshgrid(x0 + np.arange(ds.Columns) * column, y0 + np.arange(ds.Rows) * row)
                inside = Outline(points[:, :2]).contains_points(np.column_stack([x.ravel(), y.ravel()]))
                activity_Bq += (
                    float(ds.pixel_array.ravel()[inside].sum(dtype=np.int64)) * float(ds.RescaleSlope) * voxel_mL
                )
            lesions[number, names[roi.ReferencedROINumber]] = activity_Bq / 1e6
    return totals, lesions


def test_times_and_in_field_activities_are_those_of_the_headers(found, summed):
    assert [i["hours_after_injection"] for i in found["images"]] == pytest.approx([3.7411, 27.7253], abs=2e-4)
    stored = [i["in_field_activity_as_stored_MBq"] for i in found["images"]]
    assert stored == pytest.approx([1351.0, 996.0], abs=0.6)
    assert stored == pytest.approx(summed[0], rel=1e-5)


def test_the_decay_correction_to_administration_is_undone(found):
    for image in found["images"]:
        assert image["stored_decay_correction"] == "ADMIN"
        left = 2 ** (-image["hours_after_injection"] / HALF_LIFE_h)
        assert image["in_field_activity_MBq"] == pytest.approx(
            image["in_field_activity_as_stored_MBq"] * left, rel=1e-6
        )


def test_both_lesions_pair_up_and_their_activities_agree_with_a_count_of_voxels(found, summed):
    assert [r["name"] for r in found["regions"]] == ["lesion1 liver R lobe", "lesion2 liver L lateral"]
    for region, tolerance in zip(found["regions"], (0.01, 0.05), strict=True):
        assert len(region["points"]) == 2
        for number, point in enumerate(region["points"]):
            left = 2 ** (-point["hours_after_injection"] / HALF_LIFE_h)
            expected = summed[1][number, region["name"]] * left
            # Whole voxels against fractions of voxels: 2.8 mL are 380 voxels, most of them at the surface.
            assert point["activity_MBq"] == pytest.approx(expected, rel=tolerance)


def test_lesions_that_still_take_up_get_a_lower_bound_a_reason_and_a_scenario_but_no_dose(found):
    for region in found["regions"]:
        first, second = (p["activity_MBq"] for p in region["points"])
        assert second > first  # at scan time, physical decay included
        assert region["determinacy"] == "rising"
        assert region["absorbed_dose_Gy"] is None
        assert region["has_upper_bound"] is False
        hours = region["points"][1]["hours_after_injection"] - region["points"][0]["hours_after_injection"]
        seen_Gy = (second - first) / math.log(second / first) * hours * 0.08532 / region["mass_g"]
        assert 0 < region["absorbed_dose_lower_Gy"] < seen_Gy
        assert region["scenario"]["absorbed_dose_Gy"] > seen_Gy
        assert region["scenario"]["after_last_scan_fraction"] > 0.9
