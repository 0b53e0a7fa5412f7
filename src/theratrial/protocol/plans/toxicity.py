"""Dose-limiting toxicity, the rule that stops the trial for it, and the clock of serious events."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from theratrial.protocol.clauses import ADDED_LATER, Identifier, NonEmpty, Strict

_URGENT_WORDS: Final = ("death", "fatal", "life-threatening", "life threatening")


class LimitingLaboratory(Strict):
    """A grade of a laboratory test that limits the dose."""

    test: Identifier
    minimum_grade: int = Field(ge=1, le=5)
    lasting_days: PositiveFloat | None = None
    """Days from the first to the last value of that grade without a better one between; None: one value is enough."""


class LimitingEvents(Strict):
    """Adverse events that limit the dose."""

    minimum_grade: int = Field(ge=1, le=5)
    except_terms: tuple[NonEmpty, ...] = ()
    """CTCAE terms that do not count (alopecia), and laboratory terms that `laboratory` judges."""


class LateRecovery(Strict):
    """Tests that must have recovered in time."""

    tests: tuple[Identifier, ...] = Field(min_length=1)
    maximum_grade: int = Field(ge=0, le=4)
    within_days: PositiveFloat
    """After the administration."""


class ToxicityRule(Strict):
    """What is a dose-limiting toxicity. Any line that holds makes one; a line that cannot be judged leaves it open."""

    ctcae_version: Literal["5.0", "6.0"]
    sessions: Literal["first", "all"]
    window_days: PositiveFloat
    """After each administration that counts."""
    longest_gap_days: Annotated[PositiveFloat, ADDED_LATER] = 14.0
    """A longer time in the window without a count of a test leaves its lines undetermined: the nadir may lie in it."""
    laboratory: tuple[LimitingLaboratory, ...] = ()
    events: LimitingEvents | None = None
    recovery: LateRecovery | None = None

    @model_validator(mode="after")
    def _something(self) -> ToxicityRule:
        if not self.laboratory and self.events is None and self.recovery is None:
            raise ValueError("a definition of dose-limiting toxicity names at least one line")
        return self


class StoppingPlan(Strict):
    """The rule under which dose-limiting toxicities stop the trial, judged participant by participant."""

    kind: Literal["pocock", "bayesian"]
    acceptable_rate_fraction: float = Field(gt=0, lt=1)
    overall_probability_fraction: float | None = Field(default=None, gt=0, lt=1)
    """``pocock``: the most with which the trial stops although the rate is the acceptable one."""
    certainty_fraction: float | None = Field(default=None, gt=0, lt=1)
    """``bayesian``: stop where the rate is above the acceptable one with more probability than this."""
    prior_events: PositiveFloat | None = None
    prior_without: PositiveFloat | None = None
    """``bayesian``: Beta(events, without)."""
    participants: PositiveInt
    minimum_participants: PositiveInt = 1
    shown_rates_fraction: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)

    @model_validator(mode="after")
    def _complete(self) -> StoppingPlan:
        if self.kind == "pocock" and self.overall_probability_fraction is None:
            raise ValueError("a Pocock-type boundary needs overall_probability_fraction")
        if self.kind == "bayesian" and None in (self.certainty_fraction, self.prior_events, self.prior_without):
            raise ValueError("a Bayesian boundary needs certainty_fraction, prior_events and prior_without")
        return self


class ExpeditedReports(Strict):
    """Within how many calendar days a suspected unexpected serious reaction goes to the authority; ICH E2A, III B."""

    urgent_days: Annotated[int, Field(ge=1)] = 7
    """Fatal or life-threatening: the first report; day 0 is that of becoming aware."""
    further_days: Annotated[int, Field(ge=1)] = 8
    """After the first report of such a one: as complete a report as possible."""
    other_days: Annotated[int, Field(ge=1)] = 15
    recipients: tuple[NonEmpty, ...] = Field(default=("regulatory authority",), min_length=1)
    urgent_criteria: tuple[NonEmpty, ...] = ()
    """Those of ``criteria`` that mean death or danger to life; empty: those whose English words say so."""


class SeriousEvents(Strict):
    """What makes an event serious, and how soon it is reported."""

    report_within_h: PositiveFloat
    """From the moment the investigator became aware."""
    recipients: tuple[NonEmpty, ...] = Field(min_length=1)
    criteria: tuple[NonEmpty, ...] = Field(min_length=1)
    citation: NonEmpty
    pregnancy_report_within_h: PositiveFloat | None = None
    contraception_months: PositiveFloat | None = None
    """After the last administration."""
    expedited: Annotated[ExpeditedReports, ADDED_LATER] = ExpeditedReports()
    """The times of ICH E2A where the protocol says nothing else."""

    @property
    def urgent_criteria(self) -> tuple[str, ...]:
        """The criteria that mean death or danger to life: those chosen, else those whose words say so."""
        chosen = self.expedited.urgent_criteria
        return chosen or tuple(one for one in self.criteria if any(word in one.casefold() for word in _URGENT_WORDS))
