"""The site's data as a trial folder, and the way from there to results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from theratrial.errors import InputError
from theratrial.pipeline.trial import TrialRun
from theratrial.registry.people import public_record
from theratrial.registry.reader import read_registration
from theratrial.results.plain import differences, plain
from theratrial.results.rebuild import rebuilt
from theratrial.results.values import TrialResult
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.exports.folder import folder_written
from theratrial.web.participants.models import Participant
from theratrial.web.results import computing
from theratrial.web.results.gate import Gate
from theratrial.web.results.gates_now import gate_source
from theratrial.web.results.models import Computation, ParticipantResultRow
from theratrial.web.results.services import computation_requested
from theratrial.web.results.tasks import computed
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial


def test_exported_records_are_those_of_the_simulator_byte_for_byte(
    demonstration: Trial, virtual_folder: Path, tmp_path: Path
) -> None:
    folder_written(tmp_path / "out", live_records(), ())
    written = sorted(file.name for file in (tmp_path / "out" / "records").iterdir())
    assert written == sorted(file.name for file in (virtual_folder / "records").iterdir())
    for name in (*(f"records/{one}" for one in written), "protocol.yaml", "folder.yaml"):
        assert (tmp_path / "out" / name).read_bytes() == (virtual_folder / name).read_bytes(), name
    # The record leaves the site as its newest version, without people's contacts and the file's own comments.
    simulated = public_record(read_registration(virtual_folder / "registration.yaml"))
    assert read_registration(tmp_path / "out" / "registration.yaml") == simulated


def test_origins_name_the_record_of_every_line(demonstration: Trial, tmp_path: Path) -> None:
    folder_written(tmp_path / "out", live_records(), ())
    origins = json.loads((tmp_path / "out" / "origins.json").read_text())
    lines = (tmp_path / "out" / "records" / "laboratory.csv").read_text().splitlines()
    assert len(origins["records/laboratory.csv"]) == len(lines) - 1
    pk, _, version = origins["records/laboratory.csv"]["7"].partition("@")
    record = Record.objects.get(pk=pk)
    assert (record.cells["participant_id"], str(record.version)) == (lines[6].split(",")[0], version)
    assert record.cells["collected_at"] in lines[6]


def test_a_line_after_a_cell_with_a_line_break_keeps_its_own_origin(demonstration: Trial, tmp_path: Path) -> None:
    records = list(live_records().filter(table="adverse_events"))
    records[0].cells["comment"] = "first\nsecond"
    origins = folder_written(tmp_path / "out", records, ())["records/adverse_events.csv"]
    assert list(origins)[:2] == ["2", "4"]
    assert origins["4"].startswith(str(records[1].pk))


@pytest.mark.parametrize("name", ["../outside.dcm", "/etc/outside.dcm", "P01/../../x", ""])
def test_an_image_name_that_leads_out_of_the_folder_is_refused(demonstration: Trial, tmp_path: Path, name: str) -> None:
    stored = tmp_path / "stored"
    stored.write_bytes(b"x")
    with pytest.raises(InputError, match="leads out"):
        folder_written(tmp_path / "out", (), [(name, stored)])


def test_results_come_back_from_their_json_unchanged(folder_run: TrialRun) -> None:
    tree = json.loads(json.dumps(plain(folder_run.result)))
    assert plain(rebuilt(TrialResult, tree)) == tree


@pytest.mark.long
def test_S9_gates_and_results_of_the_site_are_those_of_theratrial_run(
    demonstration: Trial, images: None, folder_run: TrialRun
) -> None:
    asked = computation_requested(SETUP, "trial")
    assert computed(str(asked.pk)) == "done", Computation.objects.get(pk=asked.pk).message
    outside = {one.participant_id: one for one in folder_run.result.participants}
    judged = {}
    for row in ParticipantResultRow.objects.select_related("participant"):
        stored = {key: value for key, value in row.content.items() if key != "notes"}
        assert differences(plain(outside[row.participant.code]), stored) == []
        source = gate_source(row.participant)
        for session in outside[row.participant.code].sessions:
            gate = source.judged(session.session)
            assert isinstance(gate, Gate)
            assert session.gate is not None
            assert {one["clause"]: (one["verdict"], one["because"]) for one in gate.content["lines"]} == {
                one.clause: (one.verdict, one.because) for one in session.gate.findings
            }
            judged[row.participant.code, session.session] = gate.verdict
            assert gate.verdict == session.gate.verdict
    assert {"proceed", "stop"} <= set(judged.values())
    assert (computing.computed_root() / str(asked.pk) / "out" / "report.html").is_file()


def test_gates_judged_from_stored_doses_are_those_of_the_run(computed_site: Computation, folder_run: TrialRun) -> None:
    for one in folder_run.result.participants:
        source = gate_source(Participant.objects.get(code=one.participant_id))
        for session in one.sessions:
            gate = source.judged(session.session)
            assert isinstance(gate, Gate)
            assert session.gate is not None
            assert [line["because"] for line in gate.content["lines"]] == [
                finding.because for finding in session.gate.findings
            ]
