"""Dose-limiting toxicity by the protocol's own definition. Method: docs/methods/limiting_toxicity.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from theratrial.protocol.plans.toxicity import ToxicityRule
from theratrial.safety.limiting_events import LimitingEvent, events_line
from theratrial.safety.limiting_lines import laboratory_line, recovery_line
from theratrial.safety.limiting_watch import LimitingVerdict, LineFinding, Watch
from theratrial.safety.results import GradedResult, LaboratoryResult, graded

METHOD: Final = "safety.limiting_toxicity"
METHOD_VERSION: Final = "2"


@dataclass(frozen=True, slots=True)
class Limiting:
    """Whether a participant had a dose-limiting toxicity, with every line of the definition."""

    verdict: LimitingVerdict
    because: str
    on: date | None
    """Day on which it was reached, or from which none can follow any more."""
    findings: tuple[LineFinding, ...]


def limiting_toxicity(
    rule: ToxicityRule,
    injections: Sequence[tuple[int, datetime]],
    laboratory: Sequence[LaboratoryResult],
    events: Sequence[LimitingEvent],
    *,
    as_of: datetime,
    left_at: datetime | None = None,
) -> Limiting | None:
    """The definition applied to one participant; None where nothing was given.

    Any line that holds makes one. Else a window that is still open leaves it open (``not_yet``), and a line that the
    records cannot answer leaves it ``undetermined``; only answers to every line make a ``no``.

    Parameters
    ----------
    injections
        (session, start of the injection), in order.
    laboratory
        With baselines, see `theratrial.safety.results.with_baselines`.
    as_of
        Instant up to which the records speak; facts after it are passed over.
    left_at
        When observation ended by death, loss or withdrawal; None where it did not.
    """
    if not injections:
        return None
    counted = injections[:1] if rule.sessions == "first" else injections
    tests = dict.fromkeys((*(line.test for line in rule.laboratory), *(rule.recovery.tests if rule.recovery else ())))
    values: dict[str, list[GradedResult]] = {
        test: sorted(
            (graded(one, rule.ctcae_version) for one in laboratory if one.test == test and one.collected_at <= as_of),
            key=lambda item: item.result.collected_at,
        )
        for test in tests
    }
    known_events = [one for one in events if one.started_on <= as_of.astimezone(injections[0][1].tzinfo).date()]
    findings: list[LineFinding] = []
    for index, (session, injected_at) in enumerate(counted):
        following = injections[index + 1][1] if index + 1 < len(injections) else None
        closes_at = injected_at + timedelta(days=rule.window_days)
        watch = Watch(session, injected_at, closes_at, following, as_of, left_at, rule.longest_gap_days)
        findings += _lines(rule, values, known_events, watch)
    return _combined(tuple(findings))


def _lines(
    rule: ToxicityRule, values: dict[str, list[GradedResult]], events: Sequence[LimitingEvent], watch: Watch
) -> Iterator[LineFinding]:
    for line in rule.laboratory:
        yield laboratory_line(line, values[line.test], watch)
    if rule.events is not None:
        yield events_line(rule.events, events, rule.ctcae_version, watch)
    if rule.recovery is not None:
        for test in rule.recovery.tests:
            yield recovery_line(rule.recovery, test, values[test], watch)


def _combined(findings: tuple[LineFinding, ...]) -> Limiting:
    for verdict in ("yes", "not_yet", "undetermined"):
        own = [one for one in findings if one.verdict == verdict]
        if own:
            because = "; ".join(f"session {one.session}, {one.line}: {one.because}" for one in own)
            days = [one.on for one in own if one.on is not None]
            on = min(days) if verdict == "yes" and days else None
            return Limiting(own[0].verdict, because, on, findings)
    last = max((one.on for one in findings if one.on is not None), default=None)
    sessions = len({one.session for one in findings})
    because = f"none of {len(findings)} lines holds, after {sessions} session{'' if sessions == 1 else 's'}"
    return Limiting("no", because, last, findings)
