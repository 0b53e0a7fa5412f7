"""A result is verified by walking back to the stored bytes: whatever was changed since is named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from theratrial.errors import InputError
from theratrial.pipeline.outputs import is_current, read_run_record, write_outputs
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.pipeline.verify import verification
from theratrial.report import WrittenReport
from theratrial.results.values import TrialResult
from theratrial.simulation.cohort import simulate

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "trial"
    simulate(folder, participants=1, seed=3, small=True)
    return folder


@pytest.fixture(scope="module")
def run(trial: Path) -> TrialRun:
    return trial_run(trial)


def _plain_report(result: TrialResult, _pictures: object, folder: Path, *, pdf: bool = True) -> WrittenReport:
    """A report that is quick to write; the real one has tests of its own."""
    (folder / "figures").mkdir()
    (folder / "figures/endpoint.svg").write_text("<svg/>")
    (folder / "report.html").write_text(f"<p>{result.endpoint.sentence}</p>")
    return WrittenReport(folder / "report.html", None, "not asked for")


@pytest.fixture(autouse=True)
def quick_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theratrial.report.write_report", _plain_report)


@pytest.fixture(scope="module")
def written(trial: Path, run: TrialRun) -> Path:
    out = trial.parent / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("theratrial.report.write_report", _plain_report)
        write_outputs(run, out, trial)
    return out


@pytest.fixture
def place(trial: Path, written: Path, tmp_path: Path) -> Path:
    """A place with copies of the trial and its result that a test may break."""
    shutil.copytree(trial, tmp_path / "trial")
    shutil.copytree(written, tmp_path / "out")
    return tmp_path


@pytest.fixture
def known_run(run: TrialRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recomputation, done once and kept, for tests that break what stands beside it."""
    monkeypatch.setattr("theratrial.pipeline.verify.trial_run", lambda *_, **__: run)


def test_an_untouched_result_is_intact_also_where_the_folder_was_moved(place: Path, command: Command) -> None:
    moved = (place / "trial").rename(place / "elsewhere")
    gone = command("verify", place / "out")
    assert gone.code == 1
    assert "the trial folder of this result is not there -> give its present place with --trial DIR" in gone.err
    done = command("verify", place / "out", "--trial", moved, "--json", "--workers", "1")
    assert done.code == 0, done
    said = json.loads(done.out)
    assert said["intact"] is True
    assert said["numbers_recomputed"] > 300
    assert said["inputs_checked"] > 100


def _image(place: Path) -> Path:
    return min(path for path in (place / "trial/images").rglob("*") if path.is_file())


def test_one_changed_byte_of_an_image_is_named(place: Path, command: Command) -> None:
    image = _image(place)
    content = bytearray(image.read_bytes())
    content[-1] ^= 1
    image.write_bytes(content)
    done = command("verify", place / "out")
    assert done.code == 1
    assert f"input {image.relative_to(place / 'trial')}: stored sha256:" in done.out
    assert "the numbers were not recomputed" in done.err


@pytest.mark.parametrize(
    ("break_it", "stored", "found"),
    [
        (lambda place: _image(place).unlink(), "sha256:", "absent"),
        (lambda place: (place / "trial/records/new.csv").write_text("x"), "absent", "sha256:"),
        (lambda place: (place / "trial/protocol.yaml").open("a").write("# a remark\n"), "sha256:", "sha256:"),
    ],
    ids=["image deleted", "file added", "remark in the protocol"],
)
def test_an_input_that_is_gone_new_or_changed_is_a_difference(
    break_it: Callable[[Path], object], stored: str, found: str, place: Path
) -> None:
    break_it(place)
    (difference,) = verification(place / "out").differences
    assert difference.kind == "input"
    assert difference.stored.startswith(stored)
    assert difference.found.startswith(found)


def _change_results(place: Path, how: Callable[[dict[str, Any]], None]) -> None:
    path = place / "out/results.json"
    tree = json.loads(path.read_text(encoding="utf-8"))
    how(tree)
    path.write_text(json.dumps(tree), encoding="utf-8")


def test_one_changed_number_is_named_with_its_place_and_both_values(
    place: Path, known_run: None, command: Command
) -> None:
    def more_dose(tree: dict[str, Any]) -> None:
        treated = next(one for one in tree["participants"] if one["treated"])
        dose = treated["sessions"][0]["doses"][0]["absorbed_dose_Gy"]
        dose["upper"] = dose["upper"] * 1.000001

    _change_results(place, more_dose)
    done = command("verify", place / "out")
    assert done.code == 1
    assert "number participants[P01].sessions[1].doses[" in done.out
    assert ".absorbed_dose_Gy.upper: stored " in done.out


def test_a_trace_that_leads_nowhere_is_a_difference(
    place: Path, run: TrialRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("theratrial.pipeline.verify.trial_run", lambda *_, **__: run)
    monkeypatch.setattr("theratrial.pipeline.verify.content_hashes", lambda *_: frozenset())
    kinds = {difference.kind for difference in verification(place / "out").differences}
    assert kinds == {"trace"}


def test_an_edited_report_and_a_deleted_figure_are_named(place: Path, known_run: None) -> None:
    report = place / "out/report.html"
    report.write_text(report.read_text(encoding="utf-8").replace("%", "‰"), encoding="utf-8")
    (place / "out/figures/endpoint.svg").unlink()
    (place / "out/extra.txt").write_text("x")
    found = {one.place: one for one in verification(place / "out").differences}
    assert {one.kind for one in found.values()} == {"output"}
    assert found.keys() == {"report.html", "figures/endpoint.svg", "extra.txt"}
    assert found["figures/endpoint.svg"].stored == "absent"
    assert found["extra.txt"].found == "absent"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (lambda text: text[: len(text) // 2], r"cannot be read as results .* -> restore it or run again"),
        (lambda text: "", "cannot be read as results"),
        (lambda text: "[]", "is JSON, but not results of theratrial"),
        (lambda text: text.replace('"schema_version": "1.', '"schema_version": "9.', 1), "schema version 9"),
        (lambda text: text.replace('"inputs": [', '"inputs": [1, ', 1), "list of inputs is not what a run writes"),
        (lambda text: json.dumps({**json.loads(text), "participants": 5}), "is JSON, but not results"),
    ],
    ids=["truncated", "empty", "another JSON", "newer schema", "broken inputs", "broken participants"],
)
def test_broken_results_are_said_to_be_broken(
    text: Callable[[str], str], said: str, place: Path, command: Command
) -> None:
    path = place / "out/results.json"
    path.write_text(text(path.read_text(encoding="utf-8")), encoding="utf-8")
    done = command("verify", place / "out")
    assert done.code == 1
    assert re.search(said, done.err), done.err


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 1}', "[]", "\xff"])
def test_a_broken_run_record_is_refused(text: str, place: Path) -> None:
    (place / "out/run.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="is not a run record of theratrial"):
        verification(place / "out")
    (place / "out/run.json").unlink()
    with pytest.raises(InputError, match="absent -> give the folder"):
        verification(place / "out")


def test_a_trial_option_that_is_a_file_or_another_folder_is_refused(place: Path) -> None:
    with pytest.raises(InputError, match="is a file; --trial is the trial folder"):
        verification(place / "out", trial=place / "out/run.json")
    with pytest.raises(InputError, match="does not exist; --trial is"):
        verification(place / "out", trial=place / "nowhere")
    (place / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds none of the \d+ files that the result was made from"):
        verification(place / "out", trial=place / "empty")


def test_a_result_is_up_to_date_until_anything_of_it_changes(place: Path) -> None:
    inputs = read_run_record(place / "out").inputs
    assert is_current(place / "out", place / "trial", inputs)
    assert not is_current(place / "out", place / "trial", "sha256:other")
    assert not is_current(place / "out", place, inputs)
    (place / "out/report.html").write_text("x")
    assert not is_current(place / "out", place / "trial", inputs)
