"""The report's section on dose-limiting toxicity, stopping, nadirs and the other version of CTCAE."""

from dataclasses import replace
from datetime import UTC, date, datetime

from theratrial.report.figures.stopping import stopping_figure
from theratrial.report.sections.toxicity import toxicity_section
from theratrial.report.studio import Studio
from theratrial.report.traces import TraceBook
from theratrial.results.toxicity import (
    GateChange,
    GradeMove,
    LimitingFinding,
    LimitingToxicity,
    NadirResult,
    ParticipantToxicity,
    StoppingCharacteristics,
    StoppingResult,
    StoppingStep,
    TrialToxicity,
)
from theratrial.trace import Quantity, Trace

TRACE = Trace("safety.nadir", "1", {"count 1": "record:records/laboratory.csv#2"})


def stopping(*steps, boundary=(None, 2, 3)):
    return StoppingResult(
        rule="a rule",
        boundary=boundary,
        characteristics=(StoppingCharacteristics(0.2, 0.0437, 14.7),),
        warnings=("stops after the first patient, if that one has a dose-limiting toxicity",),
        steps=steps,
        undetermined=(),
        worst_case_stops=False,
        sentence="Of 2 participants judged, 1 had a dose-limiting toxicity.",
        trace=TRACE,
        plain_words="The trial goes on while few had one.",
    )


def nadir(**more):
    return NadirResult(
        test="platelets",
        session=1,
        baseline=Quantity(200, "10^9/L", TRACE),
        nadir=Quantity(40, "10^9/L", TRACE),
        nadir_at=datetime(2024, 2, 20, tzinfo=UTC),
        days_to_nadir=Quantity(50, "d", TRACE, 42, float("inf")),
        grade=3,
        recovered_on=None,
        days_to_recovery=Quantity(
            None, "d", TRACE, note="not back at grade 1, which the gate allows, by the last count"
        ),
        predicted_recovery_on=None,
        predicted_recovery_days=None,
        visit_before_nadir="the visit follow up on day 44 falls before the nadir on day 50",
        trace=TRACE,
        visit="before",
        recovery="not_recovered",
        recovery_target="75 10^9/L: grade 1, which the gate allows",
        prediction_because="fewer than 3 counts after the nadir",
        **more,
    )


def section(example, tmp_path, participant, trial):
    result = example.one_participant()
    first, *others = result.participants
    result = replace(result, participants=(replace(first, toxicity=participant), *others), toxicity=trial)
    return toxicity_section(result, TraceBook(), Studio(tmp_path, "foot"))


def words_of(blocks):
    for block in blocks:
        if block.kind == "folded":
            yield from words_of(block.blocks)
        elif block.kind == "table":
            yield block.caption
            for row in block.rows:
                for cell in row:
                    yield from (cell.text, cell.below)
        else:
            yield getattr(block, "text", "") or getattr(block, "caption", "")


def test_every_answer_stands_with_its_reason_and_the_rule_with_what_it_does(example, tmp_path):
    finding = LimitingFinding("platelets grade 4 or worse", 1, "undetermined", "no value in the 56 days", TRACE)
    limiting = LimitingToxicity("undetermined", "session 1: no value in the 56 days", None, (finding,), TRACE)
    participant = ParticipantToxicity(
        nadirs=(nadir(),),
        limiting=limiting,
        gate_changes=(GateChange(1, "stop", "proceed", "neutrophils"),),
    )
    trial = TrialToxicity(
        stopping=stopping(StoppingStep("P01", date(2024, 3, 1), "yes", 1, 1, None, False)),
        versions=("5.0", "6.0"),
        impact_sentence="Under CTCAE 6.0 instead of 5.0, 1 of 9 values.",
        values_compared=9,
        moves=(GradeMove("neutrophils", 2, 1, 1),),
    )
    said = "\n".join(words_of(section(example, tmp_path, participant, trial).blocks))
    for part in (
        "cannot be judged",
        "no value in the 56 days",
        "4.4%",
        "This rule stops after the first patient",
        "falls before the nadir on day 50",
        "after 42, no later bound",
        "fewer than 3 counts after the nadir",
        "Under CTCAE 6.0 instead of 5.0",
        "Gates with another decision",
    ):
        assert part in said
    assert (tmp_path / "stopping.svg").exists()


def test_a_protocol_without_a_definition_is_said_to_have_none(example, tmp_path):
    said = "\n".join(words_of(section(example, tmp_path, ParticipantToxicity(), TrialToxicity()).blocks))
    assert said == "The protocol has no definition of dose-limiting toxicity."


def test_the_boundary_is_drawn_where_it_can_stop_and_nowhere_else():
    drawn = stopping_figure(stopping(StoppingStep("P01", date(2024, 3, 1), "yes", 1, 1, None, False))).svg()
    assert drawn.count('fill-opacity="0.13"') == 2
    assert stopping_figure(stopping(boundary=(None, None))) is None
