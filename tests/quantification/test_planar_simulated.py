"""The whole planar route on virtual patients written as DICOM, against their truth.

The patients, their camera and their truth are the simulation's; nothing of the truth but the sensitivity and the
resolution of the camera, which a site measures, is given to the route.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from theratrial.imaging.planar import planar_pair
from theratrial.imaging.regions import placeable_regions
from theratrial.imaging.series import series_from_files, volume
from theratrial.imaging.values import Region
from theratrial.nuclides import nuclide
from theratrial.quantification.attenuation import MuMap, mu_map
from theratrial.quantification.attenuation_projection import Collimator, projected_body
from theratrial.quantification.camera import PlanarSensitivity
from theratrial.quantification.camera_timing import scan_timing, stated_scan
from theratrial.quantification.conjugate_view_activity import PlanarCamera, PlanarResult, planar_activities
from theratrial.quantification.planar_registration import CtRegistration, registered_to_ct
from theratrial.quantification.planar_registration_views import registered_views
from theratrial.quantification.scatter import TRIPLE_WINDOW, primary_counts
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.quantification.whole_body import WholeBodyCounts, whole_body_counts, whole_body_half_life
from theratrial.simulation.camera import PLANAR_CPS_PER_MBQ
from theratrial.simulation.cohort import simulate
from theratrial.trace import Trace

ORGANS = ("liver", "heart", "spleen", "kidney_left", "kidney_right", "lung_left", "lung_right")
LARGE_mL = 50.0
COLLIMATOR = Collimator(3.9, 3.0, 0.07, 40.0)
SENSITIVITY = PlanarSensitivity(
    "SIM",
    "Lu-177",
    "208 keV",
    PLANAR_CPS_PER_MBQ,
    PLANAR_CPS_PER_MBQ,
    0.03,
    date(2020, 1, 1),
    "in air",
    "given:simulated",
)

pytestmark = pytest.mark.long


@dataclass
class Scan:
    """One whole-body scan through the route, and its truth."""

    place: CtRegistration
    result: PlanarResult
    truth_MBq: dict[str, float]
    shift_error_mm: tuple[float, float]
    whole: WholeBodyCounts


def _files(folder: Path) -> dict[tuple[str, str, str], list[Path]]:
    found = defaultdict(list)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        kind = "planar" if "Whole body" in str(header.get("SeriesDescription", "")) else str(header.Modality)
        found[str(header.StudyDescription), kind, ""].append(path)
    return found


def _scan(path: Path, mu: MuMap, regions: tuple[Region, ...], truth: dict[str, Any], session: int, index: int) -> Scan:
    pair = planar_pair(path)
    assert pair.posterior is not None
    front, back = (
        primary_counts(v, pair.windows, photopeak=0, plan=TRIPLE_WINDOW).primary
        for v in (pair.anterior, pair.posterior)
    )
    large = [r for r in regions if r.volume_mL > LARGE_mL]
    place = registered_to_ct(front, back, pair.pixel_spacing_mm, mu, large, COLLIMATOR)
    camera = PlanarCamera(SENSITIVITY, scan_timing(stated_scan(path)), 0)
    result = planar_activities(pair, projected_body(mu, regions, place.placement, COLLIMATOR), camera)
    told = truth["sessions"][session - 1]
    scan = told["scans"][index]
    held = {name: region["activity_MBq"][scan["imaging_id"]] for name, region in told["regions"].items()}
    position = pydicom.dcmread(path, stop_before_pixels=True).DetectorInformationSequence[0].ImagePositionPatient
    ct, own = truth["pet"]["baseline"]["table_shift_mm"], scan["table_shift_mm"]
    error = (
        place.placement.top_mm - (float(position[2]) + ct[2] - own[2]),
        place.placement.right_mm - (float(position[0]) + ct[0] - own[0]),
    )
    return Scan(place, result, held, error, whole_body_counts(pair, camera))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planar") / "trial"
    simulate(folder, participants=3, seed=1, small=True)
    return folder


def _through(cohort: Path, participants: tuple[str, ...]) -> list[Scan]:
    told = json.loads((cohort / "truth.json").read_text(encoding="utf-8"))["participants"]
    found = []
    for participant in participants:
        files = _files(cohort / "images" / participant)
        ct = volume(series_from_files(files["baseline", "CT", ""]))
        (drawn,) = files["baseline", "RTSTRUCT", ""]
        regions = placeable_regions(drawn, ct.grid)[0]
        mu = mu_map(ct, 208.4, regions=regions)
        for index, hours in ((0, 24), (2, 48)):
            (path,) = files[f"h{hours} session 1", "planar", ""]
            found.append(_scan(path, mu, regions, told[participant], 1, index))
    return found


@pytest.fixture(scope="module")
def scans(cohort: Path) -> list[Scan]:
    return _through(cohort, ("P01", "P02", "P03"))


def test_at_full_size_each_organ_is_near_its_truth(tmp_path: Path, validation) -> None:  # type: ignore[no-untyped-def]
    simulate(tmp_path / "trial", participants=1, seed=1, small=False)
    found = _through(tmp_path / "trial", ("P01",))
    for scan in found:
        assert max(map(abs, scan.shift_error_mm)) < 1.96 * scan.place.placement.sd_mm
    for organ in ORGANS:
        ratios = []
        for scan in found:
            measured = scan.result.activity(organ)
            assert measured is not None, organ
            sd = math.hypot(measured.uncorrelated_relative_sd, measured.common_relative_sd)
            ratios.append(measured.activity_MBq / scan.truth_MBq[organ])
            assert abs(ratios[-1] - 1) < 1.96 * sd
        validation(
            f"planar activity of {organ} over truth, mean of 2 scans of a virtual patient",
            expected=1.0,
            got=float(np.mean(ratios)),
            unit="1",
            source="truth.json of theratrial simulate, seed 1, full matrices (planar 2.4 mm, CT 2.7 x 2.7 x 5 mm)",
            relative=0.1,
        )


def test_registration_finds_where_each_patient_lay_on_the_table(scans: list[Scan]) -> None:
    # Pixels are 9.6 mm; the tables were moved by up to 12 mm against each other.
    for scan in scans:
        assert max(map(abs, scan.shift_error_mm)) < 1.96 * scan.place.placement.sd_mm
        assert scan.place.correlation > 0.95


def test_organ_activities_lie_within_their_stated_interval(scans: list[Scan]) -> None:
    inside = []
    for scan in scans:
        for activity in scan.result.activities:
            if activity.region in scan.truth_MBq:
                sd = math.hypot(activity.uncorrelated_relative_sd, activity.common_relative_sd)
                error = activity.activity_MBq / scan.truth_MBq[activity.region] - 1
                inside.append(abs(error) < 1.96 * sd)
                assert abs(error) < 3.5 * sd, (activity.region, error, sd)
    assert len(inside) >= 6 * len(ORGANS)
    # 95 % are to be inside; of that many, fewer than 88 % would be no chance.
    assert float(np.mean(inside)) >= 0.88


@pytest.mark.parametrize("organ", ORGANS)
def test_the_median_of_an_organ_is_near_its_truth(organ: str, scans: list[Scan], validation) -> None:  # type: ignore[no-untyped-def]
    ratios, deviations = [], []
    for scan in scans:
        found = scan.result.activity(organ)
        assert found is not None, organ
        ratios.append(found.activity_MBq / scan.truth_MBq[organ])
        deviations.append(math.hypot(found.uncorrelated_relative_sd, found.common_relative_sd))
    assert float(np.median(deviations)) < 0.25
    validation(
        f"planar activity of {organ} over truth, median of {len(ratios)} scans of 3 virtual patients",
        expected=1.0,
        got=float(np.median(ratios)),
        unit="1",
        source="truth.json of theratrial simulate, seed 1, small matrices (planar 9.6 mm, CT 11 x 11 x 20 mm)",
        relative=0.15 if "lung" in organ or "kidney" in organ else 0.08,
    )


def test_lesions_hidden_in_an_organ_are_undetermined_and_never_zero(scans: list[Scan]) -> None:
    named = {name for scan in scans for name, _ in scan.result.undetermined}
    assert any(name.startswith("lesion") for name in named)
    for scan in scans:
        assert all(a.activity_MBq > 0 for a in scan.result.activities)
        assert all(reason for _, reason in scan.result.undetermined)


def test_whole_body_counts_fall_with_the_half_life_of_all_regions_together(scans: list[Scan], validation) -> None:  # type: ignore[no-untyped-def]
    lutetium = nuclide("Lu-177")
    for first, second in zip(scans[::2], scans[1::2], strict=True):
        points, totals = [], []
        for scan in (first, second):
            part = (Part("counts", scan.whole.relative_sd),)
            points.append(
                MeasuredActivity(
                    "whole body", "planar", scan.whole.cps, scan.whole.acquired_at, "Lu-177", part, Trace("made", "1")
                )
            )
            totals.append(sum(scan.truth_MBq.values()))
        hours = (second.whole.acquired_at - first.whole.acquired_at).total_seconds() / 3600
        expected = hours * math.log(2) / math.log(totals[0] / totals[1])
        validation(
            "whole-body effective half-life from counts at 24 h and 48 h",
            expected=expected,
            got=whole_body_half_life(points, lutetium).hours,
            unit="h",
            source="truth.json of theratrial simulate, seed 1, sum of all regions",
            relative=0.1,
        )


def test_the_second_scan_is_laid_on_the_first(cohort: Path) -> None:
    told = json.loads((cohort / "truth.json").read_text(encoding="utf-8"))["participants"]["P01"]
    files = _files(cohort / "images" / "P01")
    pairs = [planar_pair(files[f"h{h} session 1", "planar", ""][0]) for h in (24, 48)]
    found = registered_views(pairs[0], pairs[1], photopeak=0)
    # The simulated table carries the patient: on the pixels she lies still, whatever the table did.
    assert told["sessions"][0]["scans"][0]["table_shift_mm"] != told["sessions"][0]["scans"][2]["table_shift_mm"]
    assert math.hypot(found.down_mm, found.right_mm) < 1.5
    assert found.correlation_after > 0.97
