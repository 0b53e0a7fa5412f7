"""Sections 13 to 16: people's words, references, appendices and listings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from theratrial.report.blocks import Cell, Signatures, Terms, Text
from theratrial.report.study.blocks import Block, Room
from theratrial.report.study.csr.conduct import committees
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import table_or
from theratrial.report.study.tables import blood, events, exposure, people, responses

_METHODS = (
    ("Clopper and Pearson, Biometrika 1934;26:404", "exact interval of a proportion"),
    ("Newcombe, Stat Med 1998;17:857", "intervals of a proportion compared"),
    ("Ivanova, Qaqish and Schell, Biometrics 2005;61:540", "continuous stopping for toxicity"),
    ("Eisenhauer et al., Eur J Cancer 2009;45:228", "RECIST 1.1"),
    ("Wahl et al., J Nucl Med 2009;50(Suppl 1):122S", "PERCIST 1.0"),
    ("Young et al., Eur J Cancer 1999;35:1773", "EORTC criteria of 1999"),
    ("NCI, CTCAE 5.0, 27 November 2017", "grades of adverse events"),
    ("ICH E3, 30 November 1995", "structure of this report"),
    ("ICH E9(R1), 20 November 2019", "estimands"),
)


def references(desk: Desk) -> tuple[Block, ...]:
    """Publications behind the methods and the limits."""
    voice = desk.voice
    rows = [(Cell(voice.quoted(source)), Cell(voice.core(use))) for source, use in _METHODS]
    limits = desk.folder.protocol.dose_limits.reading
    for citation in dict.fromkeys(limit.citation for limit in limits.limits.values()) if limits is not None else ():
        rows.append((Cell(voice.quoted(citation)), Cell(voice("organ dose limits"))))
    note = voice(
        "docs/methods of the product has the full list of each method. Entered from memory and not collated: "
        "check before submission."
    )
    head = (voice("Publication"), voice("For"))
    return (table_or(voice, voice("References"), head, rows, note=note),)


def _statistics(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    return (
        Text(
            voice(
                "Each number of this report leads to a line below: method and version, then the inputs by hash, "
                "record line or place in the results."
            )
        ),
    )


def _protocol(desk: Desk) -> tuple[Block, ...]:
    voice, state = desk.voice, desk.inputs.state
    rows = (
        (voice("Version"), state.protocol_version),
        (voice("Hash of the protocol file"), voice.inside(state.protocol_hash)),
    )
    return (
        Terms(rows),
        Text(voice("The protocol is a file of the trial folder; amendments are to be added by the sponsor."), "quiet"),
    )


def _batches(desk: Desk) -> tuple[Block, ...]:
    return (exposure.batches_table(desk),)


BUILDERS: Mapping[str, Callable[[Desk], tuple[Block, ...]]] = {
    "13": lambda desk: (
        Text(
            desk.voice(
                "The product writes no discussion. What the numbers can and cannot show is said in section 11.4.1."
            ),
            "quiet",
        ),
        Room(desk.voice("Room for discussion and overall conclusions.")),
    ),
    "14.1": lambda desk: (Text(desk.voice("In section {n}.", n="11.2"), "quiet"),),
    "14.2": lambda desk: (Text(desk.voice("In section {n}.", n="11.4"), "quiet"),),
    "14.3.1": lambda desk: (Text(desk.voice("In section {n}.", n="12.2"), "quiet"),),
    "14.3.2": lambda desk: (Text(desk.voice("In section {n}.", n="12.3.1"), "quiet"),),
    "14.3.3": lambda desk: (Text(desk.voice("In section {n}.", n="12.3.2"), "quiet"),),
    "14.3.4": lambda desk: (blood.abnormal_listing(desk),),
    "15": references,
    "16.1.1": _protocol,
    "16.1.3": lambda desk: (committees(desk),),
    "16.1.5": lambda desk: (
        Signatures(
            (
                desk.voice("Principal investigator"),
                desk.voice("Sponsor's responsible medical officer"),
                desk.voice("Statistician"),
            ),
            desk.voice(
                "I have read this report and confirm that to the best of my knowledge it describes the conduct "
                "and results of the study."
            ),
        ),
    ),
    "16.1.6": _batches,
    "16.1.7": lambda desk: (Text(desk.voice("Not applicable: a single arm, nobody is assigned.")),),
    "16.1.9": _statistics,
    "16.2.1": lambda desk: (people.discontinued(desk),),
    "16.2.2": lambda desk: (people.deviations_table(desk),),
    "16.2.3": lambda desk: (people.excluded(desk),),
    "16.2.4": lambda desk: (people.demographic_listing(desk),),
    "16.2.5": lambda desk: (exposure.limits_table(desk),),
    "16.2.6": lambda desk: (responses.response_listing(desk),),
    "16.2.7": lambda desk: (events.listing(desk),),
    "16.2.8": lambda desk: (
        Text(
            desk.voice("The trial folder holds every value with its unit, limits and grade (records/laboratory.csv)."),
            "quiet",
        ),
    ),
}
