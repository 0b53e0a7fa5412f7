"""Results as the summary results of a record: prose in both languages, and what must not be said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from tests.registry.reported_example import SEED, any_reported, primary, reported

from theratrial.errors import InputError
from theratrial.exchange.ictrp.read import read_ictrp
from theratrial.exchange.ictrp.write import ictrp_131
from theratrial.registry.check import check
from theratrial.registry.found import Sentence
from theratrial.registry.reader import parse_registration, registration_yaml, shipped_registration
from theratrial.registry.results_fields import adverse_text, baseline_text, outcome_line, summary_results, with_results
from theratrial.registry.results_words import mean_and_spread, number, persian_numerals

RECORD = shipped_registration(SEED)
PARTS = ("summary", "participant_flow", "baseline", "outcome_measures", "adverse_events")


def test_the_primary_outcome_is_told_with_its_interval_and_its_method():
    """Clopper-Pearson, 95 %, 10 of 15: .3838-.8818 (table for n = 15)."""
    line = outcome_line(primary(), "en")
    assert "10 of 15: 66.7 %, 95 % confidence interval 38.4 to 88.2, exact (Clopper-Pearson)" in line
    persian = persian_numerals(outcome_line(primary(), "fa"))
    assert "۱۰ از ۱۵: ۶۶٫۷٪، بازهٔ اطمینان ۹۵٪ ۳۸٫۴ تا ۸۸٫۲" in persian


def test_a_record_with_results_lacks_no_part_of_them_for_the_check():
    filled = with_results(RECORD, reported())
    assert all(getattr(filled.results, name).en and getattr(filled.results, name).fa for name in PARTS)
    rules = {one.rule for one in check(filled, today=date(2026, 6, 9))}
    assert "results-incomplete" not in rules
    assert "results-absent" not in rules
    assert "results-absent" in {one.rule for one in check(RECORD, today=date(2026, 6, 9))}


def test_dates_and_addresses_of_results_stay_those_of_the_record():
    given_ = RECORD.model_copy(
        update={"results": RECORD.results.model_copy(update={"urls": ("https://example.org/r",)})}
    )
    told = summary_results(reported(), given_)
    assert told.urls == ("https://example.org/r",)
    assert told.posted_on is None


def test_results_travel_as_ictrp_and_as_yaml():
    filled = with_results(RECORD, reported())
    (found,) = read_ictrp(ictrp_131(filled), today=date(2026, 6, 9))
    assert found.record.results == filled.results
    assert parse_registration(registration_yaml(filled).encode()).results == filled.results


def test_a_draft_says_that_it_is_one_in_both_languages():
    with pytest.raises(InputError, match="not locked"):
        with_results(RECORD, reported(locked=False))
    told = summary_results(reported(locked=False, simulated=True), RECORD, draft=True).summary
    assert "must not be registered" in told.en
    assert "نباید ثبت شود" in told.fa
    assert "virtual" in told.en
    assert "مجازی" in told.fa


def test_deaths_that_are_not_known_are_no_number():
    unknown = reported(adverse=replace(reported().adverse, deaths=None))
    assert "Deaths from any cause: not fully recorded" in adverse_text(unknown, "en")
    assert "Deaths from any cause: 1 of 15" in adverse_text(reported(), "en")


def test_who_has_no_value_is_counted_beside_the_mean():
    assert "mean 53.6 years, standard deviation 11.3, median 52, range 34 to 68 (n = 14, without a value: 1)" in (
        baseline_text(reported(), "en")
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(results=any_reported())
def test_any_results_fill_a_record_that_can_be_written_and_read(results):
    filled = with_results(RECORD, replace(results, number=SEED), draft=True)
    assert parse_registration(registration_yaml(filled).encode()).results == filled.results


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (15.0, "15"), (1234.5, "1234"), (0.012345, "0.0123"), (-2.5, "-2.50"), (1e-9, "0.00000000100")],
)
def test_numbers_are_written_with_three_telling_digits_and_never_with_powers(value, words):
    assert number(value) == words


def test_mean_and_spread_have_the_same_decimals():
    assert mean_and_spread(160.8667, 4.5335) == ("160.87", "4.53")
    assert mean_and_spread(4.157, 1.0023) == ("4.16", "1.00")
    assert mean_and_spread(7.0, None) == ("7", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("درجهٔ 3 از 15", "درجهٔ ۳ از ۱۵"),
        ("66.7٪", "۶۶٫۷٪"),
        ("HER2 و 10^9/L", "HER2 و 10^9/L"),
        ("2023-06-21 و 1402/03/31", "2023-06-21 و 1402/03/31"),
        ("نسخهٔ 0.1.0", "نسخهٔ 0.1.0"),
        ("CTCAE 5.0", "CTCAE ۵٫۰"),
    ],
)
def test_numbers_in_persian_text_are_persian_and_names_stay(text, shown):
    assert persian_numerals(text) == shown


def test_a_sentence_without_persian_is_said_in_english_rather_than_not():
    assert "Only English" in outcome_line(primary(title=Sentence("Only English")), "fa")
