"""Suspected unexpected serious reactions: whether they are owed within 7 or 15 days, and until when.

The times are those of ICH E2A, III B (7 calendar days after first knowledge, as complete a report as possible within 8
additional ones; 15 calendar days for the others), as quoted in a public learning card of the guideline; the print was
not reachable.
"""

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from adverse_cast import AWARE, NOW, PLAN, event, folder, report
from hypothesis import given
from hypothesis import strategies as st

from theratrial.cli import events
from theratrial.errors import InputError
from theratrial.pipeline.context import Context
from theratrial.pipeline.serious_events import serious_events, serious_events_at
from theratrial.protocol import reader
from theratrial.protocol.check import Surroundings, protocol_findings
from theratrial.protocol.plans.toxicity import ExpeditedReports, SeriousEvents
from theratrial.protocol.reader import protocol_hash, shipped_protocol
from theratrial.safety.adverse.expedited import end_of_day, suspicion

AUTHORITY = "regulatory authority"


def listed(now=NOW, reports=None, plan=PLAN, **changes):
    lines = [report(expected="no")] if reports is None else reports
    (found,) = serious_events_at(folder(plan, adverse_events=[event(**changes)], serious_reports=lines), "P01", now)
    return found


def clocks(found):
    return [(one.report, one.recipient, one.due_at.date() if one.due_at else None, one.state) for one in found]


def test_an_expected_or_an_unrelated_event_is_owed_to_no_authority():
    for changes, word in (({}, "not related"), ({"related": "related"}, "expected")):
        reports = [report(expected="yes" if changes else "no")]
        found = listed(reports=reports, **({"related": "not_related"} | changes)).expedited
        assert (found.verdict, found.reports) == ("not_due", ())
        assert word in found.because


def test_a_related_unexpected_event_that_endangers_nobodys_life_is_due_at_the_end_of_the_fifteenth_day():
    found = listed().expedited
    assert (found.verdict, found.urgent) == ("due", False)
    assert clocks(found.reports) == [("expedited", AUTHORITY, date(2024, 3, 26), "overdue")]
    assert listed(now=datetime(2024, 3, 26, 23, 59, tzinfo=AWARE.tzinfo)).expedited.reports[0].state == "owed"
    assert listed(now=datetime(2024, 3, 27, tzinfo=AWARE.tzinfo)).expedited.reports[0].state == "overdue"


@pytest.mark.parametrize(
    "changes",
    [
        {"seriousness": "Life-threatening"},
        {"seriousness": "hospital admission; fatal"},
        {"grade": 5, "outcome": "fatal", "seriousness": "hospital admission"},
        {"outcome": "fatal"},
        {"grade": 4},  # CTCAE prints "Life-threatening consequences" for it
        {"seriousness": None},
        {"seriousness": "looked bad"},
    ],
)
def test_fatal_life_threatening_and_what_may_be_it_is_due_in_seven_days_and_complete_in_eight_more(changes):
    found = listed(**changes).expedited
    assert found.urgent
    assert clocks(found.reports) == [
        ("expedited", AUTHORITY, date(2024, 3, 18), "overdue"),
        ("expedited_follow_up", AUTHORITY, date(2024, 3, 26), "overdue"),
    ]


@pytest.mark.parametrize(
    ("changes", "reports", "word"),
    [
        ({}, [report(expected=None)], "expected is not known"),
        ({}, [report(expected="not_known")], "expected is not known"),
        ({}, [report(expected="yes"), report(3, expected="no")], "disagree"),
        ({"related": "not_assessed"}, [report(expected="no")], "not assessed"),
        ({"related": None}, [report(expected="no")], "not assessed"),
        ({"serious": None}, [report(expected="no")], "whether it is serious"),
    ],
)
def test_what_nobody_can_say_is_undetermined_and_counts_as_due(changes, reports, word):
    found = listed(reports=reports, **changes).expedited
    assert found.verdict == "undetermined"
    assert word in found.because
    assert "counted as due" in found.because
    assert [one.state for one in found.reports] == ["overdue"]


def test_a_fatal_event_that_is_recorded_as_not_serious_is_judged_all_the_same():
    assert listed(serious=False, outcome="fatal", grade=5).expedited.verdict == "due"


def test_without_any_report_nobody_knows_when_the_days_began():
    found = listed(reports=[]).expedited
    assert found.verdict == "undetermined"
    assert [(one.due_at, one.state) for one in found.reports] == [(None, "not_known")]


def test_a_report_to_the_authority_settles_the_clock_of_days_and_has_none_of_hours():
    sent = AWARE + timedelta(days=3)
    found = listed(
        reports=[report(expected="no"), report(3, recipient="Regulatory authority", sent_at=sent, expected="no")]
    )
    assert [one.recipient for one in found.reports] == ["sponsor", "ethics committee"]
    (told,) = found.expedited.reports
    assert (told.report, told.sent_at, told.state) == ("expedited", sent, "in_time")
    assert not any("no recipient" in text for text in found.missing)
    assert len(found.all_reports) == 3


def test_the_complete_report_is_due_eight_days_after_the_first_was_sent_and_no_later_than_the_fifteenth_day():
    def further(days):
        first = report(3, recipient=AUTHORITY, sent_at=AWARE + timedelta(days=days), expected="no")
        found = listed(reports=[report(expected="no"), first], seriousness="fatal").expedited
        return found.reports[0].state, found.reports[1].due_at.date()

    assert further(2) == ("in_time", date(2024, 3, 21))
    assert further(7) == ("in_time", date(2024, 3, 26))
    assert further(9) == ("late", date(2024, 3, 26))


def test_a_contradictory_record_never_makes_a_report_to_the_authority_in_time():
    before = report(3, recipient=AUTHORITY, sent_at=AWARE - timedelta(hours=1), expected="no")
    assert listed(reports=[report(expected="no"), before]).expedited.reports[0].state == "not_known"


def test_a_report_that_was_not_owed_is_shown_as_sent_and_judged_by_no_time():
    found = listed(reports=[report(), report(3, recipient=AUTHORITY)]).expedited
    assert found.verdict == "not_due"
    assert [(one.state, one.due_at) for one in found.reports] == [("sent", None)]


def test_a_recipient_of_both_clocks_is_on_both():
    plan = PLAN.model_copy(update={"expedited": ExpeditedReports(recipients=("ethics committee",))})
    found = listed(plan=plan)
    assert [one.recipient for one in found.all_reports] == ["sponsor", "ethics committee", "ethics committee"]


def test_a_protocol_whose_criteria_name_no_danger_to_life_gives_every_reaction_the_short_time_and_says_so():
    plan = SeriousEvents(report_within_h=24, recipients=("sponsor",), criteria=("مرگ", "بستری"), citation="tests")
    assert plan.urgent_criteria == ()
    assert listed(plan=plan, seriousness="بستری").expedited.urgent
    chosen = plan.model_copy(update={"expedited": ExpeditedReports(urgent_criteria=("مرگ",))})
    assert not listed(plan=chosen, seriousness="بستری").expedited.urgent
    assert listed(plan=chosen, seriousness="مرگ").expedited.urgent


def _with(**changes):
    protocol = shipped_protocol("IRCT20210612051548N3")
    clause = protocol.serious_events
    reading = clause.reading.model_copy(update={"expedited": ExpeditedReports(**changes)})
    return protocol.model_copy(update={"serious_events": clause.model_copy(update={"reading": reading})})


def test_the_times_of_the_guideline_are_left_out_of_the_hash_and_other_times_change_it(monkeypatch):
    said = []
    monkeypatch.setattr(reader, "bytes_hash", lambda content: said.append(content.decode()) or "")
    protocol_hash(_with())
    protocol_hash(_with(other_days=14))
    assert '"recipients":["sponsor","ethics committee"]' in said[0]
    assert "expedited" not in said[0]
    assert '"other_days":14' in said[1]


def test_the_check_names_an_urgent_criterion_that_is_none_and_criteria_that_name_no_danger_to_life():
    found = {one.rule for one in protocol_findings(_with(urgent_criteria=("is dreadful",)), Surroundings())}
    assert "unknown_urgent_criterion" in found
    protocol = _with()
    reading = protocol.serious_events.reading.model_copy(update={"criteria": ("requires a stay",)})
    bare = protocol.model_copy(
        update={"serious_events": protocol.serious_events.model_copy(update={"reading": reading})}
    )
    assert "no_urgent_criterion" in {one.rule for one in protocol_findings(bare, Surroundings())}
    assert not {"unknown_urgent_criterion", "no_urgent_criterion"} & {
        one.rule for one in protocol_findings(protocol, Surroundings())
    }


def test_a_protocol_without_the_clause_judges_no_days():
    (found,) = serious_events_at(
        folder(None, adverse_events=[event()], serious_reports=[report(expected="no")]), "P01", NOW
    )
    assert found.expedited is None


def test_the_day_is_that_of_the_trials_zone():
    tehran = ZoneInfo("Asia/Tehran")
    late = datetime(2024, 3, 11, 22, 0, tzinfo=ZoneInfo("UTC"))  # the 12th in Tehran
    assert end_of_day(late, 7, tehran).date() == date(2024, 3, 19)
    with pytest.raises(InputError, match="no time zone"):
        end_of_day(datetime(2024, 3, 11), 7, tehran)


@given(
    serious=st.sampled_from([True, None]),
    related=st.sampled_from(["related", "not_related", "not_assessed", None]),
    expected=st.lists(st.sampled_from(["yes", "no", "not_known", None, ""]), max_size=3),
)
def test_only_an_answer_that_clears_it_makes_an_event_not_due(serious, related, expected):
    found = suspicion(serious=serious, related=related, expected=expected, urgent=True, urgent_because="fatal")
    cleared = related == "not_related" or ("yes" in expected and "no" not in expected)
    assert (found.verdict == "not_due") is cleared
    due = serious is True and related == "related" and "no" in expected and "yes" not in expected
    assert (found.verdict == "due") is due


def test_the_command_tells_the_verdict_its_reason_and_each_clock(capsys):
    found = listed(seriousness="fatal")
    told = events._serious_values("P01", found)["expedited"]
    assert (told["verdict"], told["urgent"]) == ("due", True)
    assert [one["due_at"][:10] for one in told["reports"]] == ["2024-03-18", "2024-03-26"]
    events._say([], [("P01", found)], [])
    said = " ".join(capsys.readouterr().out.split())
    assert "to the authority within days: due; related and not expected; fatal or life-threatening" in said
    assert "expedited follow up to regulatory authority: overdue" in said


def test_a_run_notes_an_overdue_report_as_a_deviation_and_an_undetermined_case_as_a_warning():
    def notes(expected):
        tables = {"adverse_events": [event()], "serious_reports": [report(expected=expected)]}
        found = []
        serious_events(
            folder(**tables), SimpleNamespace(participant_id="P01"), Context(None, NOW, ("serious_events",)), found
        )
        return {(one.severity, one.message.split(":")[0]) for one in found if "within days" in one.place}

    assert notes("no") == {("deviation", f"report to {AUTHORITY}")}
    assert notes("not_known") == {("warning", "undetermined"), ("deviation", f"report to {AUTHORITY}")}
    assert notes("yes") == set()
