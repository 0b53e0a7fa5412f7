"""The proof must refuse: each fault another de-identifier makes, made on purpose in our own output, is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from identified_images import NAME, PATIENT_ID, pet_slice, saved, series
from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.sharing.images import release as release_module
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.release import check_release, make_release
from theratrial.sharing.images.values import Asked, ReleaseRefused, Report

KEY = ReleaseKey(b"0123456789abcdef0123456789abcdef", "first")


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """A release of two scans of one person, whose injection has a time of day but no date (as older scanners write)."""
    series(tmp_path / "in" / "a", dated=False)
    series(tmp_path / "in" / "b", day="20240425", series="1.2.826.0.1.55.3", dated=False)
    made = Asked(tmp_path / "in", tmp_path / "out", KEY)
    make_release(made)
    return made


def changed(asked: Asked, change: Callable[[pydicom.FileDataset], None], *, files: int | None = None) -> Report:
    """The proof after a change to the released files."""
    for path in sorted(asked.out.rglob("*.dcm"))[:files]:
        ds = pydicom.dcmread(path)
        change(ds)
        ds.save_as(path)
    return check_release(asked)


def test_an_untouched_release_proves_again(asked: Asked) -> None:
    report = check_release(asked)
    assert report.faults == ()
    assert all(a.relative_difference == 0 for s in report.series for a in s.agreements if a.values)


def test_scan_times_moved_without_the_injection_time_are_refused_with_the_number(asked: Asked) -> None:
    """What dicognito 0.19 does: it moves the times of day, but not RadiopharmaceuticalStartTime (0018,1072)."""

    def shifted(ds: pydicom.FileDataset) -> None:
        for name in ("StudyTime", "SeriesTime", "AcquisitionTime"):
            setattr(ds, name, "213000")

    report = changed(asked, shifted)
    ratio = 2 ** (10.5 * 3600 / 4062.6)  # the injection seems 11.5 h before the scan instead of 1 h
    found = next(f for f in report.faults if "SUV per stored value" in f)
    assert f"{ratio:.6g} times the value before" in found
    assert ratio == pytest.approx(632, rel=1e-3)
    assert any("SeriesTime is neither unchanged" in fault for fault in report.faults)


def test_an_injection_date_left_where_it_was_is_refused(asked: Asked) -> None:
    def left(ds: pydicom.FileDataset) -> None:
        ds.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = "20240311100000"

    faults = changed(asked, left).faults
    assert any("can be computed before but not after" in fault for fault in faults)
    assert any("a date of a participant stands in" in fault for fault in faults)


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("RescaleSlope", "0.5000011", "SUV"),
        ("PatientWeight", "61.50013", "SUV"),
        ("PixelSpacing", [4.00001, 4], "voxel spacing"),
        ("Units", "PROPCPS", "can be computed before but not after"),
        ("DecayCorrection", "ADMIN", "SUV"),
    ],
)
def test_a_number_that_moved_by_a_few_millionths_is_refused(
    asked: Asked, keyword: str, value: object, said: str
) -> None:
    report = changed(asked, lambda ds: setattr(ds, keyword, value))
    assert any(said in fault for fault in report.faults), report.faults


def test_a_slope_that_differs_less_than_the_tolerance_is_still_named_as_a_changed_number(asked: Asked) -> None:
    report = changed(asked, lambda ds: setattr(ds, "RescaleSlope", "0.50000001"))
    assert all(a.agrees for s in report.series for a in s.agreements)
    assert any("RescaleSlope is neither unchanged" in fault for fault in report.faults)


def test_one_pixel_changed_is_refused(asked: Asked) -> None:
    def touched(ds: pydicom.FileDataset) -> None:
        ds.PixelData = bytes([ds.PixelData[0] ^ 1]) + ds.PixelData[1:]

    assert any("pixels differ in 1 objects" in fault for fault in changed(asked, touched, files=1).faults)


def test_one_scan_moved_by_a_day_is_refused(asked: Asked) -> None:
    def moved(ds: pydicom.FileDataset) -> None:
        for name in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
            day = int(getattr(ds, name))
            setattr(ds, name, str(day + 1 if day % 100 < 28 else day - 1))

    report = changed(asked, moved, files=3)
    assert report.intervals_off == 1
    assert any("1 of 1 intervals between scans changed" in fault for fault in report.faults)


def test_a_uid_of_somebody_elses_making_is_refused(asked: Asked) -> None:
    report = changed(asked, lambda ds: setattr(ds, "FrameOfReferenceUID", "2.25.123456789"), files=1)
    assert report.unmapped_uids == 1
    assert any("not those given by the key" in fault for fault in report.faults)


def _leaks() -> dict[str, Callable[[pydicom.FileDataset], None]]:
    def private_name(ds: pydicom.FileDataset) -> None:
        ds.private_block(0x0009, "MAKER", create=True).add_new(0x01, "PN", NAME)

    def private_unknown(ds: pydicom.FileDataset) -> None:
        ds.private_block(0x0009, "MAKER", create=True).add_new(0x01, "UN", b"..ophelia maribel.")

    def nested(ds: pydicom.FileDataset) -> None:
        inner = Dataset()
        inner.TextValue = "seen by HOLDERNESSE"
        ds.RadiopharmaceuticalInformationSequence[0].ReferencedInstanceSequence = pydicom.Sequence([inner])

    def comment(ds: pydicom.FileDataset) -> None:
        ds.ImageComments = f"id {PATIENT_ID}"

    def overlay(ds: pydicom.FileDataset) -> None:
        ds.add_new(0x60003000, "OW", b"Quendolin ")

    def preamble(ds: pydicom.FileDataset) -> None:
        ds.preamble = b"Quendolin".ljust(128, b"\0")

    def meta(ds: pydicom.FileDataset) -> None:
        ds.file_meta.SourceApplicationEntityTitle = "QUIRPET2"

    def two_bytes_a_letter(ds: pydicom.FileDataset) -> None:
        ds.add_new(0x00420011, "OB", "Tupperwein".encode("utf-16-le"))

    def date_in_text(ds: pydicom.FileDataset) -> None:
        ds.ImageComments = "scanned 11.03.2024"

    def birth_date(ds: pydicom.FileDataset) -> None:
        ds.PatientBirthDate = "19310502"

    def uid_in_text(ds: pydicom.FileDataset) -> None:
        ds.ImageComments = "copy of 1.2.826.0.1.55.2"

    def person(ds: pydicom.FileDataset) -> None:
        ds.ReferringPhysicianName = "Someone^Else"

    return {f.__name__: f for f in list(locals().values()) if callable(f)}


@pytest.mark.parametrize("leak", _leaks().values(), ids=_leaks().keys())
def test_a_leak_put_into_a_released_file_is_found_and_not_repeated(asked: Asked, leak) -> None:
    report = changed(asked, leak, files=1)
    assert report.leaks
    said = " ".join(report.faults).casefold()
    assert not [word for word in ("quendolin", "ophelia", "holdernesse", "7734519", "tupperwein") if word in said]


def test_bytes_behind_the_data_set_are_found(asked: Asked) -> None:
    path = sorted(asked.out.rglob("*.dcm"))[0]
    with path.open("ab") as stream:
        stream.write(b"\0\0\0\0 Maribel")
    assert check_release(asked).leaks or _refuses(asked)


def _refuses(asked: Asked) -> bool:
    with pytest.raises(InputError):
        check_release(asked)
    return True


def test_a_file_under_a_name_of_the_person_is_found(asked: Asked) -> None:
    path = sorted(asked.out.rglob("*.dcm"))[0]
    path.rename(path.with_name("Quendolin.dcm"))
    assert any(leak.place == "name of the file" for leak in check_release(asked).leaks)


def test_a_file_that_does_not_belong_is_found(asked: Asked) -> None:
    (asked.out / "notes.txt").write_text("anything")
    assert [leak.kind for leak in check_release(asked).leaks] == ["file that does not belong"]


def test_an_object_missing_from_the_release_is_named(asked: Asked) -> None:
    sorted(asked.out.rglob("*.dcm"))[0].unlink()
    with pytest.raises(InputError, match="is not in the release"):
        check_release(asked)


def test_a_release_whose_proof_fails_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = release_module.write_cleaned

    def careless(source: Path, target: Path, cleaner: object) -> Dataset:
        ds = whole(source, target, cleaner)  # type: ignore[arg-type]
        ds.RescaleSlope = "0.6"
        ds.save_as(target)
        return ds

    monkeypatch.setattr(release_module, "write_cleaned", careless)
    series(tmp_path / "in")
    with pytest.raises(
        ReleaseRefused, match=r"refused, nothing was written(.|\n)*1.2 times the value before"
    ) as refused:
        make_release(Asked(tmp_path / "in", tmp_path / "out", KEY))
    assert refused.value.report.faults
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def _philips(folder: Path, creator: str) -> Path:
    """Counts, which only Philips' private factor (7053,xx00) makes an SUV."""
    for number in range(3):
        ds = pet_slice(number)
        ds.Units, ds.RescaleSlope = "CNTS", "1"
        ds.private_block(0x7053, creator, create=True).add_new(0x00, "DS", "0.00123")
        saved(ds, folder / f"{number}.dcm")
    return folder


def test_a_philips_series_in_counts_keeps_the_factor_that_is_its_suv(tmp_path: Path) -> None:
    made = make_release(Asked(_philips(tmp_path / "in", "Philips PET Private Group"), tmp_path / "out", KEY))
    suv = next(a for a in made.report.series[0].agreements if a.quantity.startswith("SUV per stored value"))
    assert suv.before == suv.after == pytest.approx(0.00123)


def test_a_series_whose_suv_hangs_on_an_unknown_private_element_is_refused_not_spoilt(tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefused, match=r"SUV per stored value.*can be computed before but not after"):
        make_release(Asked(_philips(tmp_path / "in", "PHILIPS COPY"), tmp_path / "out", KEY))
    assert not (tmp_path / "out").exists()


def test_another_participants_name_is_searched_for_too(tmp_path: Path) -> None:
    series(tmp_path / "in" / "a")
    for number in range(3):
        ds = pet_slice(number, series="1.2.826.0.1.55.8")
        ds.StudyInstanceUID, ds.PatientID, ds.PatientName = "1.2.826.0.1.55.77", "OTHER-1", "Winterbourne^Ada"
        ds.SoftwareVersions = "as for Quendolin"
        saved(ds, tmp_path / "in" / "b" / f"{number}.dcm")
    make_release(Asked(tmp_path / "in", tmp_path / "out", KEY))
    said = [str(pydicom.dcmread(p).get("SoftwareVersions", "")) for p in (tmp_path / "out").rglob("*.dcm")]
    assert set(said) == {"", "as for"}
