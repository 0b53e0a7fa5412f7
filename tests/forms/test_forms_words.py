"""The shipped protocol speaks both of the trial's languages, and forms know what other records say."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from forms_cast import NOW, TEHRAN

from theratrial.errors import InputError
from theratrial.forms import Answer, form_definition, form_ids, outside_values, submission
from theratrial.protocol.findings import readings
from theratrial.trialfolder.records import Row
from theratrial.trialfolder.tables import table


def persian_words(seed):
    for group in ("schedule", "imaging", "forms", "eligibility"):
        for key, value in readings(getattr(seed, group)).items():
            yield f"{group}.{key}", value.titles.get("fa", "")
    for key, form in readings(seed.forms).items():
        for item in form.items:
            yield f"{key}.{item.id}", item.labels.get("fa", "")
            for choice in item.choices:
                yield f"{key}.{item.id}.{choice}", item.choice_labels.get("fa", {}).get(choice, "")
    for variable in seed.variables:
        yield variable.id, variable.labels.get("fa", "")
    for check in seed.edit_checks:
        yield check.id, check.messages.get("fa", "")


def test_every_word_of_the_interface_has_its_persian(seed):
    words = dict(persian_words(seed))
    assert len(words) > 200
    assert [place for place, text in words.items() if not re.search("[\u0600-\u06ff]", text)] == []


def test_persian_is_written_with_persian_letters_and_digits(seed):
    # Arabic yeh and kaf look alike and sort and search differently.
    arabic = [place for place, text in persian_words(seed) if re.search("[\u064a\u0643\u0660-\u0669]", text)]
    assert arabic == []


def test_a_form_is_drawn_in_the_language_asked_for_or_in_english(seed):
    assert form_definition(seed, "laboratory", "fa").title == "نتایج آزمایشگاه"
    assert form_definition(seed, "laboratory", "de").title == "Laboratory results"
    result = form_definition(seed, "biodistribution_read").field("result")
    assert [(choice.value, choice.label) for choice in result.choices][1] == ("unexpected", "Altered")


def test_the_verbatim_sentences_stay_as_registered(seed):
    texts = [sentence.text for clause in seed.eligibility.values() for sentence in clause.verbatim]
    assert texts
    assert not any(re.search("[\u0600-\u06ff]", text) for text in texts)


def test_the_laboratory_form_keeps_result_and_limits_of_a_test_in_one_row(seed):
    definition = form_definition(seed, "laboratory")
    assert definition.groups[:2] == ("test=neutrophils", "test=platelets")
    assert len(definition.groups) == 9
    limits = [field for field in definition.fields if field.shares_unit_with]
    assert len(limits) == 18
    assert all(field.group == definition.field(field.shares_unit_with).group for field in limits)


def test_a_form_that_is_none_is_refused_with_those_that_are(seed):
    with pytest.raises(InputError, match="adverse_event"):
        form_definition(seed, "vital_signs")
    assert "administration" in form_ids(seed)


class Records:
    """Rows of record tables in memory."""

    def __init__(self, **tables):
        self.tables = {
            name: [
                Row(name, line, {column.name: None for column in table(name).columns} | values)
                for line, values in enumerate(rows, start=2)
            ]
            for name, rows in tables.items()
        }

    def rows(self, name, **where):
        rows = self.tables.get(name, [])
        return [row for row in rows if all(row[column] == value for column, value in where.items())]


def consent(day, **more):
    return {"participant_id": "P-001", "signed_at": datetime(2022, 2, day, 10, tzinfo=UTC), **more}


def test_checks_take_the_earliest_consent_and_the_screening_weight_of_this_participant(seed):
    definition = form_definition(seed, "administration")
    assert set(definition.outside_names) == {"consent_signed_at", "screening_weight_kg"}
    records = Records(
        consents=[consent(9), consent(3), consent(1, participant_id="P-002")],
        participants=[
            {"participant_id": "P-001", "screened_on": date(2022, 2, 1), "weight_kg": 70.0},
            {"participant_id": "P-002", "screened_on": date(2022, 2, 1), "weight_kg": 50.0},
        ],
    )
    values = outside_values(definition, seed, records, "P-001", NOW)
    assert values == {"consent_signed_at": datetime(2022, 2, 3, 10, tzinfo=UTC), "screening_weight_kg": 70.0}
    answers = {"weight_kg": Answer("50"), "injected_at": Answer("2022-02-02 10:00")}
    found = submission(definition, answers, zone=TEHRAN, now=NOW, others=values)
    assert {issue.code for issue in found.queries} == {"weight_near_screening", "injected_after_consent"}


def test_a_value_that_no_record_holds_is_left_out(seed):
    definition = form_definition(seed, "administration")
    assert outside_values(definition, seed, Records(), "P-001", NOW) == {}
