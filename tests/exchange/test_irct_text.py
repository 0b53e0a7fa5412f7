"""A page of IRCT as text: every field and value of the seed arrives, and what does not belong is told."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.exchange.irct.text import read_irct_text
from theratrial.exchange.registry_files import read_registry_file
from theratrial.registry.difference import difference
from theratrial.registry.reader import shipped_registration

SEED = "IRCT20210612051548N3"
TODAY = date(2026, 6, 9)


@pytest.fixture(scope="module")
def page(shared) -> str:
    return (shared / "seed" / f"{SEED}.txt").read_text(encoding="utf-8")


def test_the_seeds_page_gives_the_shipped_record_and_nothing_is_left_over(page):
    found = read_irct_text(page, today=TODAY)
    assert found.unplaced == ()
    assert difference(shipped_registration(SEED), found.record) == ()
    assert found.record == shipped_registration(SEED)


def test_a_line_that_belongs_nowhere_is_told_with_its_place(page):
    line = page.count("\n", 0, page.index("Protocol summary")) + 1
    found = read_irct_text(page.replace("Protocol summary", "Follow us\n\nProtocol summary", 1), today=TODAY)
    (stray,) = found.unplaced
    assert (stray.where, stray.value) == (f"line {line}", "Follow us")


def test_a_garbled_date_is_told_and_not_taken(page):
    found = read_irct_text(page.replace("2022-01-21, 1400/11/01", "2641-06-14"), today=TODAY)
    (one,) = found.unplaced
    assert one.name == "Expected recruitment start date"
    assert one.suggestion == "2020-03-24"
    assert found.record.recruitment.expected_start is None


def test_words_that_fit_no_code_are_kept_as_words(page):
    found = read_irct_text(page.replace("Recruitment complete", "Recruiting by invitation"), today=TODAY)
    status = found.record.recruitment.status
    assert (status.code, status.text.en) == ("", "Recruiting by invitation")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_the_encoding_of_a_page_is_found_with_or_without_its_first_mark(page, encoding):
    found = read_registry_file(page.encode(encoding), "page.txt", today=TODAY)
    assert (found.record, found.unplaced) == (shipped_registration(SEED), ())


@pytest.mark.parametrize("mark", ["**", "$nothing$"])
def test_labels_that_lost_the_mark_between_them_are_still_labels(page, mark):
    found = read_irct_text(page.replace(mark, ""), today=TODAY)
    assert (found.record, found.unplaced) == (shipped_registration(SEED), ())


@pytest.mark.parametrize(
    ("last", "lacking"),
    [("Health conditions studied", "Secondary outcomes"), ("Sharing plan", "Sharing plan"), ("Phase", "Sponsors")],
)
def test_a_copy_that_ends_early_says_what_it_lacks(page, last, lacking):
    cut = page[: page.index(last)]
    (told,) = [one for one in read_irct_text(cut, today=TODAY).unplaced if one.name == "end of the page"]
    assert lacking in told.value
    assert told.where == f"line {len(cut.splitlines())}"


def test_a_second_committee_is_a_second_entry(page):
    start = page.index("Name of ethics committee")
    end = page.index("Health conditions studied")
    entry = page[start:end]
    text = page[:end] + "2\n\nEthics committee\n\n" + entry.replace("2021-06-27, 1400/04/06", "2021-07-01") + page[end:]
    found = read_irct_text(text, today=TODAY)
    assert [one.approved_on.gregorian.isoformat() for one in found.record.ethics] == ["2021-06-27", "2021-07-01"]
    assert found.unplaced == ()


@pytest.mark.parametrize("text", ["", "hello", "Design\n\nDesign\n\n" * 3, "Phone\n" * 50])
def test_what_is_no_page_of_the_registry_is_refused(text):
    with pytest.raises(InputError, match="labels of IRCT's page"):
        read_irct_text(text, today=TODAY)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_page_with_lines_lost_or_turned_round_is_read_or_refused(page, data):
    lines = page.splitlines()
    kept = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=300))
    try:
        found = read_irct_text("\n".join(lines[index] for index in kept), today=TODAY)
    except InputError:
        return
    assert found.record is not None
