"""The reviewer's guide of the tabulated data, in the order of PHUSE's template (not collated with it)."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.exchange.datasets.study import StudyMetadata
from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.sdtm.notes import ABSENT, KNOWN_FINDINGS, NOTES
from theratrial.exchange.sdtm.remaining import remaining
from theratrial.exchange.sdtm.terminology import PACKAGE
from theratrial.report.blocks import Block, Cell, Heading, Section, Table, Text
from theratrial.report.render import Head, banners_of, page, watermark
from theratrial.report.texts import count
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder


def package_head(result: TrialResult, title: str) -> Head:
    """The head of a page of the package, with the banners that no page of the trial is without."""
    identity = (
        ("Registration", f"{result.trial_id} ({result.registry})"),
        ("Protocol version", result.protocol_version),
        ("Standard", "SDTMIG 3.4 (SDTM 2.0), Define-XML 2.1"),
        ("Terminology", f"CDISC SDTM {PACKAGE}"),
    )
    banners = tuple(one for one in banners_of(result) if not one.link) + tuple(
        type(one)(one.text, one.tone) for one in banners_of(result) if one.link
    )
    return Head(
        trial_id=result.trial_id,
        title=f"{title}: {result.scientific_title}",
        public_title=result.public_title,
        identity=identity,
        banners=banners,
        watermark=watermark(result),
        page_title=f"{result.trial_id}: {title}",
        running=f"{result.trial_id} {title.lower()}",
    )


def guide_page(
    folder: TrialFolder, result: TrialResult, datasets: Sequence[Dataset], study: StudyMetadata, *, left_out: int
) -> str:
    """The guide as a page.

    Parameters
    ----------
    left_out
        Participants who withdrew the use of their data and are in no data set.
    """
    sections = (
        _introduction(folder, result, study, left_out),
        _protocol(result, datasets),
        _subjects(datasets),
        _conventions(result, datasets),
        _conformance(datasets),
    )
    return page(package_head(result, "Reviewer's guide"), sections, folded=False)


def _introduction(folder: TrialFolder, result: TrialResult, study: StudyMetadata, left_out: int) -> Section:
    blocks: list[Block] = [
        Text(
            "This guide says what a reviewer of the tabulated data should know beyond define.xml: where values come "
            "from, why a domain holds what it holds, and which findings of the conformance rules remain."
        ),
        Text(f"Made by theratrial {study.system_version} from {count(len(result.inputs), 'input file')}."),
    ]
    if result.simulated:
        blocks.append(
            Text("The participants are virtual. No person is behind any record; TS says VIRTUAL = Y.", "stop")
        )
    if not folder.locked:
        blocks.append(Text("The data were not locked when the package was made: it is a draft.", "warning"))
    if left_out:
        said = count(left_out, "participant")
        blocks.append(Text(f"{said} withdrew the use of the data and stand in no data set, nor in any count here."))
    return Section("introduction", "Introduction", tuple(blocks))


def _protocol(result: TrialResult, datasets: Sequence[Dataset]) -> Section:
    design = [one for one in datasets if one.reference_data]
    rows = tuple((Cell(one.name), Cell(one.label), Cell(str(len(one.rows)))) for one in design)
    return Section(
        "protocol",
        "The protocol and its design data sets",
        (
            Text(f"{result.scientific_title}. Phase {result.phase}, {result.sample_size} participants planned."),
            Text(
                "The design data sets are generated from the protocol as the program runs it, not typed: they cannot "
                "say something else than what the trial was run by."
            ),
            Table("Data sets of the design", ("Data set", "Label", "Records"), rows),
            *(block for one in design for block in _notes(one)),
        ),
    )


def _subjects(datasets: Sequence[Dataset]) -> Section:
    own = [one for one in datasets if not one.reference_data]
    rows = tuple((Cell(one.name), Cell(one.label), Cell(str(len(one.rows))), Cell(_people(one))) for one in own)
    blocks: list[Block] = [
        Table("Data sets of participants", ("Data set", "Label", "Records", "Participants"), rows),
    ]
    absent = [(name, why) for name, why in ABSENT.items() if name not in {one.name for one in own}]
    if absent:
        lines = tuple((Cell(name), Cell(why)) for name, why in absent)
        blocks.append(Table("Data sets that are not there", ("Data set", "Why"), lines))
    blocks += [block for one in own for block in _notes(one)]
    return Section("subjects", "Data of participants", tuple(blocks))


def _people(one: Dataset) -> str:
    """Participants of a data set; a dash where it relates data sets as wholes, or holds no participant."""
    found = len(set(one.values("USUBJID")) - {None}) if one.has("USUBJID") else 0
    return str(found) if found else "\u2013"


def _notes(one: Dataset) -> list[Block]:
    """A heading and a paragraph for each thing to know; nothing for a data set that says all of itself."""
    said = [*NOTES.get(one.name, ()), *([one.comment.text] if one.comment is not None else [])]
    return [Heading(f"{one.name}: {one.label}"), *map(Text, said)] if said else []


def _conventions(result: TrialResult, datasets: Sequence[Dataset]) -> Section:
    said = (
        f"Times are those of the clock in {result.timezone}, without an offset. Where an exact instant matters, SUPPEX "
        "and SUPPAG have it in UTC. Dates are Gregorian; a date that is not fully known is cut where it is not known, "
        "and never completed.",
        _deaths(datasets),
        "Missing is empty and never zero. A derived value that the program could not determine is empty too; the "
        "results and their report say why.",
        "Adverse events are not coded with MedDRA: the dictionary is licensed and not part of the program. AEDECOD "
        "holds the term of CTCAE where the event is one of its terms.",
        "What was computed names its place in results.json (XDSPID, TRPLACE, RSPLACE). In brackets stands the id of an "
        "entry; its field and value where the id is a number, as sessions[session=2]; a number alone is a position "
        "counted from 0.",
        "Texts are in ASCII, as transport files need it: raised digits, dashes and signs such as ≥ are spelled out. A "
        "text of more than 200 letters goes on in SUPP--. Both formats hold the same text.",
        "People who enter, read and decide are codes of the delegation log, never names.",
    )
    return Section("conventions", "Conventions", tuple(Text(one) for one in said))


def _deaths(datasets: Sequence[Dataset]) -> str:
    """How many died, and of how many the day is known: a reviewer must not take a day of news for one of death."""
    people = next((one.records() for one in datasets if one.name == "DM"), ())
    dead = [one for one in people if one.get("DTHFL") == "Y"]
    unknown = sum(len(str(one.get("DTHDTC") or "")) < _WHOLE_DATE for one in dead)
    if not dead:
        return "No participant is known to have died."
    said = f"{count(len(dead), 'participant')} died (DM.DTHFL)."
    return f"{said} Of {unknown} nobody recorded the day: DTHDTC is not a whole date." if unknown else said


_WHOLE_DATE = len("2022-11-19")


def _conformance(datasets: Sequence[Dataset]) -> Section:
    counts = remaining(datasets)
    rows = tuple(
        (Cell(one.rule), Cell(one.dataset), Cell(str(counts[one.rule, one.dataset])), Cell(one.why))
        for one in KNOWN_FINDINGS
    )
    return Section(
        "conformance",
        "Conformance",
        (
            Text(
                "Packages of a simulated trial are checked with CDISC's CORE rules of SDTMIG 3.4, the schema of "
                "Dataset-JSON 1.1 and that of Define-XML 2.1 whenever the program is tested. No engine ran on this "
                "package: a reviewer should run the rules on it. What the rules are known to report on sound data is "
                "listed with how often they should report it here, counted by this program as the text of each rule "
                "says. Anything else that a reviewer finds is not expected."
            ),
            Table("Findings that remain", ("Rule", "Data set", "In this package", "Why"), rows),
        ),
    )
