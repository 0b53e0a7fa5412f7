"""What the treated were like before treatment: each characteristic that the records hold, with who has no value."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from theratrial.pipeline.registry_words import PRIOR_THERAPY, SELECTION, SEX, Words
from theratrial.protocol.schema import Protocol, Variable
from theratrial.registry.found import Sentence
from theratrial.registry.results_reported import BaselineMeasure, Counted, Origin
from theratrial.results.values import ParticipantResult
from theratrial.trialfolder.records import Row, TrialFolder

VERSION: Final = "1"
_PARTICIPANTS: Final = Sentence("participants", "شرکت‌کننده")
_COLUMNS: Final = (
    ("age_years", Sentence("Age at screening", "سن هنگام غربالگری"), Sentence("years", "سال")),
    ("height_cm", Sentence("Height", "قد"), Sentence("cm", "سانتی‌متر")),
    ("weight_kg", Sentence("Weight at screening", "وزن هنگام غربالگری"), Sentence("kg", "کیلوگرم")),
)


def baseline(
    treated: Sequence[ParticipantResult], protocol: Protocol, folder: TrialFolder
) -> tuple[BaselineMeasure, ...]:
    """Every characteristic of the treated; one that nobody has a value of is left out.

    Parameters
    ----------
    treated
        Participants with at least one session; a value counts from before their first.
    folder
        The records that the results were computed from.
    """
    codes = [one.participant_id for one in treated]
    rows = {row["participant_id"]: row for row in folder.tables["participants"]}
    measures = [
        mean_measure(title, unit, [rows[code][column] for code in codes], f"records/participants.csv: {column}")
        for column, title, unit in _COLUMNS
    ]
    sexes = [rows[code]["sex"] for code in codes]
    measures.insert(1, counts_measure(Sentence("Sex", "جنس"), SEX, sexes, "records/participants.csv: sex"))
    measures.append(_prior_therapy(codes, folder))
    reads = [None if one.selection.result == "not read" else one.selection.result for one in treated]
    read = Sentence("Read of the selection image (receptor status)", "خوانش تصویر انتخاب بیمار (وضعیت گیرنده)")
    measures.append(counts_measure(read, SELECTION, reads, "participants[].selection.result"))
    measures += _variables({one.participant_id: one.sessions[0].injected_at for one in treated}, protocol, folder)
    return tuple(one for one in measures if one.number_known)


def mean_measure(title: Sentence, unit: Sentence, values: Sequence[float | None], place: str) -> BaselineMeasure:
    """Mean, spread and range of those who have a value."""
    known = [float(value) for value in values if value is not None]
    return BaselineMeasure(
        title,
        "mean",
        unit,
        number_known=len(known),
        missing=len(values) - len(known),
        mean=statistics.fmean(known) if known else None,
        standard_deviation=statistics.stdev(known) if len(known) > 1 else None,
        median=statistics.median(known) if known else None,
        minimum=min(known, default=None),
        maximum=max(known, default=None),
        origin=Origin("registry_results.mean", VERSION, place),
    )


def counts_measure(title: Sentence, words: Words, values: Sequence[str | None], place: str) -> BaselineMeasure:
    """Participants by category, in the order of `words`; a category that nobody has is left out."""
    known = Counter(value for value in values if value is not None)
    return BaselineMeasure(
        title,
        "counts",
        _PARTICIPANTS,
        number_known=known.total(),
        missing=len(values) - known.total(),
        counts=tuple(Counted(words[value], known[value]) for value in words if known[value]),
        origin=Origin("registry_results.counts", VERSION, place),
    )


def _prior_therapy(codes: Sequence[str], folder: TrialFolder) -> BaselineMeasure:
    """Participants by kind of treatment before; one may have had several. No line says nothing: it is missing."""
    had = {code: {row["category"] for row in folder.rows("prior_therapy", participant_id=code)} for code in codes}
    with_lines = [kinds for kinds in had.values() if kinds]
    counts = Counter(kind for kinds in with_lines for kind in kinds)
    return BaselineMeasure(
        Sentence("Treatment before the trial (several kinds possible)", "درمان پیش از مطالعه (چند نوع ممکن است)"),
        "counts",
        _PARTICIPANTS,
        number_known=len(with_lines),
        missing=len(codes) - len(with_lines),
        counts=tuple(Counted(words, counts[kind]) for kind, words in PRIOR_THERAPY.items() if counts[kind]),
        origin=Origin("registry_results.counts", VERSION, "records/prior_therapy.csv: category"),
    )


def _variables(first: Mapping[str, datetime], protocol: Protocol, folder: TrialFolder) -> Iterator[BaselineMeasure]:
    """What the protocol reads from laboratory and eligibility lines: the last value before the first session."""
    for variable in protocol.variables:
        title = Sentence(variable.label, variable.labels.get("fa", variable.label))
        place = f"records/{variable.table}.csv: {variable.id}"
        if variable.table == "laboratory" and variable.type == "number":
            values = [_before(folder, variable, code, at) for code, at in first.items()]
            yield mean_measure(title, Sentence(variable.unit, variable.unit), values, place)
        elif variable.table == "eligibility" and variable.type == "integer":
            found = [_before(folder, variable, code, at) for code, at in first.items()]
            texts = [None if value is None else f"{value:g}" for value in found]
            words = {text: Sentence(text, text) for text in sorted({text for text in texts if text is not None})}
            yield counts_measure(title, words, texts, place)


def _before(folder: TrialFolder, variable: Variable, code: str, at: datetime) -> float | None:
    """The value of the latest line that is not younger than the first session."""
    lines = folder.rows(variable.table, participant_id=code, **variable.where)
    early = [(moment, row) for row in lines if (moment := _instant(row, folder)) is not None and moment <= at]
    if not early:
        return None
    value = max(early, key=lambda one: one[0])[1][variable.column]
    return None if value is None else float(value)


def _instant(row: Row, folder: TrialFolder) -> datetime | None:
    """When a line became true; a day counts from its beginning."""
    moment = row.moment
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, datetime.min.time(), folder.zone) if isinstance(moment, date) else None
