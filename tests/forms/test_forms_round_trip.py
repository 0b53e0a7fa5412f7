"""What a form accepts is what a trial folder reads, and what is stored comes back for editing as it was."""

from __future__ import annotations

import csv
import functools
import io
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theratrial.forms import Answer, answers_of, form_definition, form_ids, submission
from theratrial.forms.moments import persian
from theratrial.forms.stored import written_date, written_instant
from theratrial.protocol.reader import parse_protocol, shipped_protocol
from theratrial.trialfolder.cells import read_cell
from theratrial.trialfolder.checks import known_ids
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.reader import read_table

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = Path(__file__).resolve().parents[1] / "fixtures" / "protocols" / "second.yaml"
LETTERS = "abcXYZ019 .,;:()-_/'\"\nابپتچژگکیئءآٔ\u200c۰۵…²⁶⁸"


@functools.cache
def protocol(name):
    if name == "seed":
        return shipped_protocol("IRCT20210612051548N3")
    return parse_protocol(SECOND.read_bytes(), SECOND.name)


def zone(name):
    return ZoneInfo(protocol(name).identity.reading.timezone)


FORMS = [(name, form) for name in ("seed", "second") for form in form_ids(protocol(name))]


def is_text(text):
    try:
        return bool(text.strip()) and read_cell(text, table_column(), ZoneInfo("UTC")) == text.strip()
    except CellProblem:
        return False


@functools.cache
def table_column():
    from theratrial.trialfolder.tables import table

    return table("participants").column("note")


def bounds(definition, field):
    """A range in which nothing is doubted, and no two numbers of a form contradict each other."""
    if field.column == "upper_limit":
        return 91.0, 200.0
    if field.column == "lower_limit" or field.id.startswith(("residual_activity", "lesions_positive")):
        return 0.0, 0.0
    low = max(field.minimum or 0.0, 30.0 if definition.table.name == "laboratory" else 0.0)
    high = min(field.maximum or 1e4, 90.0 if definition.table.name == "laboratory" else 1e4)
    return min(low, high), high


def numbers(definition, field):
    low, high = bounds(definition, field)
    if field.type == "integer":
        return st.integers(int(low), int(high)).map(str)
    return st.floats(low, high).map(lambda number: repr(round(number, 6)))


def good_answer(definition, field, day, instant, where):
    script = st.sampled_from([str, persian])
    calendar = st.sampled_from(["gregorian", "jalali"])
    match field.type:
        case "number" | "integer":
            text = st.builds(lambda write, number: write(number), script, numbers(definition, field))
        case "date":
            text = st.builds(lambda write, kind: write(written_date(day, kind)), script, calendar)
        case "datetime":
            text = st.builds(lambda write, kind: write(written_instant(instant, where, kind)), script, calendar)
        case "flag":
            text = st.sampled_from(["yes", "no", "Yes", "true", "0", "بله", "خیر"])
        case "choice":
            # Drawn apart from what they must agree with (a fatal event is of grade 5, a lesion merged with
            # another): each alone could be refused.
            apart = {"fatal", "progressed", "absent", "tracer", "merged"}
            fitting = [choice for choice in field.choices if choice.value not in apart]
            text = st.sampled_from([word for choice in fitting for word in (choice.value, choice.label)])
        case _:
            is_id = definition.table.column(field.column).type == "id"
            name = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True).filter(is_text)
            text = name if is_id else st.text(LETTERS, min_size=1, max_size=30).filter(is_text)
    return text.map(Answer)


@st.composite
def good_answers(draw, name, form):
    definition = form_definition(protocol(name), form, draw(st.sampled_from(["en", "fa", "de"])))
    # One moment for the whole form: the order of two of them is another test's.
    instant = draw(st.datetimes(datetime(1990, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)))
    day = draw(st.dates(date(1990, 1, 1), date(2029, 1, 1)))
    answers = {}
    for field in definition.fields:
        if field.calculated is None and (field.required or field.shown_when is not None or draw(st.booleans())):
            answers[field.id] = draw(good_answer(definition, field, day, instant, zone(name)))
    return definition, answers


def complete(definition, answers):
    """Pairs that must both be filled or both be empty."""
    pairs = [("withdrawn_at", "withdrawal_kind"), ("first_given_on", "last_given_on")]
    pairs += [(field.id, field.shares_unit_with) for field in definition.fields if field.shares_unit_with]
    kept = dict(answers)
    for first, second in pairs:
        if (first in kept) != (second in kept):
            kept.pop(first, None)
            if not any(field.id == second and field.required for field in definition.fields):
                kept.pop(second, None)
    for first, second in pairs:
        if (first in kept) != (second in kept):
            kept.pop(first, None)
    if "timepoint" in kept and "role" in kept and definition.id == "lesion_reading":
        kept["role"] = Answer("target")
    return kept


def as_csv(definition, rows):
    text = io.StringIO()
    names = [column.name for column in definition.table.columns]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(dict(row.cells))
    return text.getvalue().encode()


def read_back(name, definition, rows):
    return read_table(as_csv(definition, rows), definition.table, zone(name), known_ids(protocol(name)))


@pytest.mark.parametrize(("name", "form"), FORMS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_every_form_can_be_filled_and_read_as_lines_of_a_trial_folder(name, form, data):
    definition, answers = data.draw(good_answers(name, form))
    found = submission(definition, complete(definition, answers), zone=zone(name), now=NOW, participant_id="P-001")
    assert found.problems == ()
    assert found.incomplete == ()
    assert found.rows
    rows, problems = read_back(name, definition, found.rows)
    assert problems == ()
    assert len(rows) == len(found.rows)


@pytest.mark.parametrize(("name", "form"), FORMS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_stored_rows_come_back_as_answers_that_store_the_same_rows(name, form, data):
    definition, answers = data.draw(good_answers(name, form))
    where = zone(name)
    first = submission(definition, complete(definition, answers), zone=where, now=NOW, participant_id="P-001")
    for calendar in ("gregorian", "jalali"):
        again = answers_of(definition, [row.cells for row in first.rows], zone=where, calendar=calendar)
        second = submission(definition, again, zone=where, now=NOW, participant_id="P-001")
        assert [row.cells for row in second.rows] == [row.cells for row in first.rows]
        assert second.values == first.values
        assert second.dropped == ()
        # Running the checks again over what is stored finds the same again, and no more.
        assert [(one.item, one.code) for one in second.queries] == [(one.item, one.code) for one in first.queries]
        assert second.undetermined == first.undetermined


JUNK = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["-1", "1e309", "0", "NaN", "=1+1", "na", "2022-03-05", "1400/12/14 09:30", "yes", "1,5", "٣"]),
)
UNITS = st.sampled_from(["", "", "", "g/dL", "GBq", "mg/dL", "cells/mm3", "°C", "\x00"])


@pytest.mark.parametrize(("name", "form"), FORMS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_whatever_is_typed_is_judged_and_what_is_called_complete_can_be_read(name, form, data):
    definition, answers = data.draw(good_answers(name, form))
    fields = [field.id for field in definition.fields]
    junk = data.draw(st.dictionaries(st.sampled_from(fields), st.builds(Answer, JUNK, UNITS), max_size=4))
    found = submission(definition, answers | junk, zone=zone(name), now=NOW, participant_id="P-001")
    if found.is_complete:
        assert read_back(name, definition, found.rows)[1] == ()
    elif found.may_be_saved:
        assert found.incomplete
    again = submission(definition, answers | junk, zone=zone(name), now=NOW, participant_id="P-001")
    assert again == found
