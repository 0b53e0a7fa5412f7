"""Section 9: the investigational plan, from the protocol and the registration record."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from theratrial.report.blocks import Heading, Terms, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import to_write
from theratrial.report.study.tables import planned, planned_analysis
from theratrial.report.study.tables.people import deviation_counts


def _design(desk: Desk) -> tuple[Block, ...]:
    voice, record = desk.voice, desk.folder.registration
    if record is None:
        return (to_write(voice),)
    summary = record.summary
    rows = [
        (voice("Design"), voice.registered(summary.design)),
        (voice("Settings and conduct"), voice.registered(summary.settings_and_conduct)),
        (voice("Intervention groups"), voice.registered(summary.intervention_groups)),
        (voice("Main outcome"), voice.registered(summary.main_outcome_variables)),
    ]
    return (
        Text(voice("In the words of the registration record:"), "quiet"),
        Terms(tuple(row for row in rows if row[1])),
    )


def _control(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    return (
        Text(
            voice(
                "A single arm without a control group: the results say nothing about what would have happened "
                "without the treatment."
            )
        ),
        to_write(voice),
    )


def _removal(desk: Desk) -> tuple[Block, ...]:
    voice, plan = desk.voice, desk.folder.protocol.sessions.reading
    if plan is None:
        return (to_write(voice),)
    said = voice.clauses(voice.word(one) for one in plan.ends_when)
    return (Text(voice("Treatment ends when: {reasons}.", reasons=said)),)


def _masked(desk: Desk) -> tuple[Block, ...]:
    voice, record = desk.voice, desk.folder.registration
    said = voice.registered(record.design.blinding_description) if record is not None else ""
    return (Text(voice("Open label, a single arm.")), *((Text(said),) if said else ()))


def _quality(desk: Desk) -> tuple[Block, ...]:
    voice, state = desk.voice, desk.inputs.state
    return (
        Text(
            voice(
                "Every number is computed by theratrial {version} from the stored records and images; its trace "
                "names inputs by hash, method and version (section 16.1.9). `theratrial verify` recomputes all "
                "of them.",
                version=state.product_version,
            )
        ),
        Text(
            voice("Monitoring, audits and training: not recorded in the trial folder, to be written by the sponsor."),
            "quiet",
        ),
    )


def _statistics(desk: Desk) -> tuple[Block, ...]:
    voice, protocol = desk.voice, desk.folder.protocol
    return (
        *planned.endpoint_terms(voice, protocol),
        Heading(voice("Estimand")),
        *planned.estimand_blocks(voice, protocol),
        Text(voice("The statistical analysis plan, a document of its own, has the rest."), "quiet"),
    )


def _size(desk: Desk) -> tuple[Block, ...]:
    voice, protocol = desk.voice, desk.folder.protocol
    population = protocol.population.reading
    n = population.sample_size if population is not None else voice("open")
    return (Text(voice("Planned: {n} participants.", n=n)), *planned.said_of(voice, protocol, "population"))


def _changes(desk: Desk) -> tuple[Block, ...]:
    voice, protocol = desk.voice, desk.folder.protocol
    return (
        planned.assumptions_table(voice, protocol),
        Text(deviation_counts(desk)),
        Text(
            voice("Amendments of the protocol: not recorded in the trial folder, to be written by the sponsor."),
            "quiet",
        ),
    )


BUILDERS: Mapping[str, Callable[[Desk], tuple[Block, ...]]] = {
    "9.1": _design,
    "9.2": _control,
    "9.3.1": lambda desk: (planned.criteria_table(desk.voice, desk.folder.protocol, "inclusion"),),
    "9.3.2": lambda desk: (planned.criteria_table(desk.voice, desk.folder.protocol, "exclusion"),),
    "9.3.3": _removal,
    "9.4.1": lambda desk: planned.treatment_terms(desk.voice, desk.folder.protocol),
    "9.4.2": lambda desk: (planned.products_table(desk.voice, desk.folder.protocol),),
    "9.4.3": lambda desk: (Text(desk.voice("Not applicable: a single arm, nobody is assigned.")),),
    "9.4.5": lambda desk: (
        planned.limits_terms(desk.voice, desk.folder.protocol),
        *planned.gate_terms(desk.voice, desk.folder.protocol),
    ),
    "9.4.6": _masked,
    "9.5.1": lambda desk: (
        planned.schedule_table(desk.voice, desk.folder.protocol),
        planned.imaging_table(desk.voice, desk.folder.protocol),
    ),
    "9.5.3": lambda desk: (
        *planned.response_terms(desk.voice, desk.folder.protocol),
        planned_analysis.further_criteria_table(desk.voice, desk.folder.protocol),
    ),
    "9.5.4": lambda desk: (
        Text(
            desk.voice(
                "No drug concentration is measured; the activity in organs and lesions is, by imaging (section 12.1)."
            )
        ),
    ),
    "9.6": _quality,
    "9.7.1": _statistics,
    "9.7.2": _size,
    "9.8": _changes,
}
