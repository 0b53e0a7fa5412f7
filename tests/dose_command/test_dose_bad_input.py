"""What `theratrial dose` refuses: each refusal names the region or file, the value and the remedy."""

import gzip
import hashlib
import json

import dose_phantom
import numpy as np
import pytest
from dose_phantom import INJECTED_AT, SHAPE, SPACING_mm, nm_spect, pt_series, structure_set
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from theratrial import cli
from theratrial.errors import TheratrialError
from theratrial.imaging.rtdose import read_rtdose

ALWAYS = ("--administered-MBq", "1500", "--injected-at", "2024-03-01T09:00")
NAMES = {"Liver": "liver", "Tumour": "tumour"}


def called(*arguments):
    return CliRunner().invoke(cli.app, ["dose", *ALWAYS, *map(str, arguments)])


def found(*arguments):
    result = called(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def refused(words, *arguments):
    result = called(*arguments)
    assert isinstance(result.exception, TheratrialError), result.output
    said = str(result.exception)
    assert all(word in said for word in words), said
    assert result.stdout == ""


def scans(folder, hours=(24.0, 96.0), names=NAMES, activities=None, frame="1.2.3.1"):
    """Arguments; the liver clears with 60 h."""
    arguments = []
    for n, hour in enumerate(hours):
        values = activities or {"liver": 30.0 * 2 ** (-(hour - 24) / 60), "tumour": 10.0 * 2 ** (-(hour - 24) / 60)}
        uid = pt_series(folder / f"scan {n}", values, hour, frame_uid=frame)
        region = structure_set(folder / f"regions {n}.dcm", names, series_uid=uid, frame_uid=frame)
        arguments += ["--image", folder / f"scan {n}", "--regions", region]
    return arguments


def test_scans_in_the_wrong_order_are_sorted(tmp_path):
    forth, back = scans(tmp_path / "a"), scans(tmp_path / "b", hours=(96.0, 24.0))
    one, other = found(*forth), found(*back)
    assert [image["hours_after_injection"] for image in other["images"]] == [24.0, 96.0]
    assert one["regions"][0]["absorbed_dose_Gy"] == pytest.approx(other["regions"][0]["absorbed_dose_Gy"])


def test_equal_times_are_refused(tmp_path):
    refused(("both made 24 h after", "give images of different times"), *scans(tmp_path, hours=(24.0, 24.0)))


def test_a_scan_before_the_injection_is_refused(tmp_path):
    refused(("scan 0", "6.00 h before the injection", "--timezone"), *scans(tmp_path, hours=(-6.0, 24.0)))


def test_a_region_that_leaves_the_field_of_view_has_no_dose_and_says_by_how_much(tmp_path, monkeypatch):
    monkeypatch.setitem(dose_phantom.CUBES, "edge", (slice(3, 7), slice(2, 6), slice(14, 18)))
    (_, edge) = found(*scans(tmp_path, names={"Liver": "liver", "Spleen": "edge"}))["regions"]
    assert edge["absorbed_dose_Gy"] is None
    assert "region Spleen: only 50.0% of it lie inside the field of view" in edge["because"]


def test_a_region_wholly_outside_is_refused_or_has_no_dose(tmp_path, monkeypatch):
    monkeypatch.setitem(dose_phantom.CUBES, "far", (slice(3, 7), slice(2, 6), slice(60, 64)))
    result = called(*scans(tmp_path, names={"Liver": "liver", "Spleen": "far"}), "--json")
    said = str(result.exception) if result.exception else json.loads(result.stdout)["regions"][1]["because"]
    assert "Spleen" in said
    assert result.exception is None or isinstance(result.exception, TheratrialError)


def test_an_empty_region_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(dose_phantom.CUBES, "none", (slice(3, 3), slice(2, 6), slice(2, 6)))
    refused(("Spleen",), *scans(tmp_path, names={"Liver": "liver", "Spleen": "none"}))


def test_overlapping_regions_are_refused_with_names_and_volume_or_cut_when_asked(tmp_path, monkeypatch):
    # 2 of the liver's 4 columns: 32 voxels of 4 mm, 2.048 mL.
    monkeypatch.setitem(dose_phantom.CUBES, "met", (slice(3, 7), slice(2, 6), slice(4, 6)))
    drawn = scans(tmp_path, names={"Liver": "liver", "Met": "met"})
    refused(("Liver and Met overlap by 2.05 mL", "--overlap cut"), *drawn)
    whole = found(*scans(tmp_path / "whole", names={"Liver": "liver"}))["regions"][0]
    liver, met = found(*drawn, "--overlap", "cut")["regions"]
    assert met["points"][0]["volume_mL"] == pytest.approx(2.048, rel=1e-3)
    assert liver["points"][0]["volume_mL"] == pytest.approx(2.048, rel=1e-3)
    sums = [liver["points"][n]["activity_MBq"] + met["points"][n]["activity_MBq"] for n in (0, 1)]
    assert sums == pytest.approx([p["activity_MBq"] for p in whole["points"]], rel=1e-4)


def test_regions_of_another_frame_of_reference_are_refused(tmp_path):
    pt_series(tmp_path / "scan", {"liver": 30.0}, 24.0)
    stray = structure_set(tmp_path / "stray.dcm", NAMES, frame_uid="9.9.9")
    refused(("stray.dcm", "9.9.9"), "--image", tmp_path / "scan", "--regions", stray)


def test_counts_without_calibration_are_refused(tmp_path):
    uid = nm_spect(tmp_path / "nm", {"liver": 30.0}, 24.0, cps_per_MBq=8.0)
    region = structure_set(tmp_path / "rt.dcm", NAMES, series_uid=uid)
    refused(("nm", "calibration"), "--image", tmp_path / "nm", "--regions", region)


def test_a_nuclide_that_is_not_in_the_library_is_refused(tmp_path):
    refused(("--nuclide", "Qq-999"), *scans(tmp_path), "--nuclide", "Qq-999")


def test_a_density_of_zero_makes_a_mass_of_zero_and_is_refused(tmp_path):
    refused(("density",), *scans(tmp_path), "--density", "0")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--engine", "s-values"), ("--phantom adult_female",)),
        (("--engine", "magic"), ("'magic'", "local, s-values, sphere, voxel")),
        (("--engine", "local,local"), ("each engine once",)),
        (("--curve", "spline"), ("'spline'", "mono, best, population")),
        (("--curve", "population", "--prior", "hearsay"), ("'hearsay'", "trastuzumab_igg")),
        (("--limit", "Spleen=23"), ("--limit", "'spleen'", "Liver, Tumour")),
        (("--limit", "23"), ("--limit", "say of which region")),
        (("--limit", "Liver=-3"), ("--limit of liver", "'-3'", "Gy")),
        (("--alpha-beta", "10"), ("--repair",)),
        (("--repair", "1.5"), ("--alpha-beta",)),
        (("--mass-sd-percent", "-1"), ("--mass-sd-percent is -1",)),
        (("--ct", "x"), ("--engine voxel",)),
        (("--s-table-sha256", "ab"), ("--s-table FILE",)),
        (("--recovery-by", "eye"), ("'eye'",)),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(tmp_path, options, words):
    refused(words, *scans(tmp_path), *options)


TABLE = (
    "target,source,electron [Gy/(MBq h)],photon [Gy/(MBq h)],mass_g\n"
    "liver,liver,6.09e-5,2.5e-6,1400\nliver,total_body,{cross},3e-7,1400\n"
    "total_body,liver,1.42e-6,3e-7,60000\ntotal_body,total_body,1.42e-6,1.5e-7,60000\n"
)


def test_a_table_whose_hash_is_wrong_is_refused_and_one_that_is_right_is_used_with_its_findings(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text(TABLE.format(cross="4e-3"))
    options = ("--engine", "s-values", "--nuclide", "Lu-177", "--s-table", table)
    refused(("mine.csv", "states no"), *scans(tmp_path / "u"), *options[:-2], "--s-table", _unitless(tmp_path))
    wrong = ("--s-table-sha256", "0" * 64)
    refused(("hashes to", "0" * 64), *scans(tmp_path / "h"), *options, *wrong)
    right = hashlib.sha256(table.read_bytes()).hexdigest()
    # 4e-3 x 1400 g from the whole body is more than the nuclide emits: refused unless a person says so.
    refused(("breaks laws", "energy", "--s-table-anyway"), *scans(tmp_path / "e"), *options, "--s-table-sha256", right)
    options = (*options, "--s-table-anyway")
    plain = found(*scans(tmp_path / "r"), *options, "--s-table-sha256", right)
    assert plain["methods"]["s_table"] == f"sha256:{right}"
    assert any("error: energy" in finding and "total_body" in finding for finding in plain["s_table_findings"])
    shown = called(*scans(tmp_path / "s"), *options)
    assert "S table: error: energy" in shown.stderr


def _unitless(folder):
    path = folder / "mine.csv.txt"
    path.write_text("target,source,electron,photon,mass_g\nliver,liver,6.09e-5,2.5e-6,1400\n")
    return path


def test_an_s_table_with_a_mass_of_zero_is_refused(tmp_path):
    table = tmp_path / "zero.csv"
    table.write_text(TABLE.format(cross="1e-7").replace(",1400\nliver,total", ",0\nliver,total"))
    options = ("--engine", "s-values", "--nuclide", "Lu-177", "--s-table", table)
    refused(("zero.csv", "liver is 0.0 g"), *scans(tmp_path), *options)


def _ct(folder, hounsfield, *, frame="1.2.3.1"):
    folder.mkdir(parents=True, exist_ok=True)
    uid = generate_uid()
    for z in range(SHAPE[0]):
        ds = dose_phantom._dataset("1.2.840.10008.5.1.4.1.1.2", "CT", "P01", uid)
        dose_phantom._at(ds, INJECTED_AT, "")
        dose_phantom._pixels(ds, hounsfield[z] + 1024)
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.FrameOfReferenceUID, ds.InstanceNumber, ds.SliceThickness = frame, z + 1, SPACING_mm
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, z * SPACING_mm], [1, 0, 0, 0, 1, 0]
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
        ds.save_as(folder / f"{z:02}.dcm", enforce_file_format=True)
    return folder


def test_voxels_of_air_have_no_dose_and_each_file_says_so_in_its_way(tmp_path):
    hounsfield = np.full(SHAPE, 40.0)
    hounsfield[:, :, :8] = -1000.0  # through the liver's cube: all of it
    drawn, out = scans(tmp_path), tmp_path / "out"
    result = called(*drawn, "--engine", "voxel", "--ct", _ct(tmp_path / "ct", hounsfield), "--out", out)
    assert result.exit_code == 0, (result.output, result.exception)
    air = int(np.count_nonzero(hounsfield < -900))
    assert f"{air} voxels have no dose" in result.stderr
    # Not through ITK, whose NIfTI reader turns "not a number" into 0; header of 352 bytes, then float32.
    content = gzip.decompress((out / "dose.nii.gz").read_bytes())
    values = np.frombuffer(content[352:], "<f4").reshape(SHAPE)
    assert np.count_nonzero(np.isnan(values)) == air
    stored = read_rtdose(out / "dose.dcm").absorbed_dose_Gy
    assert np.all(stored[np.isnan(values)] == 0)
    plain = json.loads((out / "results.json").read_text())
    assert plain["dose_map"]["undetermined_voxels"] == air
    liver, tumour = (region["engines"][0] for region in plain["regions"])
    assert liver["absorbed_dose_Gy"] is None
    assert "Liver" in liver["why_no_value"] or "no voxel" in liver["why_no_value"]
    assert tumour["absorbed_dose_Gy"] > 0


def test_a_ct_of_another_frame_of_reference_is_refused(tmp_path):
    ct = _ct(tmp_path / "ct", np.full(SHAPE, 40.0), frame="8.8.8")
    refused(("8.8.8", "1.2.3.1", "made with that scan"), *scans(tmp_path), "--engine", "voxel", "--ct", ct)
