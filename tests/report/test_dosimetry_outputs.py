"""The dosimetry pages as outputs of a run: hashed, written again in place, their PDFs only where they are wanted."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from theratrial.pipeline import outputs
from theratrial.pipeline.trial import TrialRun
from theratrial.results.pictures import Pictures


@pytest.fixture
def run(example: ModuleType) -> TrialRun:
    return TrialRun(example.trial((example.participant(0, sessions=1),)), Pictures())


def test_pages_are_hashed_and_a_second_run_may_replace_them(run: TrialRun, tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "trial"
    folder.mkdir()
    outputs.write_outputs(run, out, folder, pdf=False)
    page = out / "dosimetry" / "P01.html"
    assert page.is_file()
    assert "dosimetry/P01.html" in json.loads((out / "run.json").read_text(encoding="utf-8"))["outputs"]
    before = outputs.output_hashes(out)
    page.write_text(page.read_text(encoding="utf-8").replace("Gy", "mGy"), encoding="utf-8")
    assert outputs.output_hashes(out) != before
    outputs.write_outputs(run, out, folder, pdf=False)
    assert outputs.output_hashes(out) == before


def test_only_pdfs_of_pages_and_report_are_left_out_of_the_check(run: TrialRun, tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "trial"
    folder.mkdir()
    because = outputs.write_outputs(run, out, folder, pdf=False, dosimetry_pdf=True)
    if because:
        pytest.skip(f"no PDF: {because}")
    assert (out / "dosimetry" / "P01.pdf").read_bytes().startswith(b"%PDF-")
    assert outputs.has_dosimetry_pdfs(out)
    hashed = outputs.output_hashes(out)
    assert not [name for name in hashed if name.endswith(".pdf")]
    (out / "figures" / "stranger.pdf").write_bytes(b"%PDF-")
    assert "figures/stranger.pdf" in outputs.output_hashes(out)
    (out / "dosimetry" / "P01.pdf").unlink()
    assert not outputs.has_dosimetry_pdfs(out)
