"""The check made fast finds what it found when it was slow, and the searches behind it match what `re` matches."""

from __future__ import annotations

import gzip
import json
import re
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.exchange.ictrp.stream import stream_ictrp
from theratrial.registry import needles, readings
from theratrial.registry.check import check
from theratrial.registry.completeness import completeness
from theratrial.registry.rules import answers, outcomes, treatment, words

FIXTURES = Path(__file__).parents[1] / "fixtures" / "registry"
TODAY = date(2026, 6, 9)


def test_the_findings_of_44_varied_records_are_those_of_the_check_before_it_was_made_fast():
    """`varied_findings.json` was written by the code of commit 01941b0; limits were compared anew since, on purpose."""
    stored = json.loads((FIXTURES / "varied_findings.json").read_text(encoding="utf-8"))
    packed = gzip.decompress((FIXTURES / "varied.xml.gz").read_bytes())
    records = list(stream_ictrp(BytesIO(packed), today=TODAY))
    assert len(records) == len(stored["records"]) == 44
    for read, expected in zip(records, stored["records"], strict=True):
        found = check(read.record, today=TODAY, unplaced=read.unplaced)
        score = completeness(read.record, today=TODAY)
        said = [f"{one.rule} {one.path}" for one in found if one.rule in stored["rules"]]
        assert said == expected["findings"], read.record.registration.number
        assert (score.present, score.applicable) == (expected["present"], expected["applicable"])
        assert len(read.unplaced) == expected["unplaced"]


def searched() -> dict[str, needles.Words]:
    found = {f"topic {one.id}": one.words for one in readings.topics().values()}
    for module in (answers, outcomes, treatment, words, readings):
        for name, value in vars(module).items():
            if isinstance(value, needles.Words):
                found[f"{module.__name__}.{name}"] = value
    found |= {f"limit {sign} {index}": one for index, (one, sign) in enumerate(readings._BESIDE)}
    found |= {f"unit {sign}": one for one, sign in readings._WRITTEN_UNITS}
    return found


SEARCHED = searched()
PIECES = sorted({one for each in SEARCHED.values() for other in each.alternatives for one in other.needles})
LETTERS = ["İ", "ı", "ſ", "\u212a", "ß", "µ", "μ", "\u200c"]
SIGNS = [*LETTERS, "≥", "<", "۱۸", "177", "68", "\n", ";", ".", ",", "-", "5 k/µl", "(ii)"]
TEXTS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.sampled_from(SIGNS), st.sampled_from("aszkiهد 0129\t"), st.just(" ")),
    max_size=12,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.booleans())
def test_a_search_by_needles_matches_exactly_what_the_pattern_matches(text, capitals):
    text = text.upper() if capitals else text
    small = needles.folded(text)
    for name, one in SEARCHED.items():
        expected = [match.span() for match in one.pattern.finditer(text)]
        assert [match.span() for match in one.finditer(text, small)] == expected, (name, text)
        first = one.search(text)
        assert (first.span() if first else None) == (expected[0] if expected else None), (name, text)
        if len(small) == len(text):
            assert one.within(small) == bool(expected), (name, text)


def test_every_pattern_that_is_searched_has_needles():
    """Without, it would be searched in every text; the benchmark would tell, but late."""
    assert len(SEARCHED) > 50
    without = {name for name, one in SEARCHED.items() if any(not other.needles for other in one.alternatives)}
    assert without == set()


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"abc|de?f|g[hi]jk", {"abc", "d", "jk"}),
        (r"\bab+c\b", {"ab"}),
        (r"(?:ab|cd){2}x?", {"ab", "cd"}),
        (r"(?:ab|cd)?", set()),
        (r"(?<=\d) ?k(?= ?/)", {"k"}),
        (r"a{0,3}bc{2}", {"bc"}),
        (r"[^|)]\|x", {"|x"}),
        (r"abc|bc", {"bc"}),
    ],
)
def test_needles_are_pieces_that_no_match_lacks(pattern, found):
    assert needles.needles(pattern) == found


def test_a_capital_in_a_pattern_is_refused_because_texts_are_folded():
    with pytest.raises(AssertionError, match="capitals"):
        needles.sought("PET")
    assert needles.sought(r"\bpet\b").search("by PET.")[0] == "PET"


def test_the_fixture_has_records_of_both_dialects_and_both_languages():
    packed = gzip.decompress((FIXTURES / "varied.xml.gz").read_bytes())
    assert len(re.findall(b"<Trial>", packed)) == 12
    assert len(re.findall(b"<trial>", packed)) == 32
    assert "بیمار".encode() in packed


UNITS = "میلی;گرم; در ; بر ;هر ;دسی;لیتر;متر;مکعب;میکرو;سلول ;عدد ;میلیارد;هزار;thousand;k; /;/L;mm^3;ß;İ;. ;10 ;7;۵; "
WRITTEN = st.lists(st.sampled_from(UNITS.split(";")), max_size=14).map("".join)


@settings(max_examples=500, deadline=None)
@given(WRITTEN)
def test_units_in_words_are_written_as_they_are_where_each_pattern_is_tried_everywhere(text):
    for sign, plain_sign in readings._DIGITS:
        text = text.replace(sign, plain_sign)
    expected = text = " ".join(text.split())
    for unit, sign in readings._WRITTEN_UNITS:
        expected = unit.pattern.sub(sign, expected)
    found, small = readings.plain_and_folded(text)
    assert found == expected
    assert small == needles.folded(found)
