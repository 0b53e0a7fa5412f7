"""Versions of a record as files: out and in again, and what is wrong with them told with file and remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import Problems
from theratrial.registry.history import History, Version
from theratrial.registry.history_files import (
    history_files,
    history_of_files,
    parse_version,
    version_file_name,
    version_yaml,
)
from theratrial.registry.reader import shipped_registration
from theratrial.registry.words import Text

TEHRAN = ZoneInfo("Asia/Tehran")
SEED = shipped_registration("IRCT20210612051548N3")


def version(number: int, *, title: str = "", sent_on: date | None = None) -> Version:
    record = SEED.model_copy(update={"public_title": Text(en=title)}) if title else SEED
    made_at = datetime(2022, 1, 1 + number, 10, 30, tzinfo=TEHRAN)
    return Version(number, record, made_at, "registrant1", Text(en=f"update {number}", fa="به‌روزرسانی"), sent_on)


def history(*more: Version) -> History:
    return History((version(0, sent_on=date(2022, 1, 2)), *more))


def test_versions_written_to_files_are_read_back_as_they_were() -> None:
    whole = history(version(1, title="A new title"), version(2, title="Another", sent_on=date(2022, 3, 1)))
    files = history_files(whole)
    assert list(files) == ["0000.yaml", "0001.yaml", "0002.yaml"]
    assert history_of_files(files, newest=whole.current.record) == whole


@given(reason=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=80))
def test_any_reason_comes_back_trimmed(reason: str) -> None:
    made = replace(version(3), reason=Text(en=reason))
    assert parse_version(version_yaml(made).encode(), "0003.yaml").reason == made.reason


def test_a_gap_and_a_wrong_name_are_told() -> None:
    files = history_files(history(version(1, title="A")))
    with pytest.raises(Problems, match=r"numbered 0, 1, 2 \.\.\. without a gap"):
        history_of_files({"0001.yaml": files["0001.yaml"]})
    with pytest.raises(Problems, match=r"registration_versions/0007\.yaml: holds version 1 -> name it 0001\.yaml"):
        history_of_files({"0000.yaml": files["0000.yaml"], "0007.yaml": files["0001.yaml"]})


def test_a_record_that_is_not_the_newest_version_is_refused() -> None:
    whole = history(version(1, title="A"))
    with pytest.raises(Problems, match="is not the record of version 1, the newest"):
        history_of_files(history_files(whole), newest=SEED)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("+03:30", "", "no offset"),
        ("author: registrant1", "author: ''", "an account or a function"),
        ("number: 0", "number: -1", "greater than or equal to 0"),
        ("number: 0", "number: 0\nextra: 1", "extra"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(old: str, new: str, says: str) -> None:
    text = version_yaml(version(0))
    assert old in text
    with pytest.raises(Problems, match=f"(?s)0000.yaml.*{says}"):
        parse_version(text.replace(old, new, 1).encode(), "registration_versions/0000.yaml")


def test_names_are_numbers_of_four_digits() -> None:
    assert version_file_name(12) == "0012.yaml"
