"""The phantom's masses against ICRP 89, its regions against each other, and its volumes on any grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.imaging.values import Grid
from theratrial.simulation.dicom_rtstruct import contours, drawn_tissue
from theratrial.simulation.phantom import BODY, LesionPlace, patient_phantom, region_tissues
from theratrial.simulation.raster import share, shares

ICRP_89_ADULT_FEMALE_G = {
    # ICRP Publication 89 (2002), table 2.8: reference adult female, 163 cm, 60 kg. Blood in the heart: 370 g as in the
    # published S-value phantom of that woman; spine_marrow is theratrial's own part and has no reference value.
    "liver": 1400,
    "kidneys": 275,
    "spleen": 130,
    "lungs": 950,
    "heart_wall": 250,
    "heart_blood": 370,
}
LESIONS = (LesionPlace("lesion_1", (-80.0, -10.0, 330.0), 30.0), LesionPlace("lesion_2", (0.0, 66.0, 400.0), 22.0))


def _fine_points(step_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.arange(-260, 260, step_mm)
    y = np.arange(-150, 150, step_mm)
    z = np.arange(0, 640, step_mm)
    return x[None, None, :], y[None, :, None], z[:, None, None]


def test_organ_masses_are_those_of_the_reference_woman() -> None:
    phantom = patient_phantom(163, 60)
    mass = {tissue.name: tissue.mass_g for tissue in phantom.tissues}
    found = mass | {
        "kidneys": mass["kidney_left"] + mass["kidney_right"],
        "lungs": mass["lung_left"] + mass["lung_right"],
    }
    for organ, expected in ICRP_89_ADULT_FEMALE_G.items():
        assert found[organ] == pytest.approx(expected, rel=0.01), organ
    assert phantom.mass_kg == pytest.approx(60, rel=0.01)


def test_stated_volumes_are_those_of_the_solids_counted_on_a_fine_grid() -> None:
    phantom = patient_phantom(168, 71, LESIONS)
    for tissue in phantom.tissues:
        if tissue.name == BODY:
            continue
        # 80 points across, and one per mm of a long solid, hold its volume to about 0.3 %.
        counts = [max(80, round(high - low)) for low, high in tissue.bounds_mm]
        axes = [
            low + (np.arange(n) + 0.5) * (high - low) / n
            for n, (low, high) in zip(counts, tissue.bounds_mm, strict=True)
        ]
        inside = tissue.depth_mm(axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]) > 0
        counted_mL = np.count_nonzero(inside) * np.prod([axis[1] - axis[0] for axis in axes]) / 1000
        assert tissue.volume_mL == pytest.approx(counted_mL, rel=0.006), tissue.name


def test_no_two_tissues_share_a_point() -> None:
    phantom = patient_phantom(160, 55, LESIONS)
    x, y, z = _fine_points(5.0)
    owners = sum((t.depth_mm(x, y, z) > 0).astype(int) for t in phantom.tissues)
    assert owners.max() == 1


def test_liver_is_on_the_right_heart_and_spleen_on_the_left_kidneys_behind() -> None:
    phantom = patient_phantom(163, 60)
    centre = {t.name: t.shapes[0].centre_mm for t in phantom.tissues}
    assert centre["liver"][0] < 0 < centre["spleen"][0]  # LPS: x grows to the left
    assert centre["heart_wall"][0] > 0
    assert centre["kidney_right"][0] < 0 < centre["kidney_left"][0]
    assert centre["kidney_left"][1] > centre["liver"][1]  # y grows to the back
    assert centre["heart_wall"][2] > centre["liver"][2] > centre["bladder"][2]  # z grows to the head


@settings(max_examples=15, deadline=None)
@given(
    spacing=st.tuples(*[st.floats(2.5, 22.0)] * 3),
    shift=st.tuples(*[st.floats(-8, 8)] * 3),
    diameter=st.floats(8, 40),
)
def test_a_lesion_keeps_its_volume_on_any_grid(
    spacing: tuple[float, float, float], shift: tuple[float, float, float], diameter: float
) -> None:
    phantom = patient_phantom(163, 60, (LesionPlace("lesion_1", (-80.0, -10.0, 330.0), diameter),))
    shape = tuple(int(160 / s) + 3 for s in spacing)
    origin = [c - s * n / 2 + d for c, s, n, d in zip((-80, -10, 330), spacing[::-1], shape[::-1], shift, strict=True)]
    grid = Grid(shape, spacing, (origin[0], origin[1], origin[2]))
    patch = share(phantom.tissue("lesion_1"), grid)
    assert patch is not None
    volume = patch.values.sum(dtype=float) * grid.voxel_volume_mL
    assert volume == pytest.approx(np.pi / 6 * diameter**3 / 1000, rel=1e-5)
    assert patch.values.min() >= 0


def test_everything_together_is_the_body_and_nothing_counts_twice() -> None:
    phantom = patient_phantom(163, 60, LESIONS)
    grid = Grid((200, 40, 70), (9.0, 9.0, 9.0), (-310.0, -175.0, -860.0))
    total = sum(p.values.sum(dtype=float) for p in shares(phantom, grid).values()) * grid.voxel_volume_mL
    assert total == pytest.approx(sum(t.volume_mL for t in phantom.tissues), rel=0.01)


@pytest.mark.parametrize("region", ["liver", "heart", "lung_left", "spine_marrow", "kidney_right", "lesion_2"])
def test_contours_hold_the_volume_of_what_they_draw(region: str) -> None:
    phantom = patient_phantom(170, 78, LESIONS)
    tissue = drawn_tissue(phantom, region)
    (_, _, (low, high)) = tissue.bounds_mm
    lines = contours(tissue)
    planes = sorted({line[0, 2] for line in lines})
    volume = 0.0
    for line in lines:
        x, y = line[:, 0], line[:, 1]
        area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        inside_another = any(
            other is not line and other[0, 2] == line[0, 2] and np.ptp(other[:, 0]) > np.ptp(x)
            and other[:, 0].min() < x.mean() < other[:, 0].max() and other[:, 1].min() < y.mean() < other[:, 1].max()
            for other in lines
        )  # fmt: skip
        volume += -area if inside_another and region in ("liver", "spine_marrow") else area
    volume *= (high - low) / len(planes) / 1000
    expected = sum(phantom.tissue(t).volume_mL for t in region_tissues(region))
    assert volume == pytest.approx(expected, rel=0.012)


def test_a_patient_the_phantom_cannot_become_is_refused() -> None:
    with pytest.raises(InputError, match="allowed are 147-179 cm"):
        patient_phantom(195, 60)
    with pytest.raises(InputError, match="130 kg"):
        patient_phantom(163, 130)
