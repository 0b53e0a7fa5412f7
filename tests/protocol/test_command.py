"""`theratrial protocol check` and `show` as a person or a script meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from theratrial.cli.protocol import app
from theratrial.errors import InputError, Problems
from theratrial.protocol.reader import shipped_protocol_bytes

SEED = "IRCT20210612051548N3"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def with_open_conflict(tmp_path, seed_text):
    head, tail = seed_text.split("id: assessment_before_visit", 1)
    tail = tail.replace("status: demonstration", "status: open", 1)
    file = tmp_path / "protocol.yaml"
    file.write_text(head + "id: assessment_before_visit" + tail, encoding="utf-8")
    return file


def test_a_protocol_answered_for_the_demonstration_passes_but_may_not_start(run):
    done = run("check", SEED)
    assert done.exit_code == 0
    assert "do not allow a real trial to start" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 100
    values = json.loads(run("check", SEED, "--json").stdout)
    assert (values["can_run"], values["every_conflict_answered"], values["may_start_a_real_trial"]) == (
        True,
        True,
        False,
    )


def test_an_open_conflict_fails_and_shows_the_sentences_that_clash(run, with_open_conflict):
    for file in (with_open_conflict, with_open_conflict.parent):
        done = run("check", str(file))
        assert done.exit_code == 1
        text = " ".join(done.stdout.replace("|", " ").split())
        assert "“4-6 weeks after last treatment session” (Primary outcomes, Timepoint)" in text
        assert "“Six to eight weeks after the ¹⁷⁷Lu-Trastuzumab therapy, the patients will be visited" in text
        assert "1 open: the trial must not start" in text
    values = json.loads(run("check", str(with_open_conflict), "--json").stdout)
    (finding,) = [one for one in values["findings"] if one["severity"] == "open"]
    assert finding["sentences"][0]["where"] == "Primary outcomes, Timepoint"
    line = with_open_conflict.read_text(encoding="utf-8").splitlines()[finding["line"] - 1]
    assert line == "  - id: assessment_before_visit"


def test_an_error_fails_and_stands_with_its_line(run, tmp_path, seed_text):
    file = tmp_path / "p.yaml"
    file.write_text(seed_text.replace("analysis_set: full", "analysis_set: ful"), encoding="utf-8")
    done = run("check", str(file))
    assert done.exit_code == 1
    line = seed_text[: seed_text.index("analysis_set: full")].count("\n") + 1
    assert f"line {line}, endpoint.reading.analysis_set" in done.stdout.replace("\n  ", " ")
    assert "did you mean 'full'?" in done.stdout.replace("\n  ", " ")


def test_a_protocol_without_assumptions_says_so(run):
    done = run("check", str(Path(__file__).parent.parent / "fixtures" / "protocols" / "second.yaml"))
    assert done.exit_code == 0
    assert "nothing rests on an assumption" in done.stdout


def test_show_sets_text_reading_and_decision_side_by_side(run):
    text = run("show", SEED, "safety_gate").stdout
    assert "verbatim" in text
    assert "if" in text
    assert "maximum_grade 2" in text
    assert "demonstration" in text
    assert "conflicts: cumulative_dose, meaning_of_toxicity" in text
    assert max(map(len, text.splitlines())) <= 100
    whole = run("show", SEED)
    assert whole.exit_code == 0
    assert "conflicts.assessment_before_visit" in whole.stdout
    values = json.loads(run("show", SEED, "eligibility", "--json").stdout)
    assert values["eligibility.age"]["reading"]["condition"] == "age_years >= 18"
    assert json.loads(run("show", SEED, "variables.ecog", "--json").stdout)["variables"][0]["where"] == {"item": "ecog"}


def test_what_cannot_be_shown_is_an_input_error_with_a_suggestion(run, tmp_path):
    assert isinstance(run("show", SEED, "elegibility.age").exception, InputError)
    assert "did you mean 'eligibility.age'" in str(run("show", SEED, "elegibility.age").exception)
    assert "no protocol of that name is shipped" in str(run("check", str(tmp_path / "none.yaml")).exception)
    assert "no protocol of that name is shipped" in str(run("check", "IRCT1").exception)
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"a: [")
    assert isinstance(run("check", str(bad)).exception, Problems)


def test_a_shipped_file_copied_into_a_folder_reads_the_same(run, tmp_path):
    (tmp_path / "protocol.yaml").write_bytes(shipped_protocol_bytes(SEED))
    assert run("show", str(tmp_path), "endpoint").stdout == run("show", SEED, "endpoint").stdout
