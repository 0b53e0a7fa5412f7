"""Section 11: efficacy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from theratrial.report.blocks import Heading, Text
from theratrial.report.study import figures
from theratrial.report.study.blocks import Block, Room
from theratrial.report.study.inputs import Desk
from theratrial.report.study.tables import efficacy, exposure, people, responses


def _analysis(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    blocks: list[Block] = [efficacy.answer(desk), efficacy.primary_table(desk), *figures.interval(desk)]
    blocks += [Text(voice.core(one)) for one in desk.result.analysis.plain_words]
    blocks += [
        Heading(voice("Sensitivity analyses")),
        *efficacy.sensitivity_tables(desk),
        efficacy.intercurrent_table(desk),
        Heading(voice("Test, power and the weight of one participant")),
        efficacy.test_table(desk),
        efficacy.flip_table(desk),
        efficacy.power_table(desk),
        Heading(voice("Time to event")),
        efficacy.survival_table(desk),
    ]
    return tuple(blocks)


def _issues(desk: Desk) -> tuple[Block, ...]:
    voice, endpoint = desk.voice, desk.result.endpoint
    sites = {one.site_id for one in desk.treated}
    return (
        Text(voice("Adjustment for covariates: none.")),
        Text(
            voice(
                "Missing data: a missing assessment counts as {rule}; sensitivity analyses are in section 11.4.1.",
                rule=voice.word(endpoint.missing_rule),
            )
        ),
        Text(voice("Interim analyses: the data-safety report is cut at a date; it changes no analysis here.")),
        Text(voice("Centres: {n}.", n=len(sites))),
        Text(voice("Multiplicity: one primary endpoint; everything else is exploratory and not adjusted.")),
        Text(voice("Subgroups: none were planned, none are shown.")),
    )


def _responses(desk: Desk) -> tuple[Block, ...]:
    return (
        responses.criteria_table(desk),
        responses.category_counts(desk),
        responses.agreement_table(desk),
        responses.replay_table(desk),
        responses.heterogeneity_table(desk),
    )


def _dose_response(desk: Desk) -> tuple[Block, ...]:
    voice, found = desk.voice, desk.result.criteria.dose_response
    blocks: list[Block] = []
    if found is not None:
        said = voice(
            "{lesions} lesions of {participants} participants have a dose and a measured change; {open} more "
            "have a dose without value or upper bound, {resolved} had resolved. Exploratory, no test.",
            lesions=found.lesions,
            participants=found.participants,
            open=found.undetermined,
            resolved=found.resolved,
        )
        blocks.append(Text(said))
    blocks.append(exposure.lesion_table(desk))
    return tuple(blocks)


BUILDERS: Mapping[str, Callable[[Desk], tuple[Block, ...]]] = {
    "11.1": lambda desk: (people.sets_table(desk), people.excluded(desk)),
    "11.2": lambda desk: (people.baseline_table(desk),),
    "11.3": lambda desk: (exposure.exposure_summary(desk),),
    "11.4.1": _analysis,
    "11.4.2": _issues,
    "11.4.3": _responses,
    "11.4.4": _dose_response,
    "11.4.6": lambda desk: (*figures.waterfall(desk), *figures.swimmers(desk)),
    "11.4.7": lambda desk: (efficacy.answer(desk), Room(desk.voice("Room for the conclusions of the investigators."))),
}
