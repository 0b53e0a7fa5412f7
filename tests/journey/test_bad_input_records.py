"""Records and protocols that may not be used: file, line, column and remedy of every fault, all at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from theratrial.errors import InputError, Problems
from theratrial.pipeline.trial import trial_run
from theratrial.trialfolder import read_folder

Edit = Callable[[str, Callable[[str], str]], None]


def _problems(folder: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        trial_run(folder)
    return [str(problem) for problem in caught.value.problems]


def _swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def _sub(pattern: str, new: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"(?m){pattern}", new, text, count=1)


_THERAPY = r"^(P01,lu177_trastuzumab,1,,[^,]*,)([^,]*),([^,]*),([^,]*),"


@pytest.mark.parametrize(
    ("table", "how", "said"),
    [
        (
            "administrations",
            _sub(_THERAPY, r'\1\2,"1535,5",\4,'),
            r"line \d+, column measured_activity_MBq: '1535,5' has a decimal comma -> write a decimal point: 1535.5",
        ),
        (
            "administrations",
            _sub(_THERAPY, r"\1\2,\3,2022-02-30T10:00,"),
            r"line \d+, column measured_at: '2022-02-30' is not a date: 2022-02 has the days 1 to 28",
        ),
        (
            "participants",
            _sub(r"^(P01,site_01),[^,]*", r"\1,1400-11-02"),
            r"line 2, column screened_on: '1400-11-02' looks like a Jalali date.* -> write 2022-01-22",
        ),
        (
            "administrations",
            _sub(r"^(P01,lu177_trastuzumab,1,,)[^,]*", r"\1LU177-P01-S9"),
            r"column batch_id: 'LU177-P01-S9' is not a batch of batches.csv -> .*LU177-P01-S1",
        ),
        (
            "administrations",
            _sub(_THERAPY, r"\1\2,\3,2022-06-30T10:00,"),
            r"column injected_at: .* is before or below measured_at .* -> correct one of them",
        ),
        (
            "administrations",
            _sub(r"^(P01,lu177_trastuzumab),1,", r"\1,7,"),
            r"line \d+, column session: says session 7, but by its injection \(.*\) it is session 1 of P01 -> correct",
        ),
        (
            "administrations",
            _sub(r"^(P01,lu177_trastuzumab,1,,)[^,]*", r"\1GA68-P01-B"),
            r"column batch_id: batch GA68-P01-B is of ga68_trastuzumab, but lu177_trastuzumab was injected -> correct",
        ),
        (
            "participants",
            lambda text: text + text.splitlines()[1] + "\n",
            r"participants.csv line \d+, column participant_id: repeats line 2 \(participant_id P01\) -> keep one",
        ),
    ],
    ids=[
        "decimal comma",
        "impossible date",
        "Jalali date",
        "unknown batch",
        "injection before its measurement",
        "session number out of order",
        "batch of another product",
        "two lines with one id",
    ],
)
def test_a_cell_that_cannot_be_is_named_with_line_column_and_remedy(
    table: str, how: Callable[[str], str], said: str, broken_trial: Path, edit: Edit
) -> None:
    edit(f"records/{table}.csv", how)
    (found,) = _problems(broken_trial)
    assert re.search(said, found), found


@pytest.mark.parametrize(
    ("encoding", "said"), [("cp1252", "line 2: is not UTF-8 .*windows-1252"), ("utf-16", "is UTF-16, not UTF-8")]
)
def test_another_encoding_is_named_with_what_to_save_as(encoding: str, said: str, broken_trial: Path) -> None:
    path = broken_trial / "records/adverse_events.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_bytes(f"{header}\nP01,Müdigkeit,5.0,1,2022-03-01,,no,related,,,,schön\n".encode(encoding))
    found = _problems(broken_trial)
    assert len(found) == 1, "one mistake, one problem"
    assert re.search(rf"records/adverse_events.csv.*{said}.* -> save it as CSV UTF-8", found[0])


def test_faults_of_records_protocol_and_registration_come_in_one_message(broken_trial: Path, edit: Edit) -> None:
    edit("records/participants.csv", _sub(r"^(P01,site_01),[^,]*", r"\1,someday"))
    edit("records/consents.csv", _sub(r"^(P02,[^,]*,[^,]*),[^,]*", r"\1,yesterday"))
    edit("protocol.yaml", _swap("    maximum_sessions:", "    maximum_sesions:"))
    edit("registration.yaml", _swap("scientific_title:", "scientific_titel:"))
    said = "\n".join(_problems(broken_trial))
    assert "records/participants.csv line 2, column screened_on" in said
    assert "records/consents.csv line" in said
    assert re.search(
        r"protocol.yaml line \d+, .*unknown key 'maximum_sesions' -> did you mean 'maximum_sessions'", said
    )
    assert re.search(r"registration.yaml line \d+, .*'scientific_titel'", said)


def test_two_calendars_of_the_registration_that_disagree_are_named(broken_trial: Path, edit: Edit) -> None:
    edit("registration.yaml", _sub(r"(jalali: ['\"]?)1400", r"\g<1>1399"))
    (found,) = _problems(broken_trial)
    assert re.search(r"registration.yaml line \d+", found)
    assert "1399" in found


def test_visits_that_count_from_each_other_are_named_as_a_circle(broken_trial: Path, edit: Edit) -> None:
    edit("protocol.yaml", _sub(r"^(\s+anchor: )last_administration", r"\1second"))
    edit("protocol.yaml", _swap("\nimaging:\n", _SECOND_VISIT + "\nimaging:\n"))
    said = "\n".join(_problems(broken_trial))
    assert re.search(r"protocol.yaml line \d+, schedule\.(second|response_assessment)", said)
    assert "the window counts from itself: second <- response_assessment <- second" in said
    assert "-> anchor one of them on screening" in said


_SECOND_VISIT = """
  second:
    reading: {id: second, title: Second, anchor: response_assessment, window_days: {minimum: 1, maximum: 2}}
    decision: {status: demonstration, why: made up for this test}
"""


@pytest.mark.parametrize("clause", ["sessions", "dosimetry", "response", "endpoint"])
def test_an_open_clause_that_the_walk_needs_is_refused_by_its_name(clause: str, broken_trial: Path, edit: Edit) -> None:
    edit("protocol.yaml", lambda text: _opened(text, clause))
    said = _problems(broken_trial)
    assert any(re.search(rf"protocol.yaml.*{clause}", one) for one in said), said


def _opened(text: str, clause: str) -> str:
    """The protocol with a clause's reading taken out and its decision open."""
    start = text.index(f"\n{clause}:\n") + 1
    end = re.compile(r"\n(?=[a-z_]+:)").search(text, start + 1)
    block = text[start : end.start() if end else len(text)]
    without = re.sub(r"(?ms)^  reading:.*?(?=^  \w|\Z)", "", block)
    opened = re.sub(r"(?ms)^  decision:.*", "", without).rstrip() + "\n  decision: {status: open}\n"
    return text.replace(block, opened)


def test_empty_tables_are_named_and_so_are_tables_with_a_header_only(broken_trial: Path) -> None:
    tables = sorted((broken_trial / "records").glob("*.csv"))
    for path in tables:
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    said = _problems(broken_trial)
    assert any("records/participants.csv: has no line" in one for one in said)
    assert any("'P01', who is not in records/participants.csv" in one for one in said)
    for path in tables:
        path.write_text("", encoding="utf-8")
    said = _problems(broken_trial)
    assert len(said) == len(tables)
    assert all("is empty" in one for one in said)


def test_a_new_folder_says_what_is_missing_first(tmp_path: Path, command: Callable[..., Any]) -> None:
    folder, out = tmp_path / "new", tmp_path / "out"
    made = command("init", folder)
    assert made.code == 0
    ran = command("run", folder, "--out", out)
    assert ran.code == 1
    for said in ("records/participants.csv: has no line", "records/consents.csv: has no line", "images: holds no file"):
        assert said in ran.err
    assert not out.exists()


def test_the_sound_folder_brings_its_registration_record_as_a_value(small_trial: Path) -> None:
    folder = read_folder(small_trial)
    assert folder.registration is not None
    assert folder.registration.registration.number == "IRCT20210612051548N3"


def test_a_folder_of_a_newer_format_is_refused_whole(broken_trial: Path) -> None:
    (broken_trial / "folder.yaml").write_text('schema_version: "9.0"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"9\.0 is newer than .* install a newer theratrial"):
        trial_run(broken_trial)
