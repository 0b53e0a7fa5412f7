"""Readers that we did not write recover what was put in: values, laterality and orientation of every kind of image.

SimpleITK (GDCM) and dcm2niix read the files; masks are drawn here from the ellipsoids of the phantom's table, not by
code that made the images.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from theratrial.reference import table

SPECT_FACTOR_CPS_PER_MBQ = 11.0  # records/calibrations.csv, checked below
SPECT_SECONDS = 60 * 20


class Images:
    """All files of one participant by (modality, kind of NM image, study), as SimpleITK reads their headers."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[tuple[str, str, str], list[tuple[float, Path]]] = {}
        for path in folder.rglob("*"):
            if not path.is_file():
                continue
            reader = sitk.ImageFileReader()
            reader.SetFileName(str(path))
            try:
                reader.ReadImageInformation()
            except RuntimeError:
                continue  # structure sets are no images
            tag = {k: reader.GetMetaData(k).strip() for k in reader.GetMetaDataKeys()}
            kind = tag["0008|0008"].split("\\")[2] if tag["0008|0060"] == "NM" else ""
            place = float(tag["0020|0032"].split("\\")[2]) if "0020|0032" in tag else 0.0
            self.files.setdefault((tag["0008|0060"], kind, tag["0008|1030"]), []).append((place, path))

    def one(self, modality: str, kind: str, study: str) -> Path:
        (only,) = self.files[(modality, kind, study)]
        return only[1]

    def volume(self, modality: str, study: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Values (z up) and the coordinates of z, y, x; every slice read alone, so that each keeps its slope."""
        slices = sorted(self.files[(modality, "", study)])
        images = [sitk.ReadImage(str(path), sitk.sitkFloat64) for _, path in slices]
        values = np.concatenate([sitk.GetArrayFromImage(image) for image in images])
        return values, np.array([z for z, _ in slices]), *_in_plane(images[0])


def _in_plane(image: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    assert np.allclose(np.array(image.GetDirection())[[0, 4]], 1)
    (ox, oy), (sx, sy), (nx, ny) = image.GetOrigin()[:2], image.GetSpacing()[:2], image.GetSize()[:2]
    return oy + sy * np.arange(ny), ox + sx * np.arange(nx)


def _ellipsoid(
    region: str,
    truth: dict[str, Any],
    shift: list[float],
    z: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    grow: float = 1.0,
) -> np.ndarray:
    row = next(r for r in table("simulation/phantom_female") if r.text("region") == region)
    along = truth["height_cm"] / 163
    across = (truth["weight_kg"] / 60 / along) ** 0.25
    scale = {"x": across, "y": across, "z": along}
    parts = []
    for axis, values, moved in (("z", z, shift[2]), ("y", y, shift[1]), ("x", x, shift[0])):
        centre, semi = row.number(axis) * scale[axis] + moved, row.number(f"semi_{axis}") * scale[axis] * grow
        parts.append(((values - centre) / semi) ** 2)
    return parts[0][:, None, None] + parts[1][None, :, None] + parts[2][None, None, :] < 1


@pytest.fixture(scope="module")
def images(cohort: Path) -> Images:
    return Images(cohort / "images" / "P01")


def _cell_mL(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> float:
    return float((z[1] - z[0]) * (y[1] - y[0]) * (x[1] - x[0])) / 1000


@pytest.mark.parametrize("study", ["baseline", "response"])
def test_pet_holds_the_activity_in_Bq_per_mL(images: Images, truth: dict[str, Any], study: str) -> None:
    pet = truth["P01"]["pet"][study]
    values, z, y, x = images.volume("PT", study)
    liver = _ellipsoid("liver", truth["P01"], pet["table_shift_mm"], z, y, x, grow=1.25)
    rest_Bq_per_mL = np.median(values[_ellipsoid("liver", truth["P01"], pet["table_shift_mm"], z, y, x, 1.4) & ~liver])
    # What spills over the edge is caught by the larger mask, whose ring holds the activity of the tissue around.
    ring_mL = (1.25**3 - 1) * truth["P01"]["regions"]["liver"]["volume_mL"]
    found_MBq = values[liver].sum() * _cell_mL(z, y, x) / 1e6 - rest_Bq_per_mL * ring_mL / 1e6
    assert found_MBq == pytest.approx(pet["activity_MBq"]["liver"], rel=0.08)
    middle = _ellipsoid("liver", truth["P01"], pet["table_shift_mm"], z, y, x, grow=0.6)
    concentration = pet["activity_MBq"]["liver"] / truth["P01"]["regions"]["liver"]["volume_mL"] * 1e6
    assert np.median(values[middle]) == pytest.approx(concentration, rel=0.03)


def test_liver_is_right_heart_is_left_and_head_is_up_in_pet_and_ct(images: Images, truth: dict[str, Any]) -> None:
    shift = truth["P01"]["pet"]["baseline"]["table_shift_mm"]
    for modality in ("PT", "CT"):
        values, z, y, x = images.volume(modality, "baseline")
        body = values > (-300 if modality == "CT" else 0.3 * np.median(values[values > np.percentile(values, 90)]))
        widths = body.any(axis=1).sum(axis=1) * (x[1] - x[0])
        assert widths[z > z.max() - 120].max() < widths[np.abs(z - 330) < 60].min()  # a head above, a trunk below
    values, z, y, x = images.volume("PT", "baseline")
    below = (z > 260) & (z < 380)
    assert values[below][:, :, x < shift[0]].sum() > 1.3 * values[below][:, :, x > shift[0]].sum()
    hounsfield, z, y, x = images.volume("CT", "baseline")
    for side in ("lung_left", "lung_right"):
        assert np.median(hounsfield[_ellipsoid(side, truth["P01"], shift, z, y, x, 0.6)]) == pytest.approx(-730, abs=15)
    assert np.median(hounsfield[_ellipsoid("liver", truth["P01"], shift, z, y, x, 0.7)]) == pytest.approx(58, abs=8)
    assert np.median(hounsfield[_ellipsoid("heart_blood", truth["P01"], shift, z, y, x, 0.7)]) == pytest.approx(
        45, abs=8
    )


@pytest.mark.parametrize(("imaging", "timepoint"), [("spect_24h", "h24"), ("spect_48h", "h48")])
def test_spect_counts_become_the_activity_of_every_organ(
    images: Images, truth: dict[str, Any], cohort: Path, imaging: str, timepoint: str
) -> None:
    assert f",{SPECT_FACTOR_CPS_PER_MBQ:g}," in (cohort / "records" / "calibrations.csv").read_text(encoding="utf-8")
    session = truth["P01"]["sessions"][0]
    scan = next(s for s in session["scans"] if s["imaging_id"] == imaging)
    image = sitk.ReadImage(str(images.one("NM", "RECON TOMO", f"{timepoint} session 1")))
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    values = sitk.GetArrayFromImage(image).astype(float) / SPECT_SECONDS / SPECT_FACTOR_CPS_PER_MBQ
    y, x = _in_plane(image)
    z = image.GetOrigin()[2] + image.GetSpacing()[2] * np.arange(values.shape[0])
    cell = _cell_mL(z, y, x)
    for region, grow in (
        ("liver", 0.7),
        ("kidney_left", 0.45),
        ("spleen", 0.45),
        ("heart_blood", 0.6),
        ("lung_right", 0.6),
    ):
        inside = _ellipsoid(region, truth["P01"], scan["table_shift_mm"], z, y, x, grow)
        if region == "heart_blood":
            # truth.json knows the heart as a whole; its blood is drawn together with the wall around it
            highest = (
                session["regions"]["heart"]["activity_MBq"][imaging] / truth["P01"]["regions"]["heart"]["volume_mL"]
            )
            assert values[inside].mean() / cell > highest
            continue
        true = session["regions"][region]["activity_MBq"][imaging] / truth["P01"]["regions"][region]["volume_mL"]
        # Resolution costs a kidney some per cent even in its middle; voxels here are 9.6 mm.
        assert values[inside].mean() / cell == pytest.approx(
            true, rel=0.04 if region in ("liver", "lung_right") else 0.12
        )


def test_spect_decays_and_clears_between_the_scans_as_it_should(images: Images, truth: dict[str, Any]) -> None:
    session = truth["P01"]["sessions"][0]
    totals = []
    for timepoint in ("h24", "h48"):
        image = sitk.ReadImage(str(images.one("NM", "RECON TOMO", f"{timepoint} session 1")))
        totals.append(float(sitk.GetArrayFromImage(image).sum(dtype=float)))
    first, second = (next(s for s in session["scans"] if s["imaging_id"] == f"spect_{t}h") for t in (24, 48))
    hours = second["hours_after_injection"] - first["hours_after_injection"]
    physical = 2 ** (-hours / 159.528)
    assert 0.85 * physical < totals[1] / totals[0] < physical  # decay, and some biological clearance from the trunk


def test_whole_body_views_are_mirrored_and_head_up(images: Images) -> None:
    image = sitk.ReadImage(str(images.one("NM", "WHOLE BODY", "h24 session 1")))
    frames = sitk.GetArrayFromImage(image).astype(float)
    assert frames.shape == (6, 256, 64)
    anterior, posterior = frames[0], frames[1]  # photopeak, detectors 1 and 2
    rows, half = frames.shape[1], frames.shape[2] // 2
    trunk = slice(rows // 4, rows // 2)
    liver_rows = slice(int(rows * 0.38), int(rows * 0.46))
    assert anterior[: rows // 2].sum() > 1.5 * anterior[rows // 2 :].sum()  # legs hold less than trunk and head
    assert anterior[liver_rows, :half].sum() > 1.1 * anterior[liver_rows, half:].sum()  # patient's right on the left
    assert posterior[liver_rows, half:].sum() > 1.05 * posterior[liver_rows, :half].sum()  # and the other way round
    assert np.corrcoef(anterior[trunk].ravel(), posterior[trunk, ::-1].ravel())[0, 1] > 0.9
    assert (
        np.corrcoef(anterior[trunk].ravel(), posterior[trunk, ::-1].ravel())[0, 1]
        > np.corrcoef(anterior[trunk].ravel(), posterior[trunk].ravel())[0, 1]
    )


def test_whole_body_counts_give_the_activity_by_geometric_mean(images: Images, truth: dict[str, Any]) -> None:
    """MIRD 16: sqrt(A P exp(mu T)) / C, scatter by the two windows beside the photopeak; mean thickness of the body."""
    frames = sitk.GetArrayFromImage(sitk.ReadImage(str(images.one("NM", "WHOLE BODY", "h24 session 1")))).astype(float)
    anterior, posterior = (frames[v] - frames[2 + v] - frames[4 + v] for v in (0, 1))
    weight, height = truth["P01"]["weight_kg"], truth["P01"]["height_cm"]
    thickness_cm = 4 / np.pi * 10.5 * np.sqrt(weight / 60 * 163 / height) * np.pi / 4
    found = np.sqrt(anterior.sum() * posterior.sum() * np.exp(0.137 * thickness_cm)) / 6.1 / 240
    session = truth["P01"]["sessions"][0]
    hours = next(s for s in session["scans"] if s["imaging_id"] == "whole_body_24h")["hours_after_injection"]
    held = session["administered_MBq"] * 2 ** (-hours / 159.528)
    assert 0.75 * held < found < 1.25 * held


def test_dcm2niix_reads_the_same_pet_and_ct(images: Images, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("dcm2niix")
    if not program.exists():
        pytest.skip("dcm2niix is not installed (PyPI package dcm2niix)")
    for modality in ("PT", "CT"):
        source, out = tmp_path / modality, tmp_path / f"{modality}_out"
        source.mkdir()
        out.mkdir()
        for _, path in images.files[(modality, "", "baseline")]:
            shutil.copy(path, source / path.name)
        done = subprocess.run(
            [str(program), "-f", "image", "-z", "n", "-b", "n", "-o", str(out), str(source)],
            capture_output=True,
            text=True,
            check=False,
        )
        (file,) = list(out.glob("*.nii"))
        assert done.returncode == 0, done.stdout
        nifti = sitk.DICOMOrient(sitk.ReadImage(str(file), sitk.sitkFloat64), "LPS")
        values, z, y, x = images.volume(modality, "baseline")
        found = sitk.GetArrayFromImage(nifti)
        assert np.allclose(nifti.GetOrigin(), (x[0], y[0], z[0]), atol=0.02)
        assert np.allclose(nifti.GetSpacing(), (x[1] - x[0], y[1] - y[0], z[1] - z[0]), atol=1e-3)
        # One slope for all slices where ours has one each: dcm2niix rounds to a sixty-four-thousandth of the highest.
        assert np.allclose(found, values, atol=values.max() / 20000)
