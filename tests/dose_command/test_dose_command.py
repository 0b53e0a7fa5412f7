"""`theratrial dose` as a person types it."""

import json
import subprocess
import sys

import pytest
from dose_phantom import pt_series, structure_set
from typer.testing import CliRunner

from theratrial import cli
from theratrial.errors import TheratrialError

NAMES = {"Liver": "liver", "Tumour": "tumour"}


@pytest.fixture
def patient(tmp_path):
    """Arguments for two scans: the liver clears, the tumour takes up."""
    arguments = ["--administered-MBq", "1500", "--injected-at", "2024-03-01T09:00"]
    for n, (hours, liver) in enumerate(((24.0, 30.0), (72.0, 17.0))):
        folder = tmp_path / f"scan {n}"
        uid = pt_series(folder, {"liver": liver, "tumour": 10.0}, hours)
        region = structure_set(tmp_path / f"regions {n}.dcm", NAMES, series_uid=uid)
        arguments += ["--image", str(folder), "--regions", str(region)]
    return arguments


def called(*arguments):
    return CliRunner().invoke(cli.app, ["dose", *arguments])


def test_json_is_nothing_but_json_and_every_number_names_its_unit(patient):
    result = called(*patient, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [image["hours_after_injection"] for image in found["images"]] == pytest.approx([24.0, 72.0])
    assert found["images"][0]["acquired_at"] == "2024-03-02T09:00:00"
    assert found["time_zone_known"] is False
    liver, tumour = found["regions"]
    assert liver["determinacy"] == "determined"
    assert liver["absorbed_dose_lower_Gy"] < liver["absorbed_dose_Gy"] < liver["absorbed_dose_upper_Gy"]
    assert liver["trace"]["method"] == "dosimetry.local_deposition"
    assert tumour["determinacy"] == "rising"
    assert tumour["absorbed_dose_Gy"] is None
    assert tumour["absorbed_dose_upper_Gy"] is None
    assert tumour["has_upper_bound"] is False
    assert tumour["scenario"]["absorbed_dose_Gy"] > tumour["absorbed_dose_lower_Gy"]
    units = (
        "_MBq",
        "_h",
        "_Gy",
        "_mL",
        "_g",
        "_MBq_h",
        "_fraction",
        "_per_h",
        "_per_MBq",
        "_per_mL",
        "_scan_time",
        "hours_after_injection",
    )

    def numbers(value, key=""):
        if isinstance(value, dict):
            for name, entry in value.items():
                if name != "trace":
                    numbers(entry, name)
        elif isinstance(value, list):
            for entry in value:
                numbers(entry, key)
        elif isinstance(value, float):
            assert key.endswith(units), f"{key} has no unit"

    numbers(found)


def test_the_tables_show_activity_curve_dose_and_what_is_assumed(patient):
    result = called(*patient)
    assert result.exit_code == 0, result.output
    for word in ("Liver", "determined", "rising", "no upper bound", "Scenario", "photons", "1.05 g/mL", "no time zone"):
        assert word in result.output, word


def test_region_files_may_follow_one_option(patient):
    regions = [patient[i + 1] for i, word in enumerate(patient) if word == "--regions"]
    others = [word for word in patient if word != "--regions" and word not in regions]
    result = called(*others, "--regions", *regions, "--json")
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["regions"]) == 2


def test_a_given_density_and_calibration_uncertainty_are_used_and_named(patient):
    plain = json.loads(called(*patient, "--json").stdout)
    given = json.loads(called(*patient, "--density", "2.1", "--calibration-sd-percent", "6", "--json").stdout)
    assert given["regions"][0]["absorbed_dose_Gy"] == pytest.approx(plain["regions"][0]["absorbed_dose_Gy"] / 2)
    assert given["settings"]["calibration_relative_sd_fraction"] == 0.06
    assert any("2.1 g/mL" in text for text in given["assumptions"])


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--injected-at", "yesterday", "date and time"),
        ("--injected-at", "2024-03-01", "date and time"),
        ("--injected-at", "2024-03-05T09:00", "before the injection"),
        ("--administered-MBq", "-1", "above 0"),
        ("--administered-MBq", "nan", "above 0"),
        ("--calibration-sd-percent", "150", "0 to below 100"),
        ("--density", "0", "density"),
        ("--nuclide", "Unobtainium", "--nuclide"),
        ("--timezone", "../../etc/passwd", "time zone"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_printed(patient, option, value, word):
    result = called(*patient, option, value)
    assert isinstance(result.exception, TheratrialError)
    assert word in str(result.exception)
    assert result.stdout == ""


def test_an_error_ends_as_one_sentence_and_exit_code_1(patient):
    result = subprocess.run(
        [sys.executable, "-m", "theratrial", "dose", *patient, "--injected-at", "2024-03-05T09:00"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "before the injection" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
