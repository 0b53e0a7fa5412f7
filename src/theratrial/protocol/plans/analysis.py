"""What is analysed beside the primary proportion: the estimand, tests, time to event."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, model_validator

from theratrial.protocol.clauses import Identifier, NonEmpty, Strict

Strategy = Literal["treatment_policy", "composite", "hypothetical", "while_on_treatment", "principal_stratum"]
EventKind = Literal[
    "fewer_sessions",
    "new_anticancer_therapy",
    "death_before_assessment",
    "not_assessable",
    "pregnancy",
    "activity_deviation",
    "blocked_uptake",
    "withdrawal",
]


class IntercurrentEvent(Strict):
    """Something that happens after treatment began and changes what the endpoint means, and what is done about it.

    ``treatment_policy``: the response counts as it was read. ``composite``: a failure. ``hypothetical`` and
    ``principal_stratum``: the participant is left out, which is said with the number. ``while_on_treatment``: the
    response counts where it was read before the event; else there is none, and the endpoint's rule for missing answers
    has the word.
    """

    event: EventKind
    title: NonEmpty
    strategy: Strategy
    alternatives: tuple[Strategy, ...] = ()
    """Each of them is one sensitivity analysis, generated."""
    why: NonEmpty

    @model_validator(mode="after")
    def _others(self) -> IntercurrentEvent:
        if self.strategy in self.alternatives:
            raise ValueError("the strategy itself is no alternative to it")
        return self


class Estimand(Strict):
    """The five attributes of ICH E9(R1); variable and population are the endpoint's and its analysis set's."""

    treatment: NonEmpty
    variable: NonEmpty
    summary: NonEmpty
    intercurrent_events: tuple[IntercurrentEvent, ...] = Field(min_length=1)


class EndpointTest(Strict):
    """The exact one-sided test of the endpoint, and the prior of its posterior probability."""

    null_fraction: float = Field(gt=0, lt=1)
    alternative_fraction: float | None = Field(default=None, gt=0, lt=1)
    significance_fraction: float = Field(default=0.05, gt=0, lt=0.5)
    prior_successes: PositiveFloat = 1.0
    prior_failures: PositiveFloat = 1.0
    citation: NonEmpty
    """Where the null proportion comes from."""


class SurvivalPlan(Strict):
    """A time to event."""

    id: Identifier
    title: NonEmpty
    origin: Literal["enrolment", "first_administration", "first_response"]
    events: tuple[Literal["progression", "death", "dose_limiting_toxicity"], ...] = Field(min_length=1)
    censored_at: tuple[Literal["new_anticancer_therapy", "withdrawal", "last_assessment", "last_contact"], ...] = Field(
        min_length=1
    )
    analysis_set: Identifier
    transform: Literal["log_log", "log", "plain"] = "log_log"
    """Of the survival probability, for its interval and that of the median."""
    confidence_level: float = Field(default=0.95, gt=0.5, lt=1)


class AnalysisPlan(Strict):
    """Everything that is analysed beside the primary proportion."""

    estimand: Estimand
    test: EndpointTest | None = None
    survival: tuple[SurvivalPlan, ...] = ()
    further_intervals: tuple[
        Literal["clopper_pearson", "wilson", "wilson_continuity", "jeffreys", "mid_p", "agresti_coull"], ...
    ] = ()
    """Shown beside the endpoint's own, for comparison."""

    @model_validator(mode="after")
    def _once(self) -> AnalysisPlan:
        if len({one.id for one in self.survival}) < len(self.survival):
            raise ValueError("two times to event have one id")
        if len({one.event for one in self.estimand.intercurrent_events}) < len(self.estimand.intercurrent_events):
            raise ValueError("an intercurrent event stands there twice")
        return self
