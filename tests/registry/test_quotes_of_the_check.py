"""What a finding quotes: the words of the field it names, whole, with an ellipsis where they are cut."""

from __future__ import annotations

import gzip
import re
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from record_changes import with_changes, words

from theratrial.exchange.ictrp.stream import stream_ictrp
from theratrial.registry.check import check
from theratrial.registry.fields import field_of, value_at
from theratrial.registry.found import Finding
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Text

SEED = shipped_registration("IRCT20210612051548N3")
GOOD = shipped_registration("IRCT20240110000000N1")
TODAY = date(2026, 6, 9)
VARIED = Path(__file__).parents[1] / "fixtures" / "registry" / "varied.xml.gz"
INCLUSION, PARTICIPANTS = "eligibility.inclusion", "summary.participants"


def one_line(text: str) -> str:
    return " ".join(text.split())


def of_texts(record: RegistrationRecord) -> list[tuple[str, str, str]]:
    """Rule, quote and the field's words in both languages, of fields with words."""
    return [
        (found.rule, one_line(quote.text), one_line(f"{value.en} {value.fa}"))
        for found in check(record, today=TODAY)
        for quote in found.quotes
        if quote.path
        and field_of(quote.path).kind == "text"
        and isinstance(value := value_at(record, quote.path), Text)
    ]


def varied() -> list[RegistrationRecord]:
    return [one.record for one in stream_ictrp(BytesIO(gzip.decompress(VARIED.read_bytes())), today=TODAY)]


@pytest.mark.parametrize("record", [SEED, GOOD, *varied()[:12]], ids=lambda one: one.registration.number)
def test_every_quote_is_whole_words_of_its_field_and_empty_only_where_the_field_is(record):
    for rule, said, field in of_texts(record):
        assert bool(said) == bool(field), rule
        core = said.removeprefix("… ").removesuffix(" …")
        place = field.find(core)
        assert place >= 0, (rule, said)
        assert not (place and field[place - 1].isalnum() and core[:1].isalnum()), (rule, said)
        assert not (field[place + len(core) :][:1].isalnum() and core[-1:].isalnum()), (rule, said)


def only(record: RegistrationRecord, rule: str) -> Finding:
    (found,) = [one for one in check(record, today=date(2024, 6, 1)) if one.rule == rule]
    return found


def test_a_finding_on_what_the_criteria_lack_shows_their_beginning_not_that_they_are_empty():
    record = with_changes(
        GOOD, {INCLUSION: {"en": "Women\nAge ≥ 18 years\nBrain surgery"}, "eligibility.exclusion": "X"}
    )
    found = [one for one in check(record, today=TODAY) if one.rule == "criteria-detail-lacks"]
    assert found
    assert {one.text for each in found for one in each.quotes if one.path == INCLUSION} == {
        "Women Age ≥ 18 years Brain surgery"
    }


def test_two_limits_that_differ_are_quoted_as_they_stand_and_told_in_units_of_people():
    changes = {path: words("ECOG ≤ 2", "ECOG 0-1") for path in (PARTICIPANTS,)}
    changes[INCLUSION] = words("90 g/L", "100 g/L")
    record = with_changes(GOOD, changes)
    told = {one.message.en: one for one in check(record, today=TODAY) if one.rule == "criteria-limits-differ"}
    assert set(told) == {
        "ECOG performance status: the summary says ≤ 1, the criteria say ≤ 2",
        "haemoglobin: the summary says ≥ 90 g/L, the criteria say ≥ 100 g/L",
    }
    blood = told["haemoglobin: the summary says ≥ 90 g/L, the criteria say ≥ 100 g/L"]
    assert [one.text for one in blood.quotes] == ["hemoglobin ≥ 9 g/dL", "Hemoglobin ≥ 100 g/L"]
    assert blood.message.fa == "هموگلوبین: خلاصه «≥ 90 گرم در لیتر» و شرایط «≥ 100 گرم در لیتر» می‌گوید"
    assert not any(re.search(r"[a-z]_[a-z]", one.message.en + one.message.fa) for one in told.values())


@pytest.mark.parametrize("same", ["ECOG 0-2", "ECOG 0, 1 or 2", "ECOG < 3"])
def test_one_demand_in_other_words_is_no_difference(same):
    record = with_changes(GOOD, {PARTICIPANTS: words("ECOG ≤ 2", same)})
    assert "criteria-limits-differ" not in {one.rule for one in check(record, today=TODAY)}


def test_a_topic_that_excludes_here_and_is_asked_for_there_is_told_so_in_both_languages():
    record = with_changes(
        GOOD, {"eligibility.exclusion": words("Pregnancy or", "Near"), INCLUSION: words("ECOG", "Pregnancy\nECOG")}
    )
    found = only(record, "criteria-limits-differ")
    assert found.message.en == "pregnancy: the summary says it excludes, the criteria say it is asked for"
    assert found.message.fa == "بارداری: خلاصه «شرط عدم ورود است» و شرایط «شرط ورود است» می‌گوید"


def test_a_text_without_blanks_is_not_quoted_whole():
    record = with_changes(GOOD, {"summary.aim": {"en": "x" * 50_000 + "<br>" + "y" * 50_000}})
    found = only(record, "markup-in-text")
    assert len(found.quotes[0].text) < 300
