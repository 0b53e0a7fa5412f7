"""Whatever the facts: an update makes the record true, every proposal has a cause, and every sentence is whole."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.registry.codes import code_list
from theratrial.registry.conscience import owed, updated
from theratrial.registry.duties import DUTIES
from theratrial.registry.fields import value_at
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.trial_facts import Fact, TrialFacts
from theratrial.registry.words import Coded, RecordDate

RECORDS = [shipped_registration(name) for name in ("IRCT20210612051548N3", "IRCT20240110000000N1")]
BEGIN = date(2021, 6, 1)
DAYS = st.integers(0, 1500).map(lambda days: BEGIN + timedelta(days=days))
PRECISION = st.sampled_from(["day", "month", "year"])


@st.composite
def facts(draw: st.DrawFn) -> TrialFacts:
    """A state that a trial can be in: counts that fit each other, days in their order."""
    enrolled = draw(st.integers(0, 30))
    days = sorted(draw(st.lists(DAYS, min_size=6, max_size=6)))

    def fact(day: date, table: str) -> Fact | None:
        return Fact(day, f"{table}: P01, {day.isoformat()}") if enrolled else None

    return TrialFacts(
        as_of=days[5],
        first_consent=fact(days[0], "consents"),
        last_enrolment=fact(days[0] if enrolled == 1 else days[1], "consents"),
        first_administration=fact(days[2], "administrations"),
        last_administration=fact(days[3], "administrations"),
        last_visit=fact(days[4], "visits"),
        last_primary_outcome=fact(days[4], "visits") if draw(st.booleans()) else None,
        screened=enrolled + draw(st.integers(0, 5)),
        enrolled=enrolled,
        treated=enrolled,
        assessed=draw(st.integers(0, enrolled)),
        in_treatment_or_follow_up=draw(st.sampled_from([0, enrolled])),
        target_sample_size=draw(st.sampled_from([None, 10, 15, 24])),
        stopped_early=draw(st.integers(0, 9)) == 0,
        data_locked=draw(st.integers(0, 9)) == 0,
        sites=draw(st.sampled_from([(), ("site_01",), ("site_01", "site_02"), ("Example Hospital", "Another Place")])),
        simulated=draw(st.booleans()),
    )


@st.composite
def records(draw: st.DrawFn) -> RegistrationRecord:
    record = draw(st.sampled_from(RECORDS))
    changes: dict[str, Any] = {"status": Coded(code=draw(st.sampled_from(["", *code_list("recruitment_status")])))}
    for name in ("expected_end", "actual_start", "actual_end", "primary_completion", "trial_completion"):
        given_ = draw(st.none() | st.builds(RecordDate, gregorian=DAYS, precision=PRECISION))
        changes[name] = given_
    changes["actual_sample_size"] = draw(st.none() | st.integers(0, 30))
    return record.model_copy(update={"recruitment": record.recruitment.model_copy(update=changes)})


@settings(max_examples=400, deadline=None)
@given(record=records(), state=facts(), later=st.integers(0, 900))
def test_the_updated_record_is_true_and_every_proposal_has_its_reason(
    record: RegistrationRecord, state: TrialFacts, later: int
) -> None:
    today = state.as_of + timedelta(days=later)
    found = owed(record, state, today=today)
    new = updated(record, found.proposals)
    again = owed(new, state, today=today)
    assert again.proposals == (), [(one.path, one.old, one.new) for one in again.proposals]
    registered = record.registration.registered_on
    assert registered is not None
    for one in found.proposals:
        assert one.old != one.new
        assert one.old == value_at(record, one.path)
        assert one.since >= registered.gregorian
        assert one.rule in DUTIES
        assert one.overdue_days == max(0, (today - one.due).days)
        assert re.search("[\u0600-\u06ff]", one.evidence.fa)
        assert one.evidence.en
    for sentence in (*found.undetermined, *(duty.because for duty in found.duties)):
        assert sentence.en
        assert re.search("[\u0600-\u06ff]", sentence.fa)
    assert bool(found.reason.en) == bool(found.reason.fa) == bool(found.proposals)
    assert "P01" not in found.reason.en + found.reason.fa
    dues = [duty.due for duty in found.duties]
    assert dues == sorted(dues)
    assert (found.last_true is None) == (found.days_since_true is None)
    assert again.last_true is None or again.undetermined or again.days_since_true == 0
