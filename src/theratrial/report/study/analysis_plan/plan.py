"""The statistical analysis plan: generated from the protocol alone, before any data are looked at."""

from __future__ import annotations

import platform

from theratrial.protocol.plans.toxicity import ExpeditedReports
from theratrial.report.blocks import Signatures, Terms, Text
from theratrial.report.study.analysis_plan.shells import shells
from theratrial.report.study.blocks import Block, Contents
from theratrial.report.study.csr.front import abbreviations
from theratrial.report.study.inputs import PlanInputs
from theratrial.report.study.parts import Chapter, absent, cells, table
from theratrial.report.study.render import Document
from theratrial.report.study.tables import planned, planned_analysis
from theratrial.report.study.voice import Voice


def analysis_plan(inputs: PlanInputs, voice: Voice) -> Document:
    """The statistical analysis plan."""
    protocol = inputs.protocol
    parts: list[tuple[str, str, tuple[Block, ...]]] = [
        ("1", voice("Title page"), _title(inputs, voice)),
        ("2", voice("Contents"), (Contents(voice("Contents"), voice("Tables and figures")),)),
        ("3", voice("Abbreviations"), (abbreviations(voice),)),
        ("4", voice("Purpose and standing of this plan"), _purpose(inputs, voice)),
        ("5", voice("Objectives and estimand"), planned.estimand_blocks(voice, protocol)),
        ("6", voice("Primary endpoint"), ()),
        ("6.1", voice("Definition"), planned.endpoint_terms(voice, protocol)),
        (
            "6.2",
            voice("Rule of response"),
            (*planned.response_terms(voice, protocol), planned_analysis.further_criteria_table(voice, protocol)),
        ),
        ("7", voice("Analysis sets"), (planned.sets_table(voice, protocol),)),
        ("8", voice("Sample size, interval, test and power"), tuple(planned_analysis.design_table(voice, protocol))),
        ("9", voice("Analyses"), ()),
        ("9.1", voice("Primary analysis"), primary_analysis(inputs, voice)),
        ("9.2", voice("Sensitivity analyses"), sensitivity_analyses(inputs, voice)),
        ("9.3", voice("Missing data"), missing_data(inputs, voice)),
        ("9.4", voice("Time to event"), (planned_analysis.survival_table(voice, protocol),)),
        ("9.5", voice("Exploratory analyses"), exploratory_analyses(voice)),
        ("10", voice("Safety analyses"), ()),
        ("10.1", voice("Adverse events and laboratory"), safety_analyses(inputs, voice)),
        ("10.2", voice("Dose-limiting toxicity and stopping"), planned_analysis.stopping_plan_blocks(voice, protocol)),
        ("10.3", voice("Serious events and pregnancy"), serious_terms(inputs, voice)),
        (
            "10.4",
            voice("Decision on the next session"),
            (*planned.gate_terms(voice, protocol), planned.limits_terms(voice, protocol)),
        ),
        ("11", voice("Dosimetry"), dosimetry_terms(inputs, voice)),
        ("12", voice("Software"), _software(inputs, voice)),
        ("13", voice("Decisions on what the protocol leaves open"), (planned.assumptions_table(voice, protocol),)),
        ("14", voice("Table shells"), tuple(shells(inputs, voice))),
        ("15", voice("Approval"), (_approval(voice),)),
    ]
    chapters = tuple(Chapter(number, title, blocks) for number, title, blocks in parts)
    return Document(voice("Statistical analysis plan"), chapters, inputs.state)


def _title(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    protocol, state, record = inputs.protocol, inputs.state, inputs.registration
    identity, population = protocol.identity.reading, protocol.population.reading
    title = record.scientific_title if record is not None else None
    said = voice.registered(title) if title else voice.quoted(identity.scientific_title) if identity is not None else ""
    rows = [
        (voice("Registration"), voice.inside(state.trial_id)),
        (voice("Protocol version"), state.protocol_version),
        (voice("Hash of the protocol file"), voice.inside(state.protocol_hash)),
    ]
    if identity is not None:
        rows.append((voice("Phase"), voice.core(identity.phase)))
    if population is not None:
        rows.append((voice("Planned participants"), str(population.sample_size)))
    rows.append((voice("Product"), voice.inside(f"theratrial {state.product_version}")))
    blocks: list[Block] = [Text(said), Terms(tuple(rows))]
    if not state.locked:
        blocks.append(Text(voice("Clauses of the protocol are open: this plan cannot be signed."), "stop"))
    if state.assumptions:
        blocks.append(
            Text(
                voice(
                    "Rests on {n} demonstration assumptions; section 13 lists the decisions behind them.",
                    n=state.assumptions,
                ),
                "warning",
            )
        )
    return tuple(blocks)


def _purpose(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "Made from the protocol file alone: no record, no image and no result was read. The same file "
                "gives the same plan, byte by byte."
            )
        ),
        Text(
            voice(
                "Where the text of the protocol leaves something open and no responsible person has decided, the "
                "plan says demonstration decision; such a decision must be taken before the plan is signed."
            )
        ),
        *planned.said_of(voice, inputs.protocol, "analysis"),
    )


def primary_analysis(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    """The primary analysis in a sentence."""
    endpoint = inputs.protocol.endpoint.reading
    if endpoint is None:
        return (absent(voice),)
    said = voice(
        "The number of successes divided by the number of participants of the set, with its two-sided {level} % "
        "interval ({method}). One analysis, when every participant can be counted.",
        level=f"{endpoint.confidence_level * 100:g}",
        method=voice.word(endpoint.interval_method),
    )
    return (Text(said),)


def sensitivity_analyses(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    """Every sensitivity analysis that will be generated."""
    plan = inputs.protocol.analysis.reading if inputs.protocol.analysis is not None else None
    if plan is None:
        return (absent(voice),)
    rows = []
    for event in plan.estimand.intercurrent_events:
        for other in event.alternatives:
            rows.append(
                cells(voice.core(event.title), f"{voice.word(event.strategy)} {voice.arrow} {voice.word(other)}")
            )
    endpoint = inputs.protocol.endpoint.reading
    if endpoint is not None:
        instead = voice.word("excluded" if endpoint.missing == "failure" else "failure")
        rows.append(cells(voice("Missing assessment"), f"{voice.word(endpoint.missing)} {voice.arrow} {instead}"))
    for key, clause in inputs.protocol.analysis_sets.items():
        if clause.reading is not None and (endpoint is None or key != endpoint.analysis_set):
            rows.append(cells(voice("Analysis set"), voice.core(clause.reading.title)))
    intervals = voice.listed(voice.word(one) for one in plan.further_intervals)
    if intervals:
        rows.append(cells(voice("Interval"), intervals))
    note = voice("Generated from the clauses, one change at a time; none is chosen by hand after the data are seen.")
    return (
        table(
            voice("Sensitivity analyses that will be generated"),
            (voice("What is varied"), voice("How")),
            rows,
            note=note,
        ),
    )


def missing_data(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    """What a missing value counts as."""
    endpoint = inputs.protocol.endpoint.reading
    if endpoint is None:
        return (absent(voice),)
    return (
        Text(
            voice(
                "A missing assessment counts as {rule}; nothing is imputed. A laboratory value that is missing "
                "has no grade, never grade 0; a dose without an upper bound is undetermined and never taken as "
                "below a limit.",
                rule=voice.word(endpoint.missing),
            )
        ),
    )


def exploratory_analyses(voice: Voice) -> tuple[Block, ...]:
    """What is shown without a test."""
    return (
        Text(
            voice(
                "Response by each further set of criteria, agreement of readers (kappa with interval), response "
                "replayed under one change at a time, heterogeneity of uptake, lesion dose beside lesion "
                "response: shown with their numbers, without a test."
            )
        ),
        Text(voice("No subgroup is analysed and nothing is adjusted for multiplicity; there is one primary endpoint.")),
    )


def safety_analyses(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    """Analyses of events and laboratory."""
    gate = inputs.protocol.safety_gate.reading
    version = gate.ctcae_version if gate is not None else "–"
    return (
        Text(
            voice(
                "Everyone with at least one administration is analysed. Adverse events are counted once per "
                "participant and term, by worst grade of CTCAE {version}, by system organ class.",
                version=version,
            )
        ),
        Text(
            voice(
                "Laboratory: shift from the last grade before the first session to the worst after it; nadir, "
                "days to nadir, recovery; every value graded by both versions of CTCAE, with what the other "
                "would change."
            )
        ),
        Text(voice("Deaths, serious events and pregnancies are listed with their clocks; no test is made.")),
    )


def serious_terms(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    """When an event is serious and who is told within what time."""
    clause = inputs.protocol.serious_events
    plan = clause.reading if clause is not None else None
    if plan is None:
        return (absent(voice),)
    rows = [
        (voice("Serious is an event that"), voice.clauses(voice.core(one) for one in plan.criteria)),
        (voice("Reported within"), voice("{n} h of awareness", n=f"{plan.report_within_h:g}")),
        (voice("To"), voice.listed(voice.core(one) for one in plan.recipients)),
        (voice("Suspected unexpected reactions, to the authority"), _expedited(plan.expedited, voice)),
        (voice("Source"), voice.core(plan.citation)),
    ]
    if plan.pregnancy_report_within_h is not None:
        rows.append(
            (voice("Pregnancy reported within"), voice("{n} h of awareness", n=f"{plan.pregnancy_report_within_h:g}"))
        )
    if plan.contraception_months is not None:
        rows.append(
            (
                voice("Contraception after the last administration"),
                voice("{n} months", n=f"{plan.contraception_months:g}"),
            )
        )
    return (Terms(tuple(rows)), *planned.said_of(voice, inputs.protocol, "serious_events"))


def _expedited(plan: ExpeditedReports, voice: Voice) -> str:
    return voice(
        "{to}: fatal or life-threatening within {urgent} calendar days and complete within {further} more, others "
        "within {other}; where relation or expectedness is not known, as if due",
        to=voice.listed(voice.core(one) for one in plan.recipients),
        urgent=str(plan.urgent_days),
        further=str(plan.further_days),
        other=str(plan.other_days),
    )


def dosimetry_terms(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    """How absorbed doses are computed."""
    plan = inputs.protocol.dosimetry.reading
    if plan is None:
        return (absent(voice),)
    rows = (
        (voice("Curve"), voice.word(plan.curve)),
        (voice("Absorbed dose"), voice.word(plan.absorbed_dose)),
        (voice("Extrapolated at most"), f"{plan.maximum_extrapolated_fraction * 100:g} %"),
        (voice("Repeatability"), f"{plan.repeatability_percent:g} %"),
    )
    return (Terms(rows), *planned.said_of(voice, inputs.protocol, "dosimetry"))


def _software(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    import numpy
    import scipy

    rows = (
        cells("theratrial", inputs.state.product_version),
        cells("Python", ".".join(platform.python_version_tuple()[:2])),
        cells("numpy", numpy.__version__),
        cells("scipy", scipy.__version__),
    )
    note = voice(
        "Methods with their equations, cases and limits: docs/methods of the product. `theratrial verify` "
        "recomputes every number."
    )
    return (
        table(
            voice("Software and versions"), (voice("Software"), voice("Version")), rows, note=note, style="narrow short"
        ),
    )


def _approval(voice: Voice) -> Block:
    roles = (voice("Statistician"), voice("Principal investigator"), voice("Sponsor"))
    return Signatures(roles, voice("Approved before the data were locked."))
