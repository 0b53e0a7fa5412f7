"""`theratrial image`: what a path is, what can be done with it, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slice_files import saved, series_folder, slice_dataset
from typer.testing import CliRunner

from theratrial.cli.image import app
from theratrial.errors import InputError
from theratrial.imaging.info import image_info


def test_a_folder_is_told_series_by_series(tmp_path: Path) -> None:
    series_folder(tmp_path / "pet")
    series_folder(tmp_path / "ct", 3, modality="CT", SeriesInstanceUID="1.2.3.4")
    (tmp_path / "readme.txt").write_text("no image")
    found = image_info(tmp_path)
    assert (found.kind, found.other_files, found.broken) == ("folder", 1, False)
    ct, pet = sorted(found.objects, key=lambda one: one.modality)
    assert (ct.files, ct.shape_zyx, ct.usable_for) == (3, (3, 6, 5), ("volume in HU",))
    assert pet.usable_for == ("volume in BQML", "SUV (Units BQML, DecayCorrection START)", "activity map in Bq/mL")
    assert (pet.nuclide, pet.decay_correction, pet.times["AcquisitionTime"]) == ("^68^Gallium", "START", "110000")
    assert pet.patient_id == "P1"


def test_why_suv_is_not_possible_is_said(tmp_path: Path) -> None:
    (one,) = image_info(series_folder(tmp_path, CorrectedImage=["DECY"])).objects
    assert one.not_usable_for == (
        ("SUV", "the series is not attenuation corrected (no ATTN in CorrectedImage); SUV cannot be calculated"),
    )


def test_a_truncated_slice_is_a_problem_of_its_series(tmp_path: Path) -> None:
    series_folder(tmp_path)
    path = tmp_path / "002.dcm"
    path.write_bytes(path.read_bytes()[:-6])
    found = image_info(tmp_path)
    assert found.broken
    assert found.objects[0].problems == ("002.dcm: is truncated: 6 of 60 bytes of pixel data are missing",)


def test_no_file_of_the_shared_odd_ones_breaks_it(shared: Path) -> None:
    expected_broken = {
        "MR_truncated.dcm": "bytes of pixel data are missing",
        "rtplan_truncated.dcm": "is truncated",
        "badVR.dcm": "'1A', which is no number",
        "UN_sequence.dcm": "no SOPClassUID",
        "meta_missing_tsyntax.dcm": "no SOPClassUID",
        "priv_SQ.dcm": "no SOPClassUID",
    }
    for path in sorted((shared / "data/odd_dicom").iterdir()):
        if path.name in ("LICENSE", "no_meta.dcm"):
            with pytest.raises(InputError, match="not a DICOM file"):
                image_info(path)
            continue
        problems = " ".join(image_info(path).objects[0].problems)
        assert expected_broken.get(path.name, "") in problems
        assert bool(problems) == (path.name in expected_broken), path
    assert image_info(shared / "data/odd_dicom").broken


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_never_breaks_it(tmp_path: Path, data: st.DataObject) -> None:
    whole = saved(slice_dataset(np.arange(6, dtype=np.int16).reshape(2, 3)), tmp_path / "whole.dcm").read_bytes()
    content = bytearray(whole[: data.draw(st.integers(140, len(whole)))])
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.dcm"
    path.write_bytes(bytes(content))
    try:
        json.dumps(image_info(path).objects[0].problems)
    except InputError as refused:
        assert "damaged.dcm" in str(refused)  # noqa: PT017 - either answer is right, a traceback is not


def _invoked(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    return done.exit_code, done.stdout


def test_the_command_prints_json_and_nothing_else(tmp_path: Path) -> None:
    code, out = _invoked("info", series_folder(tmp_path), "--json")
    assert code == 0
    assert json.loads(out)["objects"][0]["spacing_zyx_mm"] == [3.0, 2.0, 2.5]


def test_a_damaged_file_ends_with_exit_code_1(tmp_path: Path) -> None:
    path = series_folder(tmp_path, 1) / "001.dcm"
    path.write_bytes(path.read_bytes()[:-6])
    code, out = _invoked("info", path)
    assert code == 1
    assert "6 of 60 bytes" in out


def test_the_suv_command_gives_the_whole_image_without_region(tmp_path: Path) -> None:
    code, out = _invoked("suv", series_folder(tmp_path), "--json")
    assert code == 0
    found = json.loads(out)
    per_count = 70_000 / (200e6 * 2 ** (-3600 / 4062.6))
    keys = ("suv_min", "suv_median", "suv_max", "suv_mean")
    assert [found[k] for k in keys] == pytest.approx(
        [100 * per_count, 115 * per_count, 130 * per_count, 115 * per_count]
    )
    assert found["factor_per_slice"] == pytest.approx([per_count] * 4)
    assert {"rule", "alternatives_rejected", "tags_used", "warnings", "reference_time_rule"} <= found.keys()
    assert _invoked("suv", tmp_path)[0] == 0


def test_the_suv_command_gives_a_reference_object_its_values_in_the_region(shared: Path) -> None:
    folder = shared / "data/suv_dro/DRO_3_1"
    code, out = _invoked("suv", folder, "--region", next((folder / "RS").iterdir()), "--json")
    assert code == 0
    found = json.loads(out)
    assert [found["suv_min"], found["suv_median"], found["suv_max"]] == pytest.approx([0.20, 1.00, 4.00], abs=0.005)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["suv", "{here}/file.dcm"], "is a file, a folder with a series was expected"),
        (["suv", "{here}"], "holds no PT series"),
        (["suv", "{here}/none"], "no such folder"),
        (["info", "{here}/none"], "no such file or folder"),
        (["info", "{here}/file.dcm"], "is not a DICOM file"),
    ],
)
def test_bad_paths_end_with_a_message_and_exit_code_1(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "file.dcm").write_text("text")
    command = [sys.executable, "-m", "theratrial", "image", *(a.format(here=tmp_path) for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
