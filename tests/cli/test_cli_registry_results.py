"""`theratrial registry results` and `export --results`, as the shell calls them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.registry.reported_example import SEED, primary, reported

from theratrial.cli import main
from theratrial.pipeline.registry_files import REGISTRY_RESULTS, reported_text
from theratrial.registry.reader import parse_registration
from theratrial.trace import file_hash


def made(place: Path, **changes: Any) -> Path:
    """A folder of results, as far as registries read it; its trial folder is gone."""
    place.mkdir()
    (place / REGISTRY_RESULTS).write_text(reported_text(reported(**changes)))
    outputs = {REGISTRY_RESULTS: file_hash(place / REGISTRY_RESULTS)}
    (place / "run.json").write_text(json.dumps({"trial_folder": "../gone", "outputs": outputs}))
    return place


@pytest.fixture
def call(monkeypatch, capfd):
    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["theratrial", "registry", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_results_are_shown_with_what_is_not_as_registered(call, tmp_path):
    code, out, _ = call("results", made(tmp_path / "out"))
    assert code == 0
    assert "10 of 15: 66.7 %, 95 % confidence interval 38.4 to 88.2" in out
    assert "switched  Numbe of treated breast cancer patients" in out
    assert "registered: Numbe of treated breast cancer patients" in out


def test_results_are_shown_in_persian(call, tmp_path):
    _, out, _ = call("results", made(tmp_path / "out"), "--language", "fa")
    assert "۱۰ از ۱۵: ۶۶٫۷٪" in out
    assert "جز آنچه ثبت شده گزارش شد" in out


def test_results_as_json_hold_every_comparison(call, tmp_path):
    _, out, _ = call("results", made(tmp_path / "out"), "--json")
    tree = json.loads(out)
    assert tree["reported"]["flow"]["started"] == 15
    assert [(one["kind"], one["differs"]) for one in tree["outcomes_compared"]] == [("switched", ["measure"])]


def test_a_study_with_results_is_written(call, tmp_path):
    code, out, _ = call("results", made(tmp_path / "out"), "--to", "ctgov-json")
    assert code == 0
    study = json.loads(out)
    assert study["hasResults"] is True
    assert study["protocolSection"]["identificationModule"]["orgStudyIdInfo"]["id"]


@pytest.mark.parametrize(
    "words", [("results", "{out}", "--to", "plain-html"), ("export", SEED, "--results", "{out}", "--to", "yaml")]
)
def test_data_that_are_not_locked_leave_only_as_a_draft(call, tmp_path, words):
    out = made(tmp_path / "out", locked=False)
    given = [str(out) if one == "{out}" else one for one in words]
    code, _, err = call(*given)
    assert code != 0
    assert "not locked" in err
    assert "--draft" in err
    code, text, _ = call(*given, "--draft")
    assert code == 0
    assert "Draft: the data were not locked" in text


def test_the_record_is_written_with_its_results(call, tmp_path):
    target = tmp_path / "record.yaml"
    code, _, _ = call("export", SEED, "--results", made(tmp_path / "out"), "--to", "yaml", "--out", target)
    assert code == 0
    record = parse_registration(target.read_bytes())
    assert "Screened: 19." in record.results.participant_flow.en
    assert "غربالگری‌شده: ۱۹" in record.results.participant_flow.fa
    assert not record.people.scientific_inquiries.email


def test_results_go_out_as_ictrp(call, tmp_path):
    code, out, _ = call("export", SEED, "--results", made(tmp_path / "out"), "--to", "ictrp-xml-131")
    assert code == 0
    assert "Deaths from any cause: 1 of 15" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", SEED, "--results", "{out}", "--to", "ictrp-xml"), "has no place for results"),
        (
            ("export", "IRCT20240110000000N1", "--results", "{out}", "--to", "yaml"),
            "the record is of IRCT20240110000000N1",
        ),
        (("results", "{out}", "--out", "x.html"), "say with --to"),
        (("results", "{out}", "--to", "yaml", "--language", "fa"), "no choice of language"),
        (("results", "{out}/nowhere"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(call, tmp_path, words, said):
    out = made(tmp_path / "out")
    code, _, err = call(*(one.replace("{out}", str(out)) for one in words))
    assert code != 0
    assert said in " ".join(err.split())


def test_results_that_do_not_add_up_are_not_shown(call, tmp_path):
    code, _, err = call("results", made(tmp_path / "out", outcomes=(primary(numerator=11),)))
    assert code != 0
    assert "do not add up" in " ".join(err.split())
