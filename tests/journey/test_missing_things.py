"""What is absent is said and never taken for something: one run of a trial from which much was taken away."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from theratrial.pipeline.traces import dead_ends
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.pipeline.verify import content_hashes
from theratrial.results.plain import plain
from theratrial.results.values import ParticipantResult
from theratrial.simulation.cohort import simulate
from theratrial.trialfolder import read_folder


def _rewritten(path: Path, how: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = how(before)
    assert after != before, path
    path.write_text(after, encoding="utf-8")


def _emptied(column: str) -> Callable[[str], str]:
    def how(text: str) -> str:
        lines = [line.split(",") for line in text.splitlines()]
        at = lines[0].index(column)
        return (
            "\n".join(",".join("" if n and i == at else c for i, c in enumerate(x)) for n, x in enumerate(lines)) + "\n"
        )

    return how


def _header_only(text: str) -> str:
    return text.splitlines()[0] + "\n"


@pytest.fixture(scope="module")
def poor_trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One treated participant without calibrations, weights, selection read; a newcomer; one conflict left open."""
    folder = tmp_path_factory.mktemp("poor") / "trial"
    simulate(folder, participants=1, seed=2, small=True)
    records = folder / "records"
    for table in ("calibrations", "selection_reads"):
        _rewritten(records / f"{table}.csv", _header_only)
    for table in ("participants", "administrations"):
        _rewritten(records / f"{table}.csv", _emptied("weight_kg"))
    _rewritten(records / "administrations.csv", _emptied("residual_activity_MBq"))
    _rewritten(records / "administrations.csv", _emptied("residual_measured_at"))
    _rewritten(records / "participants.csv", lambda text: text + "P99,site_01,2022-05-01,,female,,,\n")
    _rewritten(folder / "protocol.yaml", _with_open_conflict)
    return folder


def _with_open_conflict(text: str) -> str:
    start = text.index("\nconflicts:")
    return text[:start] + re.sub(
        r"    decision: \{status: demonstration.*?\}\n|    decision:\n(?:      .*\n)+",
        "    decision: {status: open}\n",
        re.sub(r"(?m)^    answer: .*\n(?:      .*\n)*", "", text[start:], count=1),
        count=1,
    )


@pytest.fixture(scope="module")
def poor_run(poor_trial: Path) -> TrialRun:
    return trial_run(poor_trial)


@pytest.fixture(scope="module")
def treated(poor_run: TrialRun) -> ParticipantResult:
    return next(one for one in poor_run.result.participants if one.treated)


def test_an_open_conflict_does_not_crash_and_is_carried_by_the_result(poor_run: TrialRun) -> None:
    assert len(poor_run.result.open_conflicts) == 1


def test_the_command_says_that_a_result_with_open_clauses_cannot_be_used(
    poor_run: TrialRun, capsys: pytest.CaptureFixture[str]
) -> None:
    from theratrial.cli.run import _tell_notes

    _tell_notes(poor_run.result)
    assert "1 clause of the protocol is open: this result cannot be used." in capsys.readouterr().err


def test_without_a_calibration_no_dose_is_given_and_no_gate_proceeds(
    treated: ParticipantResult, poor_run: TrialRun
) -> None:
    for session in treated.sessions:
        organs = [dose for dose in session.doses if dose.kind == "organ"]
        assert organs
        for dose in organs:
            assert dose.absorbed_dose_Gy.value is None
            assert "calibration" in dose.absorbed_dose_Gy.note
        assert session.gate is not None
        assert session.gate.verdict != "proceed"
    assert any("calibration" in note.message for note in poor_run.result.notes if note.severity == "warning")


def test_a_missing_weight_is_taken_from_the_image_or_gives_no_uptake(
    treated: ParticipantResult, poor_run: TrialRun
) -> None:
    notes = [note.message for note in poor_run.result.notes if note.participant_id == treated.participant_id]
    assert treated.response is not None
    values = [lesion.baseline_uptake for lesion in treated.response.lesions if lesion.baseline_uptake is not None]
    assert all("weight" not in value.trace.inputs for value in values), (
        "the trace must not name a weight nobody recorded"
    )
    assert values or any("weight" in note for note in notes)


def test_an_unmeasured_residual_is_not_zero_but_an_upper_bound(treated: ParticipantResult) -> None:
    activity = treated.sessions[0].administered_activity_MBq
    assert activity.upper == activity.value
    assert "residual was not measured" in activity.note


def test_without_a_read_the_selection_is_not_read_and_eligibility_not_known(
    treated: ParticipantResult, poor_run: TrialRun
) -> None:
    assert treated.selection.result == "not read"
    assert treated.eligibility.verdict == "not known"
    said = [note.message for note in poor_run.result.notes if note.severity == "deviation"]
    assert "treated although eligibility is not known" in said
    assert any("before the selection image was read: no read of it is recorded" in one for one in said)


def test_a_participant_of_whom_nothing_is_known_is_a_participant_without_anything(poor_run: TrialRun) -> None:
    nobody = next(one for one in poor_run.result.participants if one.participant_id == "P99")
    assert not nobody.treated
    assert nobody.consented_at is None
    assert nobody.eligibility.verdict != "eligible"
    assert nobody.response is None
    assert nobody.counted == "not analysed"
    assert poor_run.result.flow.screened == len(poor_run.result.participants)


def test_a_trial_without_any_image_is_computed_as_such(poor_trial: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(poor_trial, tmp_path / "trial", ignore=shutil.ignore_patterns("images")))
    result = trial_run(folder).result
    assert any("images/ is absent" in note.message for note in result.notes)
    assert any("no image fits" in note.message for note in result.notes)
    treated = next(one for one in result.participants if one.treated)
    assert treated.response is None
    assert all(dose.absorbed_dose_Gy.value is None for session in treated.sessions for dose in session.doses)
    assert result.endpoint.successes == 0


def test_no_trace_leads_nowhere_where_much_is_missing(poor_trial: Path, poor_run: TrialRun) -> None:
    tree = plain(poor_run.result)
    assert dead_ends(tree, read_folder(poor_trial), content_hashes(poor_trial, poor_run.result.inputs)) == ()
