"""One participant at full size: matrices, conformance, time and disk."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from theratrial.simulation.cohort import members
from theratrial.simulation.course import course_of
from theratrial.simulation.images import write_images
from theratrial.simulation.patient import drawn_patient
from theratrial.simulation.plan import Plan


@pytest.mark.long
def test_full_size_participant_is_conformant_within_fifteen_seconds_and_120_MB(plan: Plan, tmp_path: Path) -> None:
    member = members(15, 1)[0]
    begin = time.process_time()
    rng = np.random.default_rng(member.seed)
    patient = drawn_patient(member.participant_id, plan, rng, story=member.story, failure=None)
    course = course_of(patient, plan, member.screened_on, rng)
    write_images(course, plan, tmp_path, entropy="test", seed=member.seed, small=False)
    assert time.process_time() - begin < 15
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 120e6
    sizes: dict[str, set[tuple[int, ...]]] = {}
    counted: dict[str, int] = {}
    examples: dict[str, Path] = {}
    for path in files:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        kind = f"NM {ds.ImageType[2]}" if ds.Modality == "NM" else ds.Modality
        counted[kind] = counted.get(kind, 0) + 1
        examples[kind] = path
        if "Rows" in ds:
            sizes.setdefault(kind, set()).add((ds.Columns, ds.Rows, int(ds.get("NumberOfFrames", 1))))
    assert sizes == {
        "CT": {(256, 256, 1)},
        "PT": {(128, 128, 1)},
        "NM WHOLE BODY": {(256, 1024, 6)},
        "NM RECON TOMO": {(128, 128, 96)},
    }
    assert (counted["CT"], counted["PT"]) == (400, 400)
    assert counted["NM WHOLE BODY"] == counted["NM RECON TOMO"] == 2 * len(course.truths)
    counts = sitk.GetArrayFromImage(sitk.ReadImage(str(examples["NM WHOLE BODY"])))
    assert 3e5 < counts[0].sum(dtype=float) < 5e6
    program = Path(sys.executable).with_name("dciodvfy")
    if program.exists():
        for kind, path in examples.items():
            done = subprocess.run([str(program), "-new", str(path)], capture_output=True, text=True, check=False)
            assert "Error" not in done.stdout + done.stderr, kind
