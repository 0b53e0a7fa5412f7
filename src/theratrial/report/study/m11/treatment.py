"""Sections 6 to 9: the intervention, discontinuation, assessments, adverse events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from theratrial.report.blocks import Terms, Text
from theratrial.report.study.analysis_plan.plan import dosimetry_terms, serious_terms
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import PlanInputs
from theratrial.report.study.m11.general import Builder
from theratrial.report.study.parts import absent, cells, table_or, to_write
from theratrial.report.study.tables import planned
from theratrial.report.study.voice import Voice


def _products(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (planned.products_table(voice, inputs.protocol),)


def _administration(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return planned.treatment_terms(voice, inputs.protocol)


def _modification(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "The activity is not adapted to the participant; whether the next session is given is decided by the "
                "gate. Undetermined is never proceed, and two physicians sign."
            )
        ),
        *planned.gate_terms(voice, inputs.protocol),
        planned.limits_terms(voice, inputs.protocol),
    )


def _accountability(_inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "Each batch is recorded with its activity at a reference time and its release tests; each injection "
                "with calibrator reading, residual and times. What was given is the difference, decayed to the moment "
                "of injection."
            )
        ),
    )


def _open(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (Text(voice("Open label, a single arm.") if len(inputs.protocol.arms) == 1 else voice("Open label.")),)


def _ends(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    plan = inputs.protocol.sessions.reading
    if plan is None:
        return (to_write(voice),)
    said = "; ".join(voice.word(one) for one in plan.ends_when)
    return (Text(voice("Treatment ends when: {reasons}.", reasons=said)),)


def _withdrawal(_inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "A participant may withdraw from treatment, from follow-up, from the use of her data, or from all, at "
                "any time and without a reason; it stands until she signs a consent form again."
            )
        ),
    )


def _screening(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    found: list[Block] = [_visit_forms(inputs, voice, "screening")]
    read = inputs.protocol.selection_read.reading if inputs.protocol.selection_read is not None else None
    if read is not None:
        found.append(
            Terms(
                (
                    (voice("Selection read"), voice.core(read.rule)),
                    (voice("Read by"), ", ".join(voice.word(role) for role in read.reader_roles)),
                )
            )
        )
    return tuple(found)


def _visit_forms(inputs: PlanInputs, voice: Voice, anchor: str) -> Block:
    rows = []
    for clause in inputs.protocol.schedule.values():
        visit = clause.reading
        if visit is None or visit.anchor != anchor:
            continue
        for procedure in visit.procedures:
            form = inputs.protocol.forms.get(procedure)
            if form is not None and form.reading is not None:
                items = "; ".join(voice.core(item.label) for item in form.reading.items)
                rows.append(cells(voice.core(form.reading.title), items))
    return table_or(voice, voice("Forms and their items"), (voice("Form"), voice("Items")), rows)


def _efficacy(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return planned.response_terms(voice, inputs.protocol)


def _safety(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (_visit_forms(inputs, voice, "administration"),)


def _laboratory(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    gate = inputs.protocol.safety_gate.reading
    if gate is None:
        return (absent(voice),)
    return (
        Text(voice("Graded by CTCAE {version}; a missing value has no grade.", version=gate.ctcae_version)),
        to_write(voice),
    )


def _pregnancy_test(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    gate = inputs.protocol.safety_gate.reading
    if gate is None or not gate.pregnancy_test_required:
        return (to_write(voice),)
    said = ", ".join(voice.word(one) for one in gate.pregnancy_test_before)
    return (Text(voice("A negative test before each injection of: {products}.", products=said)),)


def _kinetics(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        planned.imaging_table(voice, inputs.protocol),
        *dosimetry_terms(inputs, voice),
    )


def _events(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    gate = inputs.protocol.safety_gate.reading
    version = gate.ctcae_version if gate is not None else "–"
    return (
        Text(
            voice(
                "Any unfavourable medical occurrence after consent, related to the product or not, with its term and "
                "grade of CTCAE {version}.",
                version=version,
            )
        ),
    )


TREATMENT: Final[Mapping[str, Builder]] = {
    "6.1": _products,
    "6.3": _administration,
    "6.4": _modification,
    "6.6.3": _accountability,
    "6.7": _open,
    "7.1.1": _ends,
    "7.2": _withdrawal,
    "8.2": _screening,
    "8.3": _efficacy,
    "8.4.1": _safety,
    "8.4.4": _laboratory,
    "8.4.5": _pregnancy_test,
    "8.5": _kinetics,
    "9.1.1": _events,
    "9.1.2": lambda inputs, voice: serious_terms(inputs, voice),
}
