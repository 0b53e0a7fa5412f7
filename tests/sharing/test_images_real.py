"""Every real series of the shared data through the door: proven, searched, and no worse for dciodvfy than before."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest

from theratrial.errors import InputError
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.release import make_release
from theratrial.sharing.images.values import Asked, Report

KEY = ReleaseKey(b"0123456789abcdef0123456789abcdef", "real")


def released(source: Path, out: Path) -> Report:
    return make_release(Asked(source, out, KEY)).report


def known(report: Report) -> dict[str, tuple[float, ...]]:
    """Quantity -> its values in the release, where it can be computed."""
    found: dict[str, tuple[float, ...]] = {}
    for one in report.series:
        for seen in one.agreements:
            if seen.after is not None:
                found[seen.quantity] = (*found.get(seen.quantity, ()), seen.after)
    return found


def test_the_digital_reference_objects_keep_their_suv(shared: Path, tmp_path: Path) -> None:
    """IBSI-SUV: each of the seven has SUV 0.20 / 1.00 / 4.00 whatever the header; the release too."""
    report = released(shared / "data" / "suv_dro", tmp_path / "out")
    assert report.faults == ()
    assert report.objects == 147
    assert sum(one.with_pixels for one in report.series) == 140
    from theratrial.imaging.catalogue import catalogue
    from theratrial.imaging.series import series_from_files
    from theratrial.imaging.suv import suv_map

    pets = [s for s in catalogue(tmp_path / "out").series if s.modality == "PT"]
    assert len(pets) == 7
    for one in pets:
        suv = suv_map(series_from_files(one.files)).suv_g_per_mL
        assert float(suv.max()) == pytest.approx(4.0, rel=1e-3)


def test_objects_of_dcmqi_keep_references_volumes_and_measurements(shared: Path, tmp_path: Path) -> None:
    report = released(shared / "data" / "seg_rwvm_sr_dcmqi", tmp_path / "out")
    assert report.faults == ()
    assert report.references_before == report.references_after == 14
    volumes = known(report)["volume of each region on its image [mL]"]
    assert volumes == pytest.approx((70.36,), rel=1e-3)


@pytest.mark.parametrize(
    "folder",
    ["nm_gammacamera_qc_mediso", "nm_planar_antpost_siemens", "nm_spect_recon", "pet_single_siemens_mct"],
)
def test_real_scans_go_through_with_their_numbers(folder: str, shared: Path, tmp_path: Path) -> None:
    report = released(shared / "data" / folder, tmp_path / "out")
    assert report.faults == ()
    assert known(report)
    assert all(one.pixels_identical == one.with_pixels for one in report.series)


@pytest.mark.long
def test_real_lutetium_spect_keeps_activity_and_lesion_volumes(shared: Path, tmp_path: Path) -> None:
    report = released(shared / "data" / "lu177_spect_two_timepoints", tmp_path / "out")
    assert report.faults == ()
    quantities = known(report)
    # 107.8 and 106.9 mL: of the two structure sets, the region that differs most (or first)
    assert quantities["volume of each region on its image [mL]"] == pytest.approx((107.78, 106.94), abs=0.01)
    assert quantities["decay from administration to scan"] == pytest.approx((0.98388, 0.88651), abs=1e-5)
    assert (report.intervals_compared, report.intervals_off) == (1, 0)


def test_a_real_scrubbed_name_in_a_private_element_is_gone(shared: Path, tmp_path: Path) -> None:
    """GEMS_GENIE_1 (0009,xx40) holds a person's name; two of three other de-identifiers keep the element."""
    place = shared / "data" / "nm_planar_antpost_siemens"
    before = pydicom.dcmread(next(place.glob("*.dcm")))
    assert "SCRUBBED" in str(before[0x00091040].value)
    released(place, tmp_path / "out")
    assert b"scrubbed" not in next((tmp_path / "out").rglob("*.dcm")).read_bytes().lower()


def test_secondary_captures_of_a_bone_scan_wait_for_a_look_in_every_transfer_syntax(
    shared: Path, tmp_path: Path
) -> None:
    place = shared / "data" / "nm_wholebody_wg04_nm1"
    with pytest.raises(InputError, match="7 x is a picture of a screen"):
        released(place, tmp_path / "out")
    from theratrial.imaging.catalogue import catalogue

    uids = frozenset(one.series_instance_uid for one in catalogue(place).series)
    made = make_release(Asked(place, tmp_path / "out", KEY, reviewed=uids))
    assert made.report.faults == ()
    assert {one.pixels_identical for one in made.report.series} == {one.with_pixels for one in made.report.series}
    assert made.report.objects == 7


def test_odd_files_get_a_clear_answer_each(shared: Path, tmp_path: Path) -> None:
    made = make_release(Asked(shared / "data" / "odd_dicom", tmp_path / "out", KEY))
    assert made.report.faults == ()
    assert made.report.objects + len(made.withheld) == made.report.objects + 9
    assert all(one.because for one in made.withheld)
    truncated = next(one for one in made.withheld if "MR_truncated" in one.place)
    assert truncated.because == "cannot be read as a whole DICOM object"


@pytest.mark.parametrize(
    "folder", ["suv_dro", "seg_rwvm_sr_dcmqi", "nm_gammacamera_qc_mediso", "pet_single_siemens_mct"]
)
def test_dciodvfy_finds_no_more_errors_after_than_before(folder: str, shared: Path, tmp_path: Path) -> None:
    """dciodvfy of dicom3tools (D. Clunie), which nobody here wrote."""
    if shutil.which("dciodvfy") is None and not _tool().exists():
        pytest.skip("dciodvfy is not installed (dicom3tools)")
    from theratrial.imaging.catalogue import catalogue

    source, out = shared / "data" / folder, tmp_path / "out"
    released(source, out)
    mapped = {
        KEY.uid(str(pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID)): p
        for one in catalogue(source).series
        for p in one.files[:1]
    }
    compared = 0
    for path in sorted(out.rglob("*.dcm")):
        before = mapped.get(str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID))
        if before is not None:
            new = _errors(path) - _errors(before)
            assert not new, f"{before.name}: {sorted(new)}"
            compared += 1
    assert compared


def _tool() -> Path:
    import sys

    return Path(sys.executable).with_name("dciodvfy")


def _errors(path: Path) -> set[str]:
    said = subprocess.run([shutil.which("dciodvfy") or str(_tool()), str(path)], capture_output=True, timeout=60)
    text = (said.stdout + said.stderr).decode("latin-1")
    # the value is in brackets or angles: what is wrong must be the same, not with which value
    lines = (line for line in text.splitlines() if line.startswith("Error"))
    return {re.sub(r"<[^>]*>|\[[^\]]*\]", "", line) for line in lines}
