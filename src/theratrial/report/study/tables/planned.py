"""What the protocol plans, in tables: criteria, schedule, images, treatment, regions and limits, sets, estimand."""

from __future__ import annotations

from theratrial.protocol.check import demonstration_clauses
from theratrial.protocol.clauses import Clause, DecisionStatus, Window
from theratrial.protocol.schema import Protocol
from theratrial.report.blocks import Cell, Terms, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.parts import absent, table, table_or
from theratrial.report.study.tables.conditions import condition_cell
from theratrial.report.study.voice import Voice


def marked(voice: Voice, protocol: Protocol, path: str) -> str:
    """A mark behind what rests on a demonstration decision or is open; else ""."""
    clause = getattr(protocol, path.partition(".")[0], None)
    if isinstance(clause, Clause) and clause.decision.status is DecisionStatus.OPEN:
        return voice("open")
    found = any(one == path or one.startswith(f"{path}.") for one in demonstration_clauses(protocol))
    return voice("demonstration decision") if found else ""


def said_of(voice: Voice, protocol: Protocol, path: str) -> tuple[Block, ...]:
    """The warning that a clause rests on a demonstration decision, with its reason."""
    mark = marked(voice, protocol, path)
    if not mark:
        return ()
    clause = getattr(protocol, path, None)
    why = clause.decision.why if isinstance(clause, Clause) else ""
    text = voice("This clause is a demonstration decision; nobody responsible for the trial has taken it.")
    return (Text(f"{text} {voice.core(why)}".strip(), "warning"),)


def criteria_table(voice: Voice, protocol: Protocol, kind: str) -> Block:
    """Criteria of one kind with their condition and the registered words."""
    rows = []
    for path, clause in protocol.eligibility.items():
        reading = clause.reading
        if reading is None or reading.kind != kind:
            continue
        verbatim = " / ".join(voice.quoted(sentence.text) for sentence in clause.verbatim)
        mark = marked(voice, protocol, f"eligibility.{path}")
        rows.append(
            (
                Cell(voice.core(reading.title), below=mark),
                condition_cell(voice, protocol, reading.condition),
                Cell(verbatim or "–"),
            )
        )
    caption = voice("Inclusion criteria") if kind == "inclusion" else voice("Exclusion criteria")
    return table_or(voice, caption, (voice("Criterion"), voice("Condition"), voice("Registered words")), rows)


def _window(voice: Voice, window: Window, unit: str) -> str:
    if window.minimum == window.maximum:
        return f"{window.minimum:g} {unit}"
    return voice("{lower} to {upper}", lower=f"{window.minimum:g}", upper=f"{window.maximum:g} {unit}")


def schedule_table(voice: Voice, protocol: Protocol) -> Block:
    """Visits and images with their windows."""
    rows = []
    for key, clause in protocol.schedule.items():
        if (visit := clause.reading) is not None:
            done = voice.listed(_procedure(voice, protocol, one) for one in visit.procedures) or "–"
            each = voice("each session") if visit.per_session else voice("once")
            rows.append(
                (
                    Cell(voice.core(visit.title), below=marked(voice, protocol, f"schedule.{key}")),
                    Cell(voice.word(visit.anchor)),
                    Cell(_window(voice, visit.window_days, voice("days"))),
                    Cell(each),
                    Cell(done),
                )
            )
    head = ("Visit", "Counted from", "Window", "How often", "Done there")
    return table_or(voice, voice("Schedule of visits"), [voice(one) for one in head], rows)


def _procedure(voice: Voice, protocol: Protocol, key: str) -> str:
    for clauses in (protocol.forms, protocol.imaging):
        clause = clauses.get(key)
        if clause is not None and clause.reading is not None:
            return voice.core(clause.reading.title)
    return voice.word(key)


def imaging_table(voice: Voice, protocol: Protocol) -> Block:
    """Planned images and what they are for."""
    rows = []
    for key, clause in protocol.imaging.items():
        if (plan := clause.reading) is not None:
            purpose = voice.listed(voice.word(one) for one in plan.purpose)
            rows.append(
                (
                    Cell(voice.core(plan.title), below=marked(voice, protocol, f"imaging.{key}")),
                    Cell(voice.word(plan.kind)),
                    Cell(voice.word(plan.after)),
                    Cell(_window(voice, plan.window_h, voice("hours"))),
                    Cell(purpose),
                )
            )
    head = ("Image", "Kind", "Counted from", "Window", "Purpose")
    return table_or(voice, voice("Planned images"), [voice(one) for one in head], rows)


def products_table(voice: Voice, protocol: Protocol) -> Block:
    """Radiopharmaceuticals."""
    rows = []
    for key, clause in protocol.products.items():
        if (product := clause.reading) is not None:
            purity = product.minimum_radiochemical_purity_percent
            rows.append(
                (
                    Cell(product.name, below=marked(voice, protocol, f"products.{key}")),
                    Cell(voice.word(product.role)),
                    Cell(product.nuclide),
                    Cell(voice.core(product.vector)),
                    Cell(voice.word(product.route)),
                    Cell(f"≥ {purity:g} %" if purity is not None else "–"),
                )
            )
    head = ("Product", "Role", "Nuclide", "Vector", "Route", "Radiochemical purity")
    return table_or(voice, voice("Investigational products"), [voice(one) for one in head], rows)


def treatment_terms(voice: Voice, protocol: Protocol) -> tuple[Block, ...]:
    """Activity, mass, sessions, interval and what ends treatment."""
    plan = protocol.sessions.reading
    if plan is None:
        return (absent(voice),)
    mass = f"{plan.antibody_mass_mg:g} mg" if plan.antibody_mass_mg is not None else voice("not stated")
    rows = (
        (
            voice("Activity in each session"),
            f"{plan.administered_activity_MBq:g} MBq ± {plan.activity_tolerance_percent:g} %",
        ),
        (voice("Antibody in each session"), mass),
        (voice("Sessions at most"), str(plan.maximum_sessions)),
        (voice("Interval between sessions"), _window(voice, plan.interval_days, voice("days"))),
        (voice("Treatment ends when"), voice.clauses(voice.word(one) for one in plan.ends_when)),
    )
    return (Terms(rows), *said_of(voice, protocol, "sessions"))


def limits_terms(voice: Voice, protocol: Protocol) -> Block:
    """Organ dose limits with their sources."""
    plan = protocol.dose_limits.reading
    if plan is None:
        return absent(voice)
    rows = []
    for key, limit in plan.limits.items():
        clause = protocol.dose_regions.get(key)
        title = clause.reading.title if clause is not None and clause.reading is not None else key
        rows.append((Cell(voice.core(title)), Cell(f"{limit.absorbed_dose_Gy:g}"), Cell(voice.quoted(limit.citation))))
    note = marked(voice, protocol, "dose_limits")
    return table(voice("Organ dose limits"), (voice("Organ"), voice("Limit [Gy]"), voice("Source")), rows, note=note)


def gate_terms(voice: Voice, protocol: Protocol) -> tuple[Block, ...]:
    """What must hold before the next session."""
    gate = protocol.safety_gate.reading
    if gate is None:
        return (absent(voice),)
    grades = voice.clauses(
        voice("{test}: grade {n} at most", test=voice.word(one.test), n=one.maximum_grade) for one in gate.laboratory
    )
    rows = (
        (voice("CTCAE version"), gate.ctcae_version),
        (voice("Laboratory"), grades),
        (voice("Laboratory values not older than"), voice("{n} days", n=f"{gate.laboratory_maximum_age_days:g}")),
        (voice("Unresolved related adverse events"), voice("grade {n} at most", n=gate.maximum_adverse_event_grade)),
        (voice("Examined by"), voice.listed(voice.word(role) for role in gate.examiner_roles)),
        (
            voice("Negative pregnancy test before each injection"),
            voice("yes") if gate.pregnancy_test_required else voice("no"),
        ),
    )
    return (Terms(rows), *said_of(voice, protocol, "safety_gate"))


def endpoint_terms(voice: Voice, protocol: Protocol) -> tuple[Block, ...]:
    """The primary endpoint as the protocol reads it."""
    endpoint = protocol.endpoint.reading
    if endpoint is None:
        return (absent(voice),)
    clause = protocol.analysis_sets.get(endpoint.analysis_set)
    title = clause.reading.title if clause is not None and clause.reading is not None else endpoint.analysis_set
    rows = (
        (voice("Endpoint"), voice.core(endpoint.title)),
        (
            voice("Categories that count as success"),
            voice.listed(voice.word(one) for one in endpoint.counted_categories),
        ),
        (voice("Analysis set"), voice.core(title)),
        (voice("A missing assessment counts as"), voice.word(endpoint.missing)),
        (voice("Interval"), f"{voice.word(endpoint.interval_method)}, {endpoint.confidence_level * 100:g} %"),
    )
    return (Terms(rows), *said_of(voice, protocol, "endpoint"))


def response_terms(voice: Voice, protocol: Protocol) -> tuple[Block, ...]:
    """The rule of response."""
    rule = protocol.response.reading
    if rule is None:
        return (absent(voice),)
    rows = [
        (voice("Rule"), voice.core(rule.name)),
        (voice("Metric"), voice.word(rule.metric)),
        (voice("Target lesions at most"), str(rule.maximum_target_lesions)),
        (
            voice("Partial response"),
            voice(
                "fall of at least {percent} % and {absolute}",
                percent=f"{rule.partial_decrease_percent:g}",
                absolute=f"{rule.partial_decrease_absolute:g} SUV",
            ),
        ),
        (
            voice("Progression"),
            voice(
                "rise above {percent} % and {absolute}",
                percent=f"{rule.progression_increase_percent:g}",
                absolute=f"{rule.progression_increase_absolute:g} SUV",
            ),
        ),
        (voice("A new lesion is progression"), voice("yes") if rule.new_lesion_is_progression else voice("no")),
        (voice("Exploratory"), voice("yes") if rule.exploratory else voice("no")),
    ]
    return (Terms(tuple(rows)), *said_of(voice, protocol, "response"))


def sets_table(voice: Voice, protocol: Protocol) -> Block:
    """Analysis sets with their definition."""
    rows = [
        (
            Cell(voice.core(clause.reading.title) if clause.reading is not None else voice("open")),
            condition_cell(voice, protocol, clause.reading.condition) if clause.reading is not None else Cell("–"),
            Cell(marked(voice, protocol, f"analysis_sets.{key}") or "–"),
        )
        for key, clause in protocol.analysis_sets.items()
    ]
    return table_or(voice, voice("Analysis sets"), (voice("Set"), voice("Definition"), voice("Standing")), rows)


def estimand_blocks(voice: Voice, protocol: Protocol) -> tuple[Block, ...]:
    """The five attributes of ICH E9(R1) and the intercurrent events with their strategies."""
    plan = protocol.analysis.reading if protocol.analysis is not None else None
    if plan is None:
        return (absent(voice),)
    estimand, endpoint = plan.estimand, protocol.endpoint.reading
    clause = protocol.analysis_sets.get(endpoint.analysis_set) if endpoint is not None else None
    population = clause.reading.title if clause is not None and clause.reading is not None else voice("open")
    rows = (
        (voice("Treatment"), voice.core(estimand.treatment)),
        (voice("Population"), voice.core(population)),
        (voice("Variable"), voice.core(estimand.variable)),
        (voice("Intercurrent events"), voice("in the table below")),
        (voice("Population-level summary"), voice.core(estimand.summary)),
    )
    events = [
        (
            Cell(voice.core(one.title)),
            Cell(voice.word(one.strategy)),
            Cell(voice.listed(voice.word(other) for other in one.alternatives) or "–"),
            Cell(voice.core(one.why)),
        )
        for one in estimand.intercurrent_events
    ]
    head = (voice("Event"), voice("Strategy"), voice("Sensitivity analyses"), voice("Why"))
    return (
        Terms(rows),
        table(voice("Intercurrent events and their strategies"), head, events),
        *said_of(voice, protocol, "analysis"),
    )


def assumptions_table(voice: Voice, protocol: Protocol) -> Block:
    """Every conflict of the text and how it is answered."""
    rows = [
        (
            Cell(voice.core(one.title)),
            Cell(voice.core(one.answer) or "–"),
            Cell(_standing(voice, one.decision.status), below=one.decision.by),
            Cell(voice.core(one.decision.why) or "–"),
        )
        for one in protocol.conflicts
    ]
    head = (voice("Question left by the text"), voice("Answer"), voice("Standing"), voice("Why"))
    return table_or(voice, voice("Decisions on what the protocol leaves open"), head, rows)


def _standing(voice: Voice, status: DecisionStatus) -> str:
    return {
        DecisionStatus.OPEN: voice("open"),
        DecisionStatus.DEMONSTRATION: voice("demonstration decision"),
        DecisionStatus.DECIDED: voice("decided"),
        DecisionStatus.AS_WRITTEN: voice("as written"),
    }[status]
