"""Sections 1 to 5 and 11 to 14: summary, objectives, design, population, oversight, appendices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from theratrial.report.blocks import Terms, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.csr.front import abbreviations
from theratrial.report.study.inputs import PlanInputs
from theratrial.report.study.parts import cells, nothing_recorded, table, table_or, to_write
from theratrial.report.study.tables import planned, planned_analysis
from theratrial.report.study.voice import Voice

Builder = Callable[[PlanInputs, Voice], tuple[Block, ...]]


def _overall(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    population, sessions = inputs.protocol.population.reading, inputs.protocol.sessions.reading
    rows = [
        (
            voice("Design"),
            voice("Open label, a single arm.") if len(inputs.protocol.arms) == 1 else voice("Open label."),
        ),
        (voice("Arms"), str(len(inputs.protocol.arms))),
    ]
    if population is not None:
        rows += [
            (voice("Condition"), voice.core(population.condition)),
            (voice("Youngest age"), voice("{n} years", n=f"{population.minimum_age_years:g}")),
            (voice("Sex"), voice.word(population.sex)),
            (voice("Planned participants"), str(population.sample_size)),
        ]
    if sessions is not None:
        rows.append((voice("Sessions at most"), str(sessions.maximum_sessions)))
    return (Terms(tuple(rows)), *planned.said_of(voice, inputs.protocol, "population"))


def _schema(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    protocol = inputs.protocol
    images = [plan for clause in protocol.imaging.values() if (plan := clause.reading) is not None and plan.per_session]
    visits = [one for clause in protocol.schedule.values() if (one := clause.reading) is not None and one.per_session]
    session = [
        voice("Injection"),
        *(voice.core(one.title) for one in images),
        *(voice.core(one.title) for one in visits),
    ]
    arrow = f" {voice.arrow} "
    rows = [
        cells(voice("Before treatment"), _once(inputs, voice, "screening")),
        cells(voice("Each session"), arrow.join(session)),
        cells(voice("Gate"), voice("proceed: the next session; stop or undetermined: no further session")),
        cells(voice("After the last session"), _once(inputs, voice, "last_administration")),
    ]
    return (table(voice("Course of a participant"), (voice("Part"), voice("What happens")), rows),)


def _once(inputs: PlanInputs, voice: Voice, anchor: str) -> str:
    visits = [one for clause in inputs.protocol.schedule.values() if (one := clause.reading) is not None]
    return "; ".join(voice.core(one.title) for one in visits if not one.per_session and one.anchor == anchor) or "–"


def _activities(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (planned.schedule_table(voice, inputs.protocol), planned.imaging_table(voice, inputs.protocol))


def _estimand(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (*planned.endpoint_terms(voice, inputs.protocol), *planned.estimand_blocks(voice, inputs.protocol))


def _objectives(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (*planned.endpoint_terms(voice, inputs.protocol), *_secondary(inputs, voice))


def _secondary(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    outcomes = inputs.registration.secondary_outcomes if inputs.registration is not None else ()
    rows = [cells(voice.registered(one.description), voice.registered(one.timepoint) or "–") for one in outcomes]
    return (table_or(voice, voice("Secondary outcomes as registered"), (voice("Outcome"), voice("When")), rows),)


def _exploratory(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (planned_analysis.further_criteria_table(voice, inputs.protocol),)


def _design(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    record = inputs.registration
    arms = [
        cells(voice.core(arm.title), voice.core(arm.description))
        for clause in inputs.protocol.arms.values()
        if (arm := clause.reading) is not None
    ]
    blocks: list[Block] = [table(voice("Arms"), (voice("Arm"), voice("Description")), arms)]
    if record is not None:
        said = [
            (voice("Design"), voice.registered(record.summary.design)),
            (voice("Settings and conduct"), voice.registered(record.summary.settings_and_conduct)),
        ]
        blocks.append(Text(voice("In the words of the registration record:"), "quiet"))
        blocks.append(Terms(tuple(row for row in said if row[1])))
    return tuple(blocks)


def _purpose(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    said = voice.registered(inputs.registration.summary.aim) if inputs.registration is not None else ""
    return (Text(said),) if said else (to_write(voice),)


def _stopping(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return tuple(planned_analysis.stopping_plan_blocks(voice, inputs.protocol))


def _population(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    population = inputs.protocol.population.reading
    said = (Text(voice.core(population.condition)),) if population is not None else ()
    return (*said, to_write(voice))


def _inclusion(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (planned.criteria_table(voice, inputs.protocol, "inclusion"),)


def _exclusion(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (planned.criteria_table(voice, inputs.protocol, "exclusion"),)


def _contraception(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    clauses = (inputs.protocol.serious_events, inputs.protocol.radiation_protection)
    months = [one.reading.contraception_months for one in clauses if one is not None and one.reading is not None]
    said = [one for one in months if one is not None]
    if not said:
        return (to_write(voice),)
    # Two clauses may say it; who reads the protocol keeps to the longer.
    return (Text(voice("Contraception for {n} months after the last administration.", n=f"{max(said):g}")),)


def _ethics(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    rows = [
        cells(voice.quoted(one.committee), voice.inside(one.reference), voice.day(one.approved_on))
        for clause in inputs.protocol.ethics
        if (one := clause.reading) is not None
    ]
    head = (voice("Committee"), voice("Reference"), voice("Approved on"))
    return (table(voice("Ethics approvals"), head, rows),) if rows else (nothing_recorded(voice),)


def _consent(_inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "Nothing is done for the trial before the consent form is signed; a new version of the form is signed "
                "again before the next visit. What is withdrawn (treatment, follow-up, use of data) is asked and "
                "recorded apart."
            )
        ),
        to_write(voice),
    )


def _deviations(_inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "Deviations are computed from the records against the windows, limits and tolerances of this protocol, "
                "and listed with their severity; people add what no record shows."
            )
        ),
    )


def _source(_inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (
        Text(
            voice(
                "Every entry keeps who made it, when and why it was changed; images are stored as they came. Each "
                "derived number can be recomputed from them."
            )
        ),
    )


def _dissemination(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    plan = inputs.protocol.sharing.reading
    if plan is None:
        return (to_write(voice),)
    titles = {
        "individual_participant_data": voice("Individual participant data"),
        "study_protocol": voice("Study protocol"),
        "statistical_analysis_plan": voice("Statistical analysis plan"),
        "informed_consent_form": voice("Informed consent form"),
        "clinical_study_report": voice("Clinical study report"),
        "analytic_code": voice("Analytic code"),
        "data_dictionary": voice("Data dictionary"),
    }
    rows = [cells(title, voice.word(getattr(plan, name))) for name, title in titles.items()]
    return (table(voice("Sharing plan"), (voice("Item"), voice("Shared")), rows),)


def _laboratory(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    tests = [one for one in inputs.protocol.variables if one.table == "laboratory"]
    rows = [cells(voice.core(one.label), one.unit or "–") for one in tests]
    return (table_or(voice, voice("Laboratory tests of the criteria"), (voice("Test"), voice("Unit")), rows),)


def _decisions(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    return (planned.assumptions_table(voice, inputs.protocol),)


GENERAL: Final[Mapping[str, Builder]] = {
    "1.1.1": _objectives,
    "1.1.2": _overall,
    "1.2": _schema,
    "1.3": _activities,
    "2.1": _purpose,
    "3.1": _estimand,
    "3.2": _secondary,
    "3.3": _exploratory,
    "4.1": _design,
    "4.2.7": _decisions,
    "4.3": _stopping,
    "5.1": _population,
    "5.2": _inclusion,
    "5.3": _exclusion,
    "5.4.2": _contraception,
    "11.1": _ethics,
    "11.3": _consent,
    "11.9": _source,
    "11.10": _deviations,
    "11.12": _dissemination,
    "12.1": _laboratory,
    "13": lambda _inputs, voice: (abbreviations(voice),),
}
