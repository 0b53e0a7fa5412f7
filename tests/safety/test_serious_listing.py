"""The listing of serious events: the clock per recipient, what the record lacks, reports that belong to nothing."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from adverse_cast import AWARE, INJECTED, NOW, PLAN, STARTED, both_reports, event, folder, injection, report, row

from theratrial.pipeline.adverse_events import adverse_events
from theratrial.pipeline.context import Context
from theratrial.pipeline.serious_events import (
    contraception,
    pregnancies,
    pregnancies_at,
    serious_events,
    serious_events_at,
    unmatched_reports,
)
from theratrial.pipeline.traces import dead_ends

CONTEXT = Context(None, NOW, ("serious_events",))
PERSON = SimpleNamespace(participant_id="P01")


def listed(plan=PLAN, now=NOW, **tables):
    return serious_events_at(folder(plan, **tables), "P01", now)


def one(plan=PLAN, now=NOW, reports=None, **changes):
    (found,) = listed(
        plan, now, adverse_events=[event(**changes)], serious_reports=both_reports() if reports is None else reports
    )
    return found


def test_a_complete_serious_event_lacks_nothing_and_knows_its_session_and_class():
    found = one()
    assert found.missing == ()
    assert (found.session, found.days_after_last_session) == (1, 9)
    assert found.system_organ_class == "Blood and lymphatic system disorders"
    assert [(each.recipient, each.state) for each in found.reports] == [
        ("sponsor", "in_time"),
        ("ethics committee", "in_time"),
    ]
    assert found.expected == "yes"


def test_a_recipient_who_was_not_told_is_owed_from_the_moment_somebody_was_aware():
    found = one(now=AWARE + timedelta(hours=25), reports=[report()])
    owed = found.reports[-1]
    assert (owed.recipient, owed.state, owed.became_aware_at) == ("ethics committee", "overdue", AWARE)
    assert one(now=AWARE + timedelta(hours=23), reports=[report()]).reports[-1].state == "owed"


def test_a_follow_up_is_no_initial_report_and_has_no_time():
    found = one(reports=[report(report="follow_up")])
    assert [(each.report, each.state) for each in found.reports] == [
        ("follow_up", "sent"),
        ("initial", "overdue"),
        ("initial", "overdue"),
    ]
    assert "no initial report was sent" in found.missing


def test_without_any_report_nobody_can_read_the_clock_and_that_is_said():
    found = one(reports=[])
    assert {each.state for each in found.reports} == {"not_known"}
    assert "no report is recorded" in found.missing


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seriousness": None}, "no reason of seriousness is recorded"),
        ({"seriousness": "; "}, "no reason of seriousness is recorded"),
        ({"seriousness": "hospital admission; looked bad"}, "'looked bad': no criterion of seriousness"),
        ({"serious": None}, "whether it is serious is not recorded"),
        ({"outcome": "fatal", "grade": 4}, "the outcome is fatal, but it has grade 4"),
        ({"outcome": "recovering", "grade": 5}, "grade 5 is death, but the outcome is recovering"),
        ({"outcome": None}, "the outcome is not recorded"),
        ({"related": "not_assessed"}, "the relation to the treatment is not assessed"),
        ({"ended_on": date(2024, 3, 1)}, "it ended on 2024-03-01, before it began on 2024-03-10"),
        ({"ended_on": None}, "the outcome is recovered, but it has no last day"),
        ({"grade": 1}, "CTCAE 5.0 has no grade 1 for Febrile neutropenia"),
    ],
)
def test_what_the_record_lacks_or_contradicts_is_named(changes, said):
    assert any(said in each for each in one(**changes).missing)


def test_several_reasons_in_the_protocols_words_are_fine_in_any_spelling():
    assert one(seriousness="Hospital admission; LIFE-THREATENING").missing == ()


def test_a_term_that_is_none_is_named_and_the_event_stays_listed():
    found = one(
        term="Badness", reports=[report(term="badness "), report(3, term="Badness", recipient="ethics committee")]
    )
    assert found.system_organ_class == ""
    assert any("'Badness' is not a CTCAE 5.0 term" in each for each in found.missing)
    assert [each.state for each in found.reports] == ["in_time", "in_time"]


def test_a_fatal_event_of_a_person_who_completed_the_trial_is_a_contradiction():
    found = listed(
        adverse_events=[event(outcome="fatal", grade=5, seriousness="fatal", ended_on=None)],
        serious_reports=both_reports(),
        dispositions=[row("dispositions", event="completed", occurred_on=date(2024, 3, 20))],
    )
    assert any("end in the trial is not death" in each for each in found[0].missing)


def test_a_recipient_whom_the_protocol_does_not_know_is_named():
    found = one(reports=[*both_reports(), report(4, recipient="my cousin")])
    assert "'my cousin' is no recipient of the protocol" in found.missing


def test_aware_before_the_event_began_is_no_report_in_time():
    found = one(reports=both_reports(became_aware_at=AWARE - timedelta(days=3)))
    assert {each.state for each in found.reports} == {"not_known"}
    assert "before the event began" in found.reports[0].because


def test_sent_before_aware_is_no_report_in_time():
    found = one(reports=both_reports(sent_at=AWARE - timedelta(hours=1)))
    assert {each.state for each in found.reports} == {"not_known"}


def test_a_protocol_without_the_clause_owes_nobody_a_report_and_says_so():
    found = one(plan=None, reports=[report()])
    assert [each.state for each in found.reports] == ["sent"]
    assert any("does not say to whom and how soon" in each for each in found.missing)
    assert "clause" not in found.trace.inputs


def test_an_event_before_the_first_session_belongs_to_none():
    found = one(started_on=date(2024, 2, 1), ended_on=date(2024, 2, 3), reports=[])
    assert (found.session, found.days_after_last_session) == (None, None)


def test_the_last_session_before_the_event_counts():
    tables = {
        "adverse_events": [event()],
        "serious_reports": both_reports(),
        "administrations": [
            injection(),
            injection(3, INJECTED + timedelta(days=9), 2),
            injection(4, INJECTED + timedelta(days=60), 3),
        ],
    }
    found = serious_events_at(folder(**tables), "P01", NOW)[0]
    assert (found.session, found.days_after_last_session) == (2, 0)


def test_reports_of_no_event_and_of_one_that_is_not_serious_are_named():
    said = unmatched_reports(
        folder(
            adverse_events=[event(serious=False)],
            serious_reports=[report(), report(3, term="Nausea"), report(4, started_on=STARTED + timedelta(days=1))],
        ),
        "P01",
    )
    assert len(said) == 3
    assert "recorded as not serious" in said[0]
    assert all("no recorded adverse event" in each for each in said[1:])


def test_others_events_and_events_that_are_not_serious_are_not_listed():
    stranger = row("adverse_events", 3, **{**event().values, "participant_id": "P02"})
    assert listed(adverse_events=[event(serious=False, seriousness=None), stranger]) == ()


def test_the_run_notes_what_is_odd_and_lateness_as_a_deviation():
    notes = []
    serious_events(
        folder(
            adverse_events=[event(seriousness=None)], serious_reports=both_reports(sent_at=AWARE + timedelta(days=2))
        ),
        PERSON,
        CONTEXT,
        notes,
    )
    assert [(each.severity, each.message) for each in notes] == [
        ("warning", "no reason of seriousness is recorded"),
        ("deviation", "report to sponsor: sent 48 h after becoming aware, 24 h late"),
        ("deviation", "report to ethics committee: sent 48 h after becoming aware, 24 h late"),
    ]


def test_the_listing_rests_on_the_assumption_of_its_clause():
    found = serious_events(folder(adverse_events=[event()], serious_reports=both_reports()), PERSON, CONTEXT, [])
    assert found[0].trace.demonstration == ("serious_events",)


def test_an_event_that_is_not_serious_has_its_oddities_noted_once():
    notes = []
    read = folder(adverse_events=[event(term="Nausea", grade=4, serious=False, seriousness=None)])
    (found,) = adverse_events(read, "P01", notes)
    assert [each.message for each in notes] == ["CTCAE 5.0 has no grade 4 for Nausea; its grades are 1, 2 and 3"]
    assert (found.ctcae_term, found.system_organ_class) == ("Nausea", "Gastrointestinal disorders")


def test_a_death_recorded_as_not_serious_is_named():
    notes = []
    adverse_events(
        folder(adverse_events=[event(outcome="fatal", grade=5, serious=False, seriousness=None)]), "P01", notes
    )
    assert any("death is serious" in each.message for each in notes)


def pregnancy(**changes):
    usual = {
        "became_aware_at": AWARE,
        "whose": "participant",
        "conceived_on": date(2024, 2, 20),
        "sent_at": AWARE + timedelta(hours=3),
        "recipient": "sponsor",
        "outcome": "ongoing",
        "reported_by": "ONC-01",
    }
    return row("pregnancies", **{**usual, **changes})


def test_a_pregnancy_has_its_clock_and_its_exposure():
    (found,) = pregnancies_at(folder(pregnancies=[pregnancy()]), "P01", NOW)
    assert found.report.state == "in_time"
    assert found.exposure == "given during it: 2024-03-01 (day 10 of it)"
    assert found.missing == ()


def test_an_unreported_pregnancy_is_overdue_and_what_it_lacks_is_noted():
    notes = []
    found = pregnancies(
        folder(pregnancies=[pregnancy(sent_at=None, recipient=None, conceived_on=None, outcome=None)]),
        PERSON,
        CONTEXT,
        notes,
    )
    assert found[0].report.state == "overdue"
    assert found[0].report.recipient == "sponsor, ethics committee"
    assert [each.severity for each in notes] == ["warning", "warning", "deviation"]


def test_contraception_lasts_from_the_last_administration_of_any_product():
    last = INJECTED + timedelta(days=61)
    found = contraception(folder(administrations=[injection(), injection(3, last, None)]), PERSON, CONTEXT)
    assert (found.last_administration_on, found.until) == (date(2024, 5, 1), date(2024, 12, 1))
    assert contraception(folder(administrations=[]), PERSON, CONTEXT) is None
    assert contraception(folder(None), PERSON, CONTEXT) is None


def test_every_trace_leads_to_a_line_a_clause_or_a_table():
    read = folder(adverse_events=[event()], serious_reports=both_reports(), pregnancies=[pregnancy()])
    events = serious_events(read, PERSON, CONTEXT, [])
    pregnant = pregnancies(read, PERSON, CONTEXT, [])
    traces = [events[0].trace, *(one.trace for one in events[0].reports), pregnant[0].trace, pregnant[0].report.trace]
    traces += [contraception(read, PERSON, CONTEXT).trace, adverse_events(read, "P01", [])[0].trace]
    tree = {str(n): trace.as_dict() for n, trace in enumerate(traces)}
    assert all(trace["inputs"] for trace in tree.values())
    assert dead_ends(tree, read, ()) == ()
    assert any(source.startswith("table:safety/ctcae_v5_0_events@") for source in traces[0].inputs.values())


def test_the_investigator_becomes_aware_once_whatever_each_report_says():
    later = AWARE + timedelta(days=5)
    second = report(3, recipient="ethics committee", became_aware_at=later, sent_at=later + timedelta(hours=20))
    sponsor, ethics = one(reports=[report(), second]).reports
    assert sponsor.state == "in_time"
    # 5 days and 20 hours after the sponsor's report says she knew; 24 hours are allowed.
    assert (ethics.state, ethics.became_aware_at) == ("late", AWARE)
    assert "an earlier report rules" in ethics.because
    assert ethics.trace.inputs["aware"] == sponsor.trace.inputs["report"]
    assert any("different moments" in text for text in one(reports=[report(), second]).missing)


def test_a_follow_up_keeps_its_own_moment_of_becoming_aware():
    later = AWARE + timedelta(days=9)
    told = report(4, report="follow_up", became_aware_at=later, sent_at=later, narrative="Recovered, at home.")
    found = one(reports=[*both_reports(), told])
    assert [each.became_aware_at for each in found.reports] == [AWARE, AWARE, later]
    assert found.missing == ()
    # What the first report told is not lost behind the last.
    assert found.narrative.index("antibiotics") < found.narrative.index("Recovered, at home.")
    # The sponsor and the ethics committee were sent one text.
    assert found.narrative.count("antibiotics") == 1


@pytest.mark.parametrize("fatal", [{"grade": 5}, {"outcome": "fatal"}])
def test_a_fatal_event_is_listed_and_its_clock_runs_though_recorded_as_not_serious(fatal):
    found = one(reports=[], serious=False, seriousness=None, **fatal)
    assert any("recorded as not serious" in text for text in found.missing)
    assert {each.recipient for each in found.reports} == {"sponsor", "ethics committee"}
    assert listed(adverse_events=[event(serious=False, seriousness=None)]) == ()
