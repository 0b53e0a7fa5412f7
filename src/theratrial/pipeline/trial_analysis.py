"""The analysis beside the primary proportion."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.pipeline.context import Context
from theratrial.pipeline.counting import PENDING
from theratrial.pipeline.endpoint_null import exact_result, flips, plain_words, posterior, power_curve
from theratrial.pipeline.intercurrent import analysis_plan, assessed_on, happened
from theratrial.pipeline.sensitivity import Person, occurrences, proportions
from theratrial.pipeline.survival import survival_results
from theratrial.protocol.plans.analysis import AnalysisPlan
from theratrial.protocol.schema import Endpoint, Protocol
from theratrial.results.analysis import TrialAnalysis
from theratrial.results.values import EndpointOutcome, ParticipantResult
from theratrial.trialfolder.records import TrialFolder

_MISSING = {
    "failure": "counts as a failure",
    "excluded": "is left out",
}


def trial_analysis(
    folder: TrialFolder, participants: Sequence[ParticipantResult], endpoint: EndpointOutcome, context: Context
) -> TrialAnalysis:
    """Estimand, intercurrent events, sensitivity analyses, test, power, times to event; empty without a plan."""
    protocol = folder.protocol
    plan, rule = analysis_plan(protocol), protocol.endpoint.reading
    if plan is None or rule is None:
        return TrialAnalysis()
    resting = context.resting_on("analysis", "endpoint", "analysis_sets", "response")
    people = [
        Person(one, happened(folder, one, pending=pending), pending, assessed_on(folder, one))
        for one in participants
        for pending in (one.counted_because == PENDING,)
    ]
    interim = any(person.pending for person in people)
    rows = proportions(people, rule, plan, protocol, resting)
    tested = exact_result(endpoint, plan, resting, interim=interim)
    lower, above, believed, prior = posterior(endpoint, plan, resting)
    powers = power_curve(endpoint.analysed, plan)
    flipped = flips(endpoint, plan, interim=interim)
    return TrialAnalysis(
        estimand=estimand_attributes(protocol, plan, rule),
        intercurrent=occurrences(people, rule, plan),
        proportions=rows,
        test=tested,
        one_sided_lower=lower,
        posterior_above_null=above,
        posterior=believed,
        prior=prior,
        power=powers,
        flips=flipped,
        survival=survival_results(folder, participants, plan, rule, context),
        plain_words=plain_words(endpoint, plan, tested, powers, flipped, rows),
    )


def estimand_attributes(protocol: Protocol, plan: AnalysisPlan, endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    """The five attributes of ICH E9(R1), and which rule holds where two could."""
    clause = protocol.analysis_sets.get(endpoint.analysis_set)
    population = clause.reading.title if clause is not None and clause.reading is not None else endpoint.analysis_set
    events = "; ".join(
        f"{one.title}: {one.strategy.replace('_', ' ')} ({one.why})" for one in plan.estimand.intercurrent_events
    )
    return (
        ("Treatment", plan.estimand.treatment),
        ("Population", population),
        ("Variable", plan.estimand.variable),
        ("Intercurrent events", events),
        ("Population-level summary", plan.estimand.summary),
        (
            "A missing response",
            f"The strategies above rule. Where none of them decides, a missing response {_MISSING[endpoint.missing]}, "
            "as the endpoint says.",
        ),
    )
