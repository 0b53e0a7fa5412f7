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
from theratrial.pipeline.outputs import environment, is_current, read_run_record, write_outputs
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.pipeline.verify import verification
from theratrial.report.write import WrittenReport
from theratrial.results.values import TrialResult
from theratrial.simulation.cohort import simulate
from theratrial.trace import file_hash

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
    monkeypatch.setattr("theratrial.report.write.write_report", _plain_report)


@pytest.fixture(scope="module")
def written(trial: Path, run: TrialRun) -> Path:
    out = trial.parent / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("theratrial.report.write.write_report", _plain_report)
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
    (moved / "truth.json").unlink()  # no input: "the participants are virtual" must not rest on it
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
    assert f"NOT INTACT: {image.relative_to(place / 'trial')} was changed since the run" in done.out
    assert "the numbers were not recomputed" in done.err


@pytest.mark.parametrize(
    ("break_it", "stored", "found"),
    [
        (lambda place: _image(place).unlink(), "sha256:", "absent"),
        (lambda place: (place / "trial/records/new.csv").write_text("x"), "absent", "sha256:"),
        (lambda place: (place / "trial/protocol.yaml").open("a").write("# a remark\n"), "sha256:", "sha256:"),
        (lambda place: (place / "trial/folder.yaml").write_text("simulated: false\n"), "sha256:", "sha256:"),
        (lambda place: (place / "trial/folder.yaml").unlink(), "sha256:", "absent"),
    ],
    ids=["image deleted", "file added", "remark in the protocol", "no longer virtual", "folder file deleted"],
)
def test_an_input_that_is_gone_new_or_changed_is_a_difference(
    break_it: Callable[[Path], object], stored: str, found: str, place: Path
) -> None:
    break_it(place)
    (difference,) = verification(place / "out").differences
    assert difference.kind == "input"
    assert difference.stored.startswith(stored)
    assert difference.found.startswith(found)


def test_only_the_folder_file_makes_participants_virtual(place: Path, run: TrialRun) -> None:
    assert run.result.simulated
    (place / "trial/folder.yaml").unlink()
    assert (place / "trial/truth.json").is_file()
    assert not trial_run(place / "trial").result.simulated


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
    assert "NOT INTACT: participants[P01].sessions[session=1].doses[" in done.out
    assert ".absorbed_dose_Gy.upper (number): stored " in done.out


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


def _change_record(place: Path, **values: object) -> None:
    path = place / "out/run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


_CANNOT_BE_TOLD = "report and figures of another build cannot be told from altered ones -> run again with this build"


@pytest.mark.parametrize(
    "other",
    [{"program": "sha256:" + "0" * 64}, {"environment": {"python": "3.11.0"}}, {}],
    ids=["another program named", "other libraries named", "only the hash put right"],
)
def test_an_altered_report_is_named_whatever_build_and_hash_the_record_claims(
    other: dict[str, object], place: Path, known_run: None, command: Command
) -> None:
    report = place / "out/report.html"
    genuine = file_hash(report)
    report.write_text(report.read_text(encoding="utf-8") + "<p>93.3 %</p>", encoding="utf-8")
    (place / "out/report.pdf").write_bytes(b"%PDF-1.7 93.3 %")
    _change_record(place, outputs=read_run_record(place / "out").outputs | {"report.html": file_hash(report)}, **other)
    done = command("verify", place / "out", "--all")
    assert done.code == 1
    assert "Intact" not in done.out
    assert file_hash(report) != genuine
    assert "report.html is not what these inputs give" in done.out
    assert done.out.startswith("NOT INTACT: run.json, " if other else "NOT INTACT: report.html")
    assert (_CANNOT_BE_TOLD in done.out) == bool(other)
    assert "report.pdf is not part of the check: report.html is the record" in done.err


def test_an_honest_result_of_another_build_is_not_called_intact(
    place: Path, known_run: None, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later_report(result: TrialResult, pictures: object, folder: Path, *, pdf: bool = True) -> WrittenReport:
        written = _plain_report(result, pictures, folder, pdf=pdf)
        (folder / "report.html").write_text("<p>worded anew</p>")
        return written

    libraries = environment()
    monkeypatch.setattr("theratrial.pipeline.verify.program_hash", lambda: "sha256:later")
    monkeypatch.setattr("theratrial.pipeline.verify.environment", lambda: libraries | {"numpy": "99.0"})
    monkeypatch.setattr("theratrial.report.write.write_report", later_report)
    found = verification(place / "out")
    assert [(one.kind, one.place) for one in found.differences] == [
        ("build", "run.json, program"),
        ("build", "run.json, environment.numpy"),
        ("output", "report.html"),
    ]
    assert (found.differences[1].stored, found.differences[1].found) == (libraries["numpy"], "99.0")
    assert found.numbers_recomputed > 300
    done = command("verify", place / "out")
    assert done.code == 1
    assert done.out.startswith("NOT INTACT: run.json, program (build): stored sha256:")
    assert _CANNOT_BE_TOLD in done.out.replace("\n", " ")
    assert "2 more differences (1 build, 1 output); --all lists them." in done.err.replace("\n", " ")


def test_another_build_that_renders_the_same_bytes_is_still_not_intact(place: Path, known_run: None) -> None:
    _change_record(place, product_version="0.0.1")
    (difference,) = verification(place / "out").differences
    assert (difference.kind, difference.place, difference.stored) == ("build", "run.json, product_version", "0.0.1")


def test_a_pdf_is_said_not_to_be_checked_only_where_there_is_one(place: Path, known_run: None) -> None:
    assert verification(place / "out").remarks == ()
    (place / "out/report.pdf").write_bytes(b"%PDF-1.7")
    found = verification(place / "out")
    assert found.intact
    assert found.remarks == ("report.pdf is not part of the check: report.html is the record",)


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


@pytest.mark.parametrize("wrong", [{"environment": [1]}, {"outputs": "x"}, {"program": None}, {"trial_folder": 5}])
def test_a_run_record_with_values_of_other_types_is_refused(wrong: dict[str, object], place: Path) -> None:
    _change_record(place, **wrong)
    with pytest.raises(InputError, match="is not a run record of theratrial"):
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
