"""Sections 1 to 4: title page, synopsis, contents, abbreviations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from theratrial.report.blocks import Terms, Text
from theratrial.report.study.blocks import Block, Contents
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import cells, table, to_write
from theratrial.report.study.tables.efficacy import answer
from theratrial.report.study.tables.events import severe_and_serious
from theratrial.report.study.tables.people import deviation_counts
from theratrial.report.study.voice import Voice

_ABBREVIATIONS: Final = (
    ("AE", "adverse event"),
    ("BED", "biologically effective dose"),
    ("CR, PR, SD, PD, NE", "complete response, partial response, stable disease, progressive disease, not evaluable"),
    ("CRF", "case report form"),
    ("CT", "computed tomography"),
    ("CTCAE", "Common Terminology Criteria for Adverse Events"),
    ("DLT", "dose-limiting toxicity"),
    ("ECOG", "Eastern Cooperative Oncology Group"),
    ("EORTC", "European Organisation for Research and Treatment of Cancer"),
    ("HER2", "human epidermal growth factor receptor 2"),
    ("IEC, IRB", "independent ethics committee, institutional review board"),
    ("MBq, Gy", "megabecquerel, gray"),
    ("PERCIST", "PET Response Criteria in Solid Tumors"),
    ("PET", "positron emission tomography"),
    ("RECIST", "Response Evaluation Criteria in Solid Tumors"),
    ("SAE", "serious adverse event"),
    ("SUV, SUL", "standardised uptake value, by body mass or by lean body mass"),
)


def abbreviations(voice: Voice) -> Block:
    """What the short words of these documents mean."""
    rows = (cells(short, voice.core(meaning)) for short, meaning in _ABBREVIATIONS)
    return table(voice("Abbreviations"), (voice("Abbreviation"), voice("Meaning")), rows, style="narrow")


def state_warnings(desk: Desk, assumptions: str) -> tuple[Block, ...]:
    """What a reader must know of the data before the first number; `assumptions` says where they are listed."""
    voice, state = desk.voice, desk.inputs.state
    found: list[Block] = []
    if desk.result.open_conflicts:
        found.append(
            Text(
                voice(
                    "{n} clauses of the protocol are open. Nothing here may be used.", n=len(desk.result.open_conflicts)
                ),
                "stop",
            )
        )
    if state.draft:
        found.append(
            Text(voice("DRAFT: the data are not locked, or a draft was asked for. Nothing in it is final."), "stop")
        )
    if state.simulated:
        found.append(
            Text(voice("The participants are virtual: simulated, no patient is behind any number."), "warning")
        )
    if state.assumptions:
        found.append(Text(assumptions, "warning"))
    return tuple(found)


def identity_rows(desk: Desk) -> list[tuple[str, str]]:
    """Trial, registry, product, indication, phase, dates, sponsor, state of the data."""
    voice, folder, state = desk.voice, desk.folder, desk.inputs.state
    protocol, record = folder.protocol, folder.registration
    identity, population = protocol.identity.reading, protocol.population.reading
    rows = [(voice("Registration"), f"{voice.inside(desk.result.trial_id)} ({voice.core(desk.result.registry)})")]
    therapy = [
        one.reading.name
        for one in protocol.products.values()
        if one.reading is not None and one.reading.role == "therapy"
    ]
    rows.append((voice("Investigational product"), voice.listed(therapy) or voice("open")))
    if population is not None:
        rows.append((voice("Indication"), f"{voice.core(population.condition)} ({voice.inside(population.icd10)})"))
    rows.append((voice("Phase"), voice.core(desk.result.phase)))
    rows.append((voice("Protocol version"), identity.protocol_version if identity is not None else voice("open")))
    if not state.dates_moved:
        first = min((one.sessions[0].injected_at for one in desk.treated), default=None)
        rows.append((voice("First treatment"), voice.day(first)))
        rows.append((voice("Data to"), voice.minute(state.cut_off)))
    rows.append((voice("State of the data"), voice("DRAFT") if state.draft else voice("locked")))
    rows.append((voice("Made from"), voice.inside(state.source)))
    if record is not None:
        sponsors = voice.clauses(
            voice.registered(one.contact.organization) for one in record.sponsors if one.contact.organization
        )
        rows.append((voice("Sponsor"), sponsors or voice("not recorded")))
    rows.append((voice("Product"), voice.inside(f"theratrial {state.product_version}")))
    return rows


def _title_page(desk: Desk) -> tuple[Block, ...]:
    voice, record = desk.voice, desk.folder.registration
    title = record.scientific_title if record is not None else None
    blocks: list[Block] = [Text(voice.registered(title) if title else voice.quoted(desk.result.scientific_title), "")]
    blocks.append(Terms(tuple(identity_rows(desk))))
    assumptions = voice(
        "Rests on {n} demonstration assumptions; section 9.8 lists the decisions behind them.",
        n=desk.inputs.state.assumptions,
    )
    blocks += state_warnings(desk, assumptions)
    blocks.append(
        Text(
            voice(
                "Good clinical practice: whether the study was performed in compliance with it is for the "
                "sponsor to state."
            ),
            "quiet",
        )
    )
    return tuple(blocks)


def _synopsis(desk: Desk) -> tuple[Block, ...]:
    voice, result, record = desk.voice, desk.result, desk.folder.registration
    flow = result.flow
    rows = []
    if record is not None:
        rows.append((voice("Objectives"), voice.registered(record.summary.aim) or voice("not recorded")))
        rows.append((voice("Methodology"), voice.registered(record.summary.design) or voice("not recorded")))
    people = voice(
        "{planned} planned, {screened} screened, {treated} treated, {assessed} assessed, {analysed} analysed",
        planned=result.sample_size,
        screened=flow.screened,
        treated=flow.treated,
        assessed=flow.response_assessed,
        analysed=flow.analysed,
    )
    rows.append((voice("Number of patients"), people))
    rows.append((voice("Criterion of evaluation"), voice.core(result.endpoint.title)))
    severe, serious = severe_and_serious(desk)
    safety = voice(
        "{severe} of {treated} treated participants had an adverse event of grade 3 or worse from the first session "
        "on; {serious} serious events since then are recorded.",
        severe=len(severe.participants),
        treated=len(desk.treated),
        serious=serious.events,
    )
    rows.append((voice("Safety"), safety))
    stopping = result.toxicity.stopping
    if stopping is not None:
        rows.append((voice("Dose-limiting toxicity"), voice.core(stopping.sentence)))
    rows.append((voice("Deviations"), deviation_counts(desk)))
    conclusion = to_write(voice)
    return (answer(desk), Terms(tuple(rows)), Text(voice("Conclusion") + ": " + conclusion.text, "quiet"))


def _contents(desk: Desk) -> tuple[Block, ...]:
    return (Contents(desk.voice("Contents"), desk.voice("Tables and figures")),)


BUILDERS: Mapping[str, Callable[[Desk], tuple[Block, ...]]] = {
    "1": _title_page,
    "2": _synopsis,
    "3": _contents,
    "4": lambda desk: (abbreviations(desk.voice),),
}
