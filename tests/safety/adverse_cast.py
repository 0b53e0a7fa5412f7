"""Records of one participant as lines of a trial folder, for tests of adverse events; nothing is read from disk."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from theratrial.protocol.clauses import Clause, Decision, DecisionStatus
from theratrial.protocol.plans.toxicity import SeriousEvents
from theratrial.protocol.reader import shipped_protocol
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.tables import TABLES, table

PLAN = SeriousEvents(
    report_within_h=24,
    recipients=("sponsor", "ethics committee"),
    criteria=("fatal", "life-threatening", "hospital admission"),
    citation="tests",
    pregnancy_report_within_h=24,
    contraception_months=7,
)
INJECTED = datetime(2024, 3, 1, 9, tzinfo=UTC)
STARTED = date(2024, 3, 10)
AWARE = datetime(2024, 3, 11, 8, 0, tzinfo=UTC)
NOW = datetime(2024, 4, 1, 12, 0, tzinfo=UTC)


def protocol(plan=PLAN):
    decision = Decision(status=DecisionStatus.DEMONSTRATION, why="for the tests")
    clause = Clause[SeriousEvents](reading=plan, decision=decision) if plan is not None else None
    return shipped_protocol("IRCT20210612051548N3").model_copy(update={"serious_events": clause})


def row(name, line=2, **values):
    columns = {column.name: None for column in table(name).columns}
    assert values.keys() <= columns.keys(), values.keys() - columns.keys()
    return Row(name, line, {**columns, "participant_id": "P01", **values})


def event(line=2, **changes):
    usual = {
        "term": "Febrile neutropenia",
        "ctcae_version": "5.0",
        "grade": 3,
        "started_on": STARTED,
        "ended_on": date(2024, 3, 14),
        "serious": True,
        "related": "related",
        "outcome": "recovered",
        "seriousness": "hospital admission",
    }
    return row("adverse_events", line, **{**usual, **changes})


def report(line=2, **changes):
    usual = {
        "term": "Febrile neutropenia",
        "started_on": STARTED,
        "report": "initial",
        "became_aware_at": AWARE,
        "sent_at": datetime(2024, 3, 11, 20, 0, tzinfo=UTC),
        "recipient": "sponsor",
        "expected": "yes",
        "narrative": "Fever on day 9, antibiotics.",
        "reported_by": "ONC-01",
    }
    return row("serious_reports", line, **{**usual, **changes})


def both_reports(**changes):
    return [report(2, **changes), report(3, recipient="ethics committee", **changes)]


def injection(line=2, at=INJECTED, session=1):
    return row("administrations", line, product_id="lu177_trastuzumab", session=session, injected_at=at)


def folder(plan=PLAN, **tables):
    given = {"administrations": [injection()], "participants": [row("participants", 2, sex="female")], **tables}
    rows = {one.name: () for one in TABLES} | {name: tuple(lines) for name, lines in given.items()}
    return TrialFolder(Path("trial"), protocol(plan), None, rows, (), {}, ZoneInfo("UTC"), "1.0")
