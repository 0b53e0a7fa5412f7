"""`theratrial registry check DUMP`: counts that add up, unreadable trials named, findings and figure written."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from theratrial.cli.registry import app
from theratrial.exchange.ictrp.write import ictrp_131
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import SummaryResults
from theratrial.registry.words import Coded

RUNNER = CliRunner()
FIXTURE = Path(__file__).parents[1] / "fixtures" / "registry" / "varied.xml.gz"
SHIPPED = shipped_registration("IRCT20240110000000N1")
# The day of its last update is no item of the data set; without it the status of a completed trial would be an error.
NOT_BEGUN = SHIPPED.recruitment.model_copy(
    update={
        "status": Coded(code="not_yet_recruiting"),
        **dict.fromkeys(("actual_start", "actual_end", "primary_completion", "trial_completion", "actual_sample_size")),
    }
)
GOOD = ictrp_131(SHIPPED.model_copy(update={"recruitment": NOT_BEGUN, "results": SummaryResults()}), contacts=True)
SEED = ictrp_131(shipped_registration("IRCT20210612051548N3"), contacts=True)


def check(path: Path, *more: str):
    return RUNNER.invoke(app, ["check", str(path), "--today", "2024-02-20", *more])


def dump(*wholes: bytes) -> bytes:
    trials = [one[one.index(b"  <trial>") : one.index(b"</trials>")] if b"<trials>" in one else one for one in wholes]
    return b"<trials>\n" + b"".join(trials) + b"</trials>\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "dump.xml"


def test_the_counts_are_those_of_the_findings_written_one_by_one(tmp_path):
    out = tmp_path / "findings.jsonl"
    found = check(FIXTURE, "--json", "--findings", str(out))
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    findings = [one for one in lines if "rule" in one]
    assert said["records"] == 44
    assert {one["rule"]: one["findings"] for one in said["rules"]} == Counter(one["rule"] for one in findings)
    by_rule = {one["rule"]: one["records"] for one in said["rules"]}
    assert by_rule == Counter(rule for rule, _ in {(one["rule"], one["trial"]) for one in findings})
    by_severity = Counter(severity for severity, _ in {(one["severity"], one["trial"]) for one in findings})
    assert said["records_by_severity"] == {name: by_severity[name] for name in ("error", "warning", "info")}
    assert said["unplaced"] == sum("unplaced" in one for one in lines)
    assert sum(said["completeness"]["records_by_tenth"]) == 44
    assert said["without_finding"] == 44 - len({one["trial"] for one in findings})
    assert all(one["message"]["en"] and one["message"]["fa"] and one["number"] is not None for one in findings)


def test_two_good_records_are_counted_as_such_and_the_answer_is_yes(path):
    path.write_bytes(dump(GOOD, GOOD))
    found = check(path, "--json")
    said = json.loads(found.stdout)
    assert said["records"] == 2
    assert said["records_by_severity"]["error"] == 0
    assert found.exit_code == 0


def test_a_trial_that_cannot_be_read_is_named_counted_and_makes_the_answer_no(path, tmp_path):
    path.write_bytes(dump(GOOD, b"<trial><moon/></trial>\n", GOOD))
    out = tmp_path / "findings.jsonl"
    found = check(path, "--findings", str(out))
    assert found.exit_code == 1
    assert "trial 2 cannot be read: line" in found.stdout
    assert "2 records: 0 with an error" in found.stdout
    assert "1 unreadable" in found.stdout
    told = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [one["trial"] for one in told if "unreadable" in one] == [2]
    persian = check(path, "--language", "fa")
    assert "کارآزمایی 2 خوانده نشد" in persian.stdout


def test_a_dump_that_breaks_off_is_counted_to_there_and_says_so(path):
    path.write_bytes(dump(GOOD, GOOD, SEED)[:-2000])
    found = check(path, "--json")
    said = json.loads(found.stdout)
    assert found.exit_code == 1
    assert (said["records"], said["unreadable"], said["read_to_the_end"]) == (2, 1, False)
    assert said["unreadable_trials"][0]["and_the_rest"]


def test_a_packed_dump_gives_what_the_same_gives_unpacked(path, tmp_path):
    path.write_bytes(dump(GOOD, SEED))
    packed = tmp_path / "dump.xml.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, other = (json.loads(check(one, "--json").stdout) for one in (path, packed))
    assert plain.pop("file") != other.pop("file")
    assert plain == other


@pytest.mark.parametrize(("language", "title"), [("en", "No secondary outcome is registered"), ("fa", "پیامد ثانویه")])
def test_the_figure_has_a_bar_for_every_rule_with_its_words(path, tmp_path, language, title):
    path.write_bytes(dump(GOOD, SEED))
    out = tmp_path / "figure.svg"
    found = check(path, "--figure", str(out), "--language", language)
    assert found.exit_code == 1, found.output
    drawn = out.read_text(encoding="utf-8")
    rules = json.loads(check(path, "--json").stdout)["rules"]
    assert len(rules) > 20
    assert all(f'id="{one["rule"]}"' in drawn for one in rules)
    assert title in drawn


def test_a_figure_of_another_kind_and_a_file_that_is_there_are_refused_before_anything_is_read(path, tmp_path):
    path.write_bytes(dump(GOOD, SEED))
    found = check(path, "--figure", str(tmp_path / "figure.jpg"))
    assert "ends in neither of .svg, .png" in str(found.exception)
    there = tmp_path / "there.jsonl"
    there.write_text("mine", encoding="utf-8")
    found = check(path, "--findings", str(there))
    assert "exists already" in str(found.exception)
    assert there.read_text(encoding="utf-8") == "mine"


def test_one_record_is_still_checked_as_one(path):
    path.write_bytes(SEED)
    assert "findings" in json.loads(check(path, "--json").stdout)


def test_many_trials_are_not_compared_with_one_protocol(path):
    path.write_bytes(dump(GOOD, SEED))
    assert "compare with one record" in str(check(path, "--protocol", "x.yaml").exception)
