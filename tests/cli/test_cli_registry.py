"""`theratrial registry`: the seed's page in, findings, YAML, timing and differences out."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from theratrial.cli.registry import app
from theratrial.registry.reader import read_registration, shipped_registration

SEED, GOOD = "IRCT20210612051548N3", "IRCT20240110000000N1"
RUNNER = CliRunner()


def run(*arguments: str):
    return RUNNER.invoke(app, list(arguments))


@pytest.fixture
def page(shared):
    return str(shared / "seed" / f"{SEED}.txt")


def test_the_check_of_the_seeds_page_names_rules_quotes_and_sources(page):
    found = run("check", page, "--today", "2026-06-09", "--json")
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    assert said["format"] == "irct-text"
    assert said["unplaced"] == []
    rules = {one["rule"] for one in said["findings"]}
    assert {"status-without-dates", "outcome-is-no-outcome", "pet-of-no-positron-emitter"} <= rules
    assert all(one["message"]["fa"] and one["source"] for one in said["findings"])
    assert said["completeness"]["present"] < said["completeness"]["applicable"] <= 24


def test_the_check_speaks_persian_when_asked():
    found = run("check", SEED, "--today", "2026-06-09", "--language", "fa")
    assert "بیمارگیری پایان یافته است" in found.stdout


def test_an_import_writes_the_record_and_never_over_a_file(page, tmp_path):
    out = tmp_path / "record.yaml"
    assert "everything found its place" in run("import", page, "--out", str(out)).stdout
    assert read_registration(out) == shipped_registration(SEED)
    again = run("import", page, "--out", str(out))
    assert again.exit_code == 1
    assert "exists already" in str(again.exception)


def test_an_export_leaves_people_out_unless_asked(tmp_path):
    out = tmp_path / "public.yaml"
    assert run("export", SEED, "--to", "yaml", "--out", str(out)).exit_code == 0
    assert "example.org" not in out.read_text(encoding="utf-8")
    assert "example.org" in run("export", SEED, "--to", "yaml", "--contacts").stdout


def test_show_prints_labels_in_the_order_of_the_page():
    text = run("show", SEED).stdout
    assert (
        text.index("Study aim") < text.index("Recruitment status: Recruitment complete") < text.index("Analytic Code")
    )
    assert "name@example.org" not in text
    assert "وضعیت بیمار گیری: بیمارگیری تمام شده" in run("show", SEED, "--language", "fa").stdout


def test_timing_says_on_which_days_it_rests():
    assert "prospective (provisional): registered 2021-10-18" in run("timing", SEED).stdout


def test_a_difference_names_the_field_with_old_and_new(page, tmp_path):
    changed = tmp_path / "changed.txt"
    with open(page, encoding="utf-8") as source:
        changed.write_text(
            source.read().replace("Target sample size: **15**", "Target sample size: **20**"), encoding="utf-8"
        )
    (one,) = json.loads(run("diff", page, str(changed), "--json").stdout)
    assert (one["path"], one["old"], one["new"]) == ("recruitment.target_sample_size", "15", "20")
    assert "the records are the same" in run("diff", page, SEED).stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("registered_on: {gregorian: 2021-10-18, jalali: '1400/07/26'}", "registered_on: 2021-10-18", "as Gregorian"),
        ("  aim: 'The", "  aim:\n   fa: 'هدف'\n   en: 'The", "Persian: هدف"),
    ],
)
def test_what_differs_only_in_how_it_was_given_is_told_apart(old, new, said, tmp_path):
    record = tmp_path / "record.yaml"
    text = run("export", SEED, "--to", "yaml", "--contacts").stdout
    assert old in text
    record.write_text(text.replace(old, new), encoding="utf-8")
    (one,) = json.loads(run("diff", SEED, str(record), "--json").stdout)
    assert one["old"] != one["new"]
    assert said in one["new"]


def test_a_difference_in_a_contact_is_told_and_shown_only_when_asked_for(tmp_path):
    record = tmp_path / "record.yaml"
    text = run("export", GOOD, "--to", "yaml", "--contacts").stdout
    assert "coordinator@example.org" in text
    record.write_text(text.replace("coordinator@example.org", "another@example.org"), encoding="utf-8")
    for more in ((), ("--json",), ("--language", "fa")):
        told = run("diff", GOOD, str(record), *more).stdout
        assert "people.general_inquiries.email" in told
        assert "@example.org" not in told
        assert "--contacts" in told
    shown = run("diff", GOOD, str(record), "--contacts").stdout
    assert "- coordinator@example.org" in shown
    assert "+ another@example.org" in shown


def test_an_unknown_file_is_told_what_was_tried(tmp_path):
    odd = tmp_path / "odd.txt"
    odd.write_text("nothing of a registry", encoding="utf-8")
    found = run("check", str(odd))
    assert found.exit_code == 1
    assert "text of IRCT's page: only 0 labels" in str(found.exception)
    assert "YAML" in str(found.exception)
