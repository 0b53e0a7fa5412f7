"""Images and regions of one patient to absorbed dose, against activities that the test wrote."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from dose_phantom import INJECTED_AT, HALF_LIFE_h, VOLUME_mL, nm_spect, pt_series, structure_set

from theratrial.dosimetry import Determinacy, TimeActivityPoint
from theratrial.errors import InputError, TheratrialError
from theratrial.nuclides import nuclide
from theratrial.pipeline.dose import DoseSettings, patient_doses
from theratrial.pipeline.dose_scenario import physical_tail

BOTH = {"Liver": "liver", "Tumour 1": "tumour"}
EFFECTIVE_h = 60.0
LAMBDA = math.log(2) / EFFECTIVE_h


def liver(hours):
    return 40.0 * math.exp(-LAMBDA * hours)


def two_scans(tmp_path, hours=(24.0, 72.0), frames=("1.2.3.1", "1.2.3.2"), **changes):
    """Two scans with their own structure sets; the liver clears, the tumour stays."""
    images, regions = [], []
    for n, (at, frame) in enumerate(zip(hours, frames, strict=True)):
        folder = tmp_path / f"scan{n}"
        uid = pt_series(folder, {"liver": liver(at), "tumour": 10.0}, at, frame_uid=frame, **changes)
        images.append(folder)
        regions.append(structure_set(tmp_path / f"rt{n}.dcm", BOTH, series_uid=uid, frame_uid=frame))
    return images, regions


def run(images, regions, settings=None, at=INJECTED_AT, MBq=1500.0):
    return patient_doses(images, regions, administered_activity_MBq=MBq, injected_at=at, settings=settings)


def test_activity_curve_and_dose_are_those_that_were_written(tmp_path):
    images, regions = two_scans(tmp_path)
    result = run(images, regions, DoseSettings(density_g_per_mL=1.0, density_source="test"))
    assert [i.hours_after_injection for i in result.images] == pytest.approx([24.0, 72.0])
    organ, tumour = result.regions
    assert (organ.name, tumour.name) == ("Liver", "Tumour 1")
    assert [p.activity.activity_MBq for p in organ.points] == pytest.approx([liver(24), liver(72)], rel=1e-3)
    assert organ.mass_g == pytest.approx(VOLUME_mL, rel=1e-3)
    assert organ.dose.curve.determinacy is Determinacy.DETERMINED
    assert organ.dose.curve.effective_half_life_h == pytest.approx(EFFECTIVE_h, rel=1e-3)
    # One exponential from injection: A0 / lambda; 85.32 mGy g / (MBq h) for the electrons of 177Lu (ICRP 107).
    tia = 40.0 / LAMBDA
    assert organ.dose.tia.time_integrated_activity_MBq_h == pytest.approx(tia, rel=2e-3)
    assert organ.dose.dose.absorbed_dose_Gy == pytest.approx(tia * 0.08532 / VOLUME_mL, rel=2e-3)
    assert organ.dose.dose.lower_Gy < organ.dose.dose.absorbed_dose_Gy < organ.dose.dose.upper_Gy


def test_a_region_that_takes_up_activity_has_no_dose_but_a_named_scenario(tmp_path):
    images, regions = two_scans(tmp_path)
    tumour = run(images, regions).regions[1]
    assert tumour.dose.curve.determinacy is Determinacy.RISING
    assert tumour.dose.dose.absorbed_dose_Gy is None
    # 10 MBq: rise to 24 h, 48 h seen, then physical decay alone.
    expected = 10 * 24 / 2 + 10 * 48 + 10 * HALF_LIFE_h / math.log(2)
    assert tumour.scenario.time_integrated_activity_MBq_h == pytest.approx(expected, rel=1e-3)
    assert run(images, regions).regions[0].scenario is None


def test_the_scenario_integrates_an_exponential_between_scans_exactly():
    lutetium = nuclide("Lu-177")
    points = [TimeActivityPoint(t, 100 * math.exp(0.02 * t), 0.05) for t in (10.0, 30.0)]
    found = physical_tail(points[::-1], lutetium, mass_g=20.0)
    first, last = (p.activity_MBq for p in points)
    expected = first * 10 / 2 + (last - first) / 0.02 + last / lutetium.decay_constant_per_h
    assert found.time_integrated_activity_MBq_h == pytest.approx(expected, rel=1e-12)
    assert found.absorbed_dose_Gy == pytest.approx(expected * 0.08532 / 20, rel=1e-4)
    assert physical_tail([], lutetium, mass_g=1.0) is None
    assert physical_tail([TimeActivityPoint(5, 0.0, 0.05)], lutetium, mass_g=1.0) is None


def test_the_order_of_images_and_region_files_does_not_matter(tmp_path):
    images, regions = two_scans(tmp_path)
    one, other = run(images, regions), run(images[::-1], regions[::-1])
    assert [i.path for i in one.images] == [i.path for i in other.images]
    assert [r.dose.dose.lower_Gy for r in one.regions] == [r.dose.dose.lower_Gy for r in other.regions]


def test_names_pair_up_whatever_their_capitals_and_spaces_and_others_stay_single(tmp_path):
    images, regions = two_scans(tmp_path)
    regions[1] = structure_set(
        tmp_path / "other.dcm", {" LIVER ": "liver", "Metastasis": "tumour"}, frame_uid="1.2.3.2"
    )
    result = run(images, regions)
    points = {r.name: len(r.points) for r in result.regions}
    assert points == {"Liver": 2, "Tumour 1": 1, "Metastasis": 1}
    single = result.regions[1]
    assert single.dose.curve.determinacy is Determinacy.SINGLE_POINT
    assert single.dose.dose.absorbed_dose_Gy is None
    assert single.not_on == (f"{images[1]}: not drawn",)


def test_one_image_alone_is_a_single_point_and_not_an_error(tmp_path):
    images, regions = two_scans(tmp_path)
    result = run(images[:1], regions[:1])
    assert {r.dose.curve.determinacy for r in result.regions} == {Determinacy.SINGLE_POINT}
    assert all(math.isinf(r.dose.dose.upper_Gy) for r in result.regions)


def test_one_structure_set_serves_all_images_of_its_frame_of_reference(tmp_path):
    images, regions = two_scans(tmp_path, frames=("1.2.3.1", "1.2.3.1"))
    result = run(images, regions[:1])
    assert [len(r.points) for r in result.regions] == [2, 2]
    # An image that has its own structure set keeps to it although the other shares its frame of reference.
    both = run(images, regions)
    assert [i.region_files for i in both.images] == [(regions[0],), (regions[1],)]


def test_folders_may_mix_images_and_regions(tmp_path):
    images, regions = two_scans(tmp_path)
    for folder, region in zip(images, regions, strict=True):
        region.rename(folder / "regions.dcm")
    (images[0] / "readme.txt").write_text("not DICOM")
    result = run(images, images)
    assert [len(r.points) for r in result.regions] == [2, 2]


def test_counts_become_activity_by_the_calibration(tmp_path):
    uid = nm_spect(tmp_path / "nm", {"liver": 30.0}, 24.0, cps_per_MBq=8.0)
    regions = [structure_set(tmp_path / "rt.dcm", {"Liver": "liver"}, series_uid=uid)]
    settings = DoseSettings(calibration_cps_per_MBq=8.0, calibration_relative_sd=0.06)
    found = run([tmp_path / "nm"], regions, settings)
    (point,) = found.regions[0].points
    assert point.activity.activity_MBq == pytest.approx(30.0, rel=2e-3)
    assert point.activity.calibration_relative_sd == 0.06
    # 30 MBq x 8 cps/MBq x 1200 s = 288000 counts: 0.19 % by Poisson.
    assert point.activity.counting_relative_sd == pytest.approx(1 / math.sqrt(288_000), rel=0.01)
    unknown = run([tmp_path / "nm"], regions, DoseSettings(calibration_cps_per_MBq=8.0))
    assert unknown.regions[0].points[0].activity.calibration_relative_sd is None
    assert any("calibration" in part for part in unknown.regions[0].dose.dose.not_in_interval)


def test_a_stated_nuclide_serves_a_header_that_names_none(tmp_path):
    images, regions = two_scans(tmp_path, nuclide=None)
    with pytest.raises(InputError, match="--nuclide Lu-177"):
        run(images, regions)
    result = run(images, regions, DoseSettings(nuclide="177Lu"))
    assert result.nuclide.name == "Lu-177"
    assert result.regions[0].dose.curve.determinacy is Determinacy.DETERMINED


def test_times_of_different_zones_are_compared_as_instants(tmp_path):
    images, regions = two_scans(tmp_path, zone="+0330")
    at = INJECTED_AT.replace(tzinfo=timezone(timedelta(hours=3, minutes=30))).astimezone(UTC)
    assert run(images, regions, at=at).images[0].hours_after_injection == pytest.approx(24.0)
    naive = run(images, regions)
    assert naive.zone_known
    assert naive.images[0].hours_after_injection == pytest.approx(24.0)


def test_clocks_without_any_zone_are_taken_as_one_and_it_is_said(tmp_path):
    images, regions = two_scans(tmp_path)
    result = run(images, regions)
    assert not result.zone_known
    assert any("no time zone" in text for text in result.notes)
    stated = run(images, regions, DoseSettings(timezone="Asia/Tehran"))
    assert stated.zone_known
    assert stated.images[0].hours_after_injection == pytest.approx(24.0)


def test_what_the_header_says_of_the_injection_is_compared(tmp_path):
    images, regions = two_scans(tmp_path)
    from dose_phantom import _tracer

    item = _tracer("177Lu")
    item.RadionuclideTotalDose = 2000e6
    item.RadiopharmaceuticalStartDateTime = "20240301083000"
    uid = pt_series(images[0], {"liver": 20.0}, 24.0, RadiopharmaceuticalInformationSequence=[item])
    regions[0] = structure_set(tmp_path / "again.dcm", BOTH, series_uid=uid)
    notes = run(images, regions).notes
    assert any("2000.0 MBq" in text for text in notes)
    assert any("08:30" in text for text in notes)


def test_more_in_the_field_than_can_be_left_is_said(tmp_path):
    images, regions = two_scans(tmp_path)
    # 10 + 17 MBq are drawn at 72 h; 30 MBq injected leave 21.9 MBq, 20 MBq in one region still pass.
    notes = run(images[1:], regions[1:], MBq=25.0).notes
    assert any("can be left" in text for text in notes)
    with pytest.raises(InputError, match="only"):
        run(images, regions, MBq=5.0)


def _refused(match, *arguments, **settings):
    with pytest.raises(TheratrialError, match=match):
        run(*arguments, **settings)


def test_what_does_not_fit_is_refused_with_place_and_remedy(tmp_path):
    images, regions = two_scans(tmp_path)
    _refused("before the injection", images, regions, at=datetime(2024, 3, 2, 10))
    _refused("the same series", [images[0], images[0]], regions[:1])
    _refused("no image is given", [], regions)
    _refused("no regions are given", images, [])
    _refused("no such folder", [tmp_path / "absent"], regions)
    _refused("holds no image of activity, only RTSTRUCT", [regions[0]], regions)
    _refused("holds no regions", images, [images[0]])
    _refused("holds 2 images of activity", [tmp_path], regions)
    _refused("must be above 0", images, regions, MBq=0.0)
    _refused("Xx-999|names no nuclide", images, regions, settings=DoseSettings(nuclide="Xx-999"))
    _refused("I-131 -> one of them", images, regions, settings=DoseSettings(nuclide="I-131"))
    _refused("no known time zone", images, regions, settings=DoseSettings(timezone="Mars/Olympus"))


def test_images_of_the_same_time_are_refused(tmp_path):
    images, regions = two_scans(tmp_path, hours=(24.0, 24.0))
    _refused(r"both made 24 h after", images, regions)


def test_regions_of_another_frame_of_reference_or_patient_are_refused(tmp_path):
    images, _ = two_scans(tmp_path)
    stray = structure_set(tmp_path / "stray.dcm", BOTH, frame_uid="9.9.9")
    _refused(r"stray\.dcm.*9\.9\.9", images, [stray])
    other = structure_set(tmp_path / "other.dcm", BOTH, patient_id="P02")
    _refused("P02", images, [other])
    # References the series and yet is drawn in another frame of reference.
    uid = pt_series(tmp_path / "own", {"liver": 20.0}, 24.0, frame_uid="1.2.3.1")
    liar = structure_set(tmp_path / "liar.dcm", BOTH, series_uid=uid, frame_uid="9.9.9")
    _refused(r"frame of reference 9\.9\.9", [tmp_path / "own"], [liar])


def test_images_of_two_patients_are_refused(tmp_path):
    images, regions = two_scans(tmp_path)
    pt_series(tmp_path / "stranger", {"liver": 5.0}, 48.0, patient_id="P02")
    _refused("different patients", [images[0], tmp_path / "stranger"], regions[:1])


def test_a_region_drawn_twice_on_one_image_is_refused(tmp_path):
    images, regions = two_scans(tmp_path)
    twice = structure_set(tmp_path / "twice.dcm", {"liver": "tumour"})
    _refused("also drawn in", images[:1], [regions[0], twice])


def test_counts_without_calibration_and_planar_images_are_refused(tmp_path):
    uid = nm_spect(tmp_path / "nm", {"liver": 30.0}, 24.0, cps_per_MBq=8.0)
    regions = [structure_set(tmp_path / "rt.dcm", BOTH, series_uid=uid)]
    _refused("calibration", [tmp_path / "nm"], regions)
    nm_spect(tmp_path / "planar", {"liver": 30.0}, 24.0, cps_per_MBq=8.0, kind="WHOLE BODY")
    _refused("planar", [tmp_path / "planar"], regions)
