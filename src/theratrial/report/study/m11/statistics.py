"""Section 10: what the analysis plan says, in the protocol's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from theratrial.report.blocks import Text
from theratrial.report.study.analysis_plan.plan import (
    exploratory_analyses,
    missing_data,
    primary_analysis,
    safety_analyses,
    sensitivity_analyses,
)
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import PlanInputs
from theratrial.report.study.m11.general import Builder
from theratrial.report.study.tables import planned, planned_analysis
from theratrial.report.study.voice import Voice


def _general(_inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "The statistical analysis plan is made from the same protocol file and says the same in more detail; "
                "every number of the report can be recomputed."
            )
        ),
    )


def _sets(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (planned.sets_table(voice, inputs.protocol),)


def _interim(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return tuple(planned_analysis.stopping_plan_blocks(voice, inputs.protocol))


def _multiplicity(_inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(voice("No subgroup is analysed and nothing is adjusted for multiplicity; there is one primary endpoint.")),
    )


STATISTICS: Final[Mapping[str, Builder]] = {
    "10.1": _general,
    "10.2": _sets,
    "10.4.1.1": primary_analysis,
    "10.4.1.2": lambda inputs, voice: planned.estimand_blocks(voice, inputs.protocol),
    "10.4.1.3": missing_data,
    "10.4.1.4": sensitivity_analyses,
    "10.6": lambda _inputs, voice: exploratory_analyses(voice),
    "10.7": safety_analyses,
    "10.8": lambda inputs, voice: (planned_analysis.survival_table(voice, inputs.protocol),),
    "10.9": _interim,
    "10.10": _multiplicity,
    "10.11": lambda inputs, voice: tuple(planned_analysis.design_table(voice, inputs.protocol)),
}
