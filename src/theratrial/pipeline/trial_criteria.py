"""Response over the participants: agreement, replay, and lesions' dose against their response."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

from theratrial.pipeline.context import Context
from theratrial.pipeline.response_replay import recist_again, replay, replay_rules, trial_estimand
from theratrial.results.criteria import Agreement, DoseResponse, Kappa, LesionCourse, Replay, TrialCriteria
from theratrial.results.places import participant_place
from theratrial.results.values import ParticipantResult
from theratrial.statistics import proportion
from theratrial.statistics.agreement import (
    METHOD as AGREEMENT_METHOD,
)
from theratrial.statistics.agreement import (
    VERSION as AGREEMENT_VERSION,
)
from theratrial.statistics.agreement import (
    WEIGHTINGS,
    Weighting,
    agreement_table,
    cohen_kappa,
    shared_answers,
)
from theratrial.statistics.rank_correlation import (
    METHOD as RANK_METHOD,
)
from theratrial.statistics.rank_correlation import (
    VERSION as RANK_VERSION,
)
from theratrial.statistics.rank_correlation import (
    rank_correlation,
)
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import TrialFolder

CATEGORIES: Final = ("CR", "PR", "SD", "PD")
"""Ordered from the best; what is not evaluable is no step of this order and is left out."""
_PATTERNS: Final = ("A", "B", "C", "D")
_CONTROL: Final = ("control", "no control")
_METABOLIC: Final = {"CMR": "CR", "PMR": "PR", "SMD": "SD", "PMD": "PD"}
_PROTOCOL_RULE: Final = "rule of the protocol"


def trial_criteria(folder: TrialFolder, participants: Sequence[ParticipantResult], context: Context) -> TrialCriteria:
    """Agreement of readers and criteria, and the response replayed under other rules."""
    further = context.resting_on("further_criteria")
    return TrialCriteria(
        agreements=(*_reader_agreements(participants, further), *_criteria_agreements(participants, further)),
        replays=_replays(folder, participants, context),
        dose_response=dose_response(participants, context.resting_on("dosimetry", "dose_regions", "response")),
    )


def _replays(folder: TrialFolder, participants: Sequence[ParticipantResult], context: Context) -> tuple[Replay, ...]:
    rules = replay_rules(folder.protocol)
    if rules is None or not any(one.response is not None for one in participants):
        return ()
    again, estimand = recist_again(folder, participants), trial_estimand(folder)
    resting = context.resting_on("response", "endpoint", "analysis_sets", *(("analysis",) if estimand else ()))
    return tuple(
        replay(participants, rules, change, recist_again=again, estimand=estimand, demonstration=resting)
        for change in rules.every_change()
    )


_Answers = Mapping[str, Mapping[str, str]]
"""Reader (or criteria) -> participant -> answer."""


def _reader_agreements(
    participants: Sequence[ParticipantResult], demonstration: tuple[str, ...]
) -> Iterator[Agreement]:
    """Every two readers, for each thing that both read."""
    by_rule: dict[str, dict[str, str]] = {}
    patterns: dict[str, dict[str, str]] = {}
    recist: dict[str, dict[str, str]] = {}
    for one in participants:
        for read in one.response.by_reader if one.response is not None else ():
            by_rule.setdefault(read.reader, {})[one.participant_id] = read.category
        for classed in one.criteria.heterogeneity.readers if one.criteria.heterogeneity is not None else ():
            patterns.setdefault(classed.reader, {})[one.participant_id] = classed.pattern
        for criteria in one.criteria.criteria:
            if criteria.criteria == "recist_1_1":
                for read in criteria.readers:
                    recist.setdefault(read.reader, {})[one.participant_id] = read.category
    for what, answers, categories, part in (
        (f"category by the {_PROTOCOL_RULE}", by_rule, CATEGORIES, "response.by_reader"),
        ("category by RECIST 1.1", recist, CATEGORIES, "criteria.criteria[recist_1_1].readers"),
        ("pattern of uptake", patterns, _PATTERNS, "criteria.heterogeneity.readers"),
    ):
        for first, second in combinations(sorted(answers), 2):
            if not answers[first].keys() & answers[second].keys():
                continue
            # Of participants whom one of the two never read there is nothing to compare, and nothing left out.
            both = answers[first].keys() & answers[second].keys()
            mine, yours = ({name: answers[who][name] for name in both} for who in (first, second))
            yield _agreement(
                "readers", what, (first, mine), (second, yours), categories, part, WEIGHTINGS, demonstration
            )


def _criteria_agreements(
    participants: Sequence[ParticipantResult], demonstration: tuple[str, ...]
) -> Iterator[Agreement]:
    """The protocol's rule against every other criteria: the four categories, and disease control."""
    own: dict[str, str] = {
        one.participant_id: one.response.category for one in participants if one.response is not None
    }
    categories: dict[str, dict[str, str]] = {}
    control: dict[str, dict[str, str]] = {}
    titles: dict[str, str] = {}
    for one in participants:
        for criteria in one.criteria.criteria:
            if criteria.criteria == "protocol":
                continue
            titles[criteria.criteria] = criteria.title
            named = _METABOLIC.get(criteria.category, criteria.category)
            categories.setdefault(criteria.criteria, {})[one.participant_id] = named
            word = {True: _CONTROL[0], False: _CONTROL[1], None: ""}[criteria.controlled]
            control.setdefault(criteria.criteria, {})[one.participant_id] = word
    own_control = {name: _CONTROL[category == "PD"] for name, category in own.items() if category in CATEGORIES}
    for key, title in titles.items():
        part = f"criteria.criteria[{key}].category"
        mine, yours = (_PROTOCOL_RULE, own), (title, categories[key])
        yield _agreement("criteria", "category", mine, yours, CATEGORIES, part, WEIGHTINGS, demonstration)
        mine, yours = (_PROTOCOL_RULE, own_control), (title, control[key])
        yield _agreement("criteria", "disease control", mine, yours, _CONTROL, part, WEIGHTINGS[:1], demonstration)


def _agreement(
    between: str,
    what: str,
    first: tuple[str, Mapping[str, str]],
    second: tuple[str, Mapping[str, str]],
    categories: tuple[str, ...],
    part: str,
    weightings: Sequence[Weighting],
    demonstration: tuple[str, ...],
) -> Agreement:
    both, left_out = shared_answers(first[1], second[1], categories)
    pairs = [(first[1][one], second[1][one]) for one in both]
    agreed = sum(mine == yours for mine, yours in pairs)
    inputs = {one: f"value:{participant_place(one)}.{part}" for one in both}
    if between == "criteria":
        inputs |= {f"{one} by the protocol": f"value:{participant_place(one)}.response.category" for one in both}
    trace = Trace(AGREEMENT_METHOD, AGREEMENT_VERSION, inputs, demonstration=demonstration)
    share = Quantity(None, "fraction", trace, note="nobody was compared")
    if both:
        found = proportion(agreed, len(both))
        share = Quantity(found.estimate_fraction, "fraction", trace, found.lower_fraction, found.upper_fraction)
    table = agreement_table(pairs, categories)
    counts = Counter(pairs)
    kappas = []
    for weighting in weightings:
        kappa = cohen_kappa(table, weighting)
        quantity = Quantity(kappa.value, "1", trace, kappa.lower, kappa.upper, note=kappa.note)
        kappas.append(Kappa(weighting, quantity))
    return Agreement(
        between=between,  # type: ignore[arg-type]
        what=what,
        first=first[0],
        second=second[0],
        compared=len(both),
        agreed=agreed,
        left_out=len(left_out),
        categories=categories,
        table=tuple((mine, yours, counts[mine, yours]) for mine in categories for yours in categories),
        share_agreed=share,
        kappas=tuple(kappas),
        trace=trace,
    )


def is_determined(lesion: LesionCourse) -> bool:
    """Whether the lesion's dose has a value and an upper bound: only then it is a point of a dose-response figure."""
    dose = lesion.absorbed_dose_Gy
    return dose is not None and dose.value is not None and dose.upper is not None and math.isfinite(dose.upper)


def dose_response(participants: Sequence[ParticipantResult], demonstration: tuple[str, ...]) -> DoseResponse | None:
    """Lesions' absorbed dose over all sessions against their change of uptake; None where no lesion has a dose."""
    lesions = [(one.participant_id, lesion) for one in participants for lesion in one.criteria.lesions]
    with_dose = [(who, lesion) for who, lesion in lesions if lesion.absorbed_dose_Gy is not None]
    if not with_dose:
        return None
    changed = [(who, one) for who, one in with_dose if one.change_percent is not None]
    points = [(who, one) for who, one in changed if is_determined(one)]
    doses = [one.absorbed_dose_Gy.value or 0.0 for _, one in points if one.absorbed_dose_Gy is not None]
    changes = [one.change_percent.value or 0.0 for _, one in points if one.change_percent is not None]
    found = rank_correlation(doses, changes)
    inputs = {
        f"{who} {one.lesion_id}": f"value:{participant_place(who)}.criteria.lesions[{one.lesion_id}]"
        for who, one in points
    }
    trace = Trace(RANK_METHOD, RANK_VERSION, inputs, demonstration=demonstration)
    note = found.note
    whose = len({who for who, _ in points})
    if found.lower is not None and whose < len(points):
        note = (
            f"the interval takes {len(points)} lesions as independent; they are of {whose} participants, so it is too "
            "narrow"
        )
    return DoseResponse(
        participants=whose,
        lesions=len(points),
        undetermined=len(changed) - len(points),
        resolved=sum(one.status_response == "resolved" for _, one in with_dose),
        rank_correlation=Quantity(found.rho, "1", trace, found.lower, found.upper, note=note),
        trace=trace,
    )
