"""From participants to the cohort: analysis sets, how the endpoint counts each participant, flow, and the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from theratrial.pipeline.counting import PENDING, VERSION, count, primary_rule
from theratrial.pipeline.intercurrent import Happened
from theratrial.protocol.expressions import Condition, Truth, condition
from theratrial.protocol.plans.analysis import AnalysisPlan
from theratrial.protocol.schema import Endpoint, Protocol
from theratrial.protocol.vocabulary import PARTICIPANT_FACTS, fact_types
from theratrial.results.values import EndpointOutcome, Flow, ParticipantResult
from theratrial.statistics import proportion, proportion_in_plain_words, proportion_sentence
from theratrial.statistics.proportion import VERSION as PROPORTION_VERSION
from theratrial.trace import Quantity, Trace

_CATEGORIES = ("CR", "PR", "SD", "PD", "NE")
_CATEGORY_WORDS = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
}

Facts = Mapping[str, bool | int]


def participant_facts(result: ParticipantResult, *, major_deviations: int) -> Facts:
    """The facts of a participant that analysis sets may speak of, as named in `PARTICIPANT_FACTS`."""
    known = ("determined", "bounded")
    return {
        "consented": result.consented_at is not None,
        "eligible": result.eligibility.verdict == "eligible",
        "administrations_given": len(result.sessions),
        "response_evaluable": result.response is not None and result.response.category != "NE",
        "dosimetry_sessions": sum(
            any(dose.determinacy in known for dose in session.doses) for session in result.sessions
        ),
        "major_deviations": major_deviations,
    }


def analysis_conditions(protocol: Protocol) -> dict[str, Condition]:
    """The compiled condition of every analysis set."""
    types = fact_types(PARTICIPANT_FACTS)
    return {
        key: condition(clause.reading.condition, types)
        for key, clause in protocol.analysis_sets.items()
        if clause.reading is not None
    }


def analysis_sets(conditions: Mapping[str, Condition], facts: Facts) -> tuple[str, ...]:
    """The sets a participant belongs to; one whose membership is not known does not have her."""
    return tuple(key for key, test in conditions.items() if test.evaluate(facts).truth is Truth.MET)


def counted(
    result: ParticipantResult,
    endpoint: Endpoint,
    *,
    pending: bool = False,
    plan: AnalysisPlan | None = None,
    events: Sequence[Happened] = (),
    assessed: date | None = None,
) -> ParticipantResult:
    """The participant with how the primary endpoint counts her, and why.

    Parameters
    ----------
    pending
        The response is missing only because its visit is still to come: not a missing value, and not yet counted.
    plan, events, assessed
        The estimand's strategies, her intercurrent events, and the day of her response image.
    """
    how, because = count(result, primary_rule(endpoint, plan), events, pending=pending, assessed=assessed)
    return replace(result, counted=how, counted_because=because)


def flow(participants: Sequence[ParticipantResult]) -> Flow:
    """Participant flow: every participant stands in exactly one place at each step."""
    treated = [one for one in participants if one.treated]
    failures = [one for one in participants if not one.treated]
    most = max((len(one.sessions) for one in treated), default=0)
    return Flow(
        screened=len(participants),
        screen_failures=_counts(_first_reason(one) for one in failures),
        treated=len(treated),
        sessions_given=tuple((n, sum(len(one.sessions) >= n for one in treated)) for n in range(1, most + 1)),
        response_assessed=sum(one.response is not None and one.response.category != "NE" for one in treated),
        analysed=sum(one.counted in ("success", "failure") for one in participants),
        ended=_counts(one.disposition or "still in the trial" for one in treated),
    )


def _first_reason(result: ParticipantResult) -> str:
    if result.eligibility.reasons:
        return result.eligibility.reasons[0]
    return result.disposition_reason or "not treated, no reason recorded"


def _counts(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counter = Counter(names)
    return tuple(sorted(counter.items(), key=lambda entry: (-entry[1], entry[0])))


def _outcome_words(endpoint: Endpoint) -> str:
    """``had a complete, partial or stable response``, from the categories the endpoint counts."""
    words = [_CATEGORY_WORDS[category] for category in endpoint.counted_categories]
    listed = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"had {listed}"


def endpoint_outcome(
    participants: Sequence[ParticipantResult],
    endpoint: Endpoint,
    *,
    demonstration: tuple[str, ...],
    events: Mapping[str, Sequence[Happened]] | None = None,
) -> EndpointOutcome:
    """The primary endpoint with its interval, in numbers and in words.

    Parameters
    ----------
    events
        Participant -> intercurrent events, where an estimand rules; None where the protocol has none.
    """
    analysed = [one for one in participants if one.counted in ("success", "failure")]
    successes = sum(one.counted == "success" for one in analysed)
    inputs = {one.participant_id: f"value:participants[{one.participant_id}].counted" for one in analysed}
    inputs["rule"] = "protocol:endpoint"
    version = PROPORTION_VERSION
    if events is not None:
        version = VERSION
        inputs["estimand"] = "protocol:analysis"
        inputs |= {f"{who} {one.event}": one.record for who, mine in events.items() if who in inputs for one in mine}
    if not analysed:
        trace = Trace("statistics.proportion", version, inputs, demonstration=demonstration)
        value = Quantity(None, "fraction", trace, note="nobody is in the analysis set")
        sentence = "The endpoint cannot be given: nobody is in the analysis set."
        plain_words = "Nobody has been treated, or nobody's records put them in the analysis set."
    else:
        estimate = proportion(
            successes, len(analysed), method=endpoint.interval_method, level=endpoint.confidence_level
        )
        trace = Trace(f"statistics.proportion.{estimate.method}", version, inputs, demonstration=demonstration)
        value = Quantity(
            estimate.estimate_fraction, "fraction", trace, estimate.lower_fraction, estimate.upper_fraction
        )
        sentence = proportion_sentence(estimate, outcome=_outcome_words(endpoint))
        plain_words = proportion_in_plain_words(estimate)
    waiting = sum(one.counted_because == PENDING for one in participants)
    if waiting:
        whose = "1 treated participant is" if waiting == 1 else f"{waiting} treated participants are"
        plain_words = (
            f"Interim: {whose} not counted, because the response assessment is still to come. The final result may "
            f"differ. {plain_words}"
        )
    categories: Counter[str] = Counter(one.response.category if one.response is not None else "NE" for one in analysed)
    return EndpointOutcome(
        endpoint_id=endpoint.id,
        title=endpoint.title,
        successes=successes,
        analysed=len(analysed),
        proportion=value,
        confidence_level=endpoint.confidence_level,
        interval_method=endpoint.interval_method,
        categories=tuple((category, categories.get(category, 0)) for category in _CATEGORIES),
        analysis_set=endpoint.analysis_set,
        missing_rule=endpoint.missing,
        sentence=sentence,
        plain_words=plain_words,
    )
