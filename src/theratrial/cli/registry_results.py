"""`theratrial registry results`: what a run has to tell a registry, and what of it is not as registered."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.registry.outcomes_compared import OutcomeComparison
    from theratrial.registry.record import RegistrationRecord
    from theratrial.registry.results_reported import ReportedResults
    from theratrial.registry.words import Language


class ResultsFormat(StrEnum):
    """What results are written as."""

    CTGOV_JSON = "ctgov-json"
    PLAIN_HTML = "plain-html"
    YAML = "yaml"


_HEADS: Final = {
    "en": ("What a reader must know", "Participant flow", "Outcomes", "Adverse events", "Reported against registered"),
    "fa": ("آنچه خواننده باید بداند", "جریان شرکت‌کنندگان", "پیامدها", "رویدادهای نامطلوب", "گزارش‌شده در برابر ثبت‌شده"),
}
_SIDES: Final = {"en": ("registered", "reported", "(nothing)"), "fa": ("ثبت‌شده", "گزارش‌شده", "(هیچ)")}


def reported_for(out: str, record: RegistrationRecord | None = None, *, draft: bool = False) -> ReportedResults:
    """The results of a run's folder, their outcomes pointing into `record`.

    Raises
    ------
    InputError
        They cannot be read, are another trial's, do not add up, or rest on data that are not locked and no draft is
        asked for.
    """
    from theratrial.pipeline.registry_files import read_reported
    from theratrial.registry.outcome_links import linked
    from theratrial.registry.results_sums import checked_for_registry

    reported = checked_for_registry(read_reported(Path(out)), record, draft=draft)
    return linked(reported, record) if record is not None else reported


def record_beside(out: str) -> str:
    """The record of the trial folder that the results were computed from; where it is gone, the shipped one.

    Raises
    ------
    InputError
        Neither is there.
    """
    from theratrial.errors import InputError
    from theratrial.pipeline.registry_files import read_reported, trial_folder_of
    from theratrial.registry.reader import shipped_registration_names

    place = trial_folder_of(Path(out)) / "registration.yaml"
    if place.is_file():
        return str(place)
    number = read_reported(Path(out)).number
    if number in shipped_registration_names():
        return number
    raise InputError(f"there is no {place}; give the registration record of {number} with --record FILE")


def shown_results(reported: ReportedResults, record: RegistrationRecord, language: Language) -> list[str]:
    """Lines for a terminal."""
    from theratrial.registry.outcomes_compared import outcomes_compared
    from theratrial.registry.results_fields import adverse_text, flow_text, outcomes_text
    from theratrial.registry.results_words import caveats, persian_numerals, said

    warnings = "\n".join(said(one, language) for one in caveats(reported))
    compared = "\n".join(
        line for one in outcomes_compared(record, reported) for line in _comparison_lines(one, language)
    )
    texts = (
        warnings,
        flow_text(reported, language),
        outcomes_text(reported, language),
        adverse_text(reported, language),
        compared,
    )
    lines = [reported.number]
    for head, text in zip(_HEADS[language], texts, strict=True):
        words = persian_numerals(text) if language == "fa" else text
        lines += ["", head, *(f"  {line}" for line in words.split("\n"))]
    return lines


def _comparison_lines(one: OutcomeComparison, language: Language) -> list[str]:
    from theratrial.registry.outcomes_compared import ASPECTS, KINDS
    from theratrial.registry.results_words import said

    registered, reported, nothing = _SIDES[language]
    lines = [f"{one.kind}  {said(one.title, language)}", f"    {said(KINDS[one.kind], language)}"]
    if one.kind != "switched":
        return lines
    for side in one.sides:
        if not side.same:
            lines += [
                f"    {said(ASPECTS[side.aspect], language)}",
                f"      {registered}: {said(side.registered, language) or nothing}",
                f"      {reported}: {said(side.reported, language) or nothing}",
            ]
    return lines


def results_tree(reported: ReportedResults, record: RegistrationRecord) -> dict[str, Any]:
    """Results and comparison as plain values."""
    from theratrial.registry.outcomes_compared import outcomes_compared

    compared = [asdict(one) | {"differs": one.differs} for one in outcomes_compared(record, reported)]
    return {"reported": asdict(reported), "outcomes_compared": compared}


def written_results(
    reported: ReportedResults,
    record: RegistrationRecord,
    to: ResultsFormat,
    language: Language,
    *,
    contacts: bool,
    draft: bool,
) -> bytes:
    """Results with their record in a format."""
    if to is ResultsFormat.PLAIN_HTML:
        from theratrial.report.registration.plain import plain_language

        return plain_language(reported, record, language=language).encode()
    if to is ResultsFormat.CTGOV_JSON:
        from theratrial.exchange.ctgov.write import ctgov_study

        study = ctgov_study(record, reported, contacts=contacts, draft=draft)
        return (json.dumps(study, ensure_ascii=False, indent=2) + "\n").encode()
    from theratrial.registry.people import public_record
    from theratrial.registry.reader import registration_yaml
    from theratrial.registry.results_fields import with_results

    filled = with_results(record if contacts else public_record(record), reported, draft=draft)
    return registration_yaml(filled).encode()


def say_lines(lines: list[str]) -> None:
    """Lines to standard output."""
    for line in lines:
        typer.echo(console.harmless(line))


def exported_with_results(record: RegistrationRecord, out: str, to: str, *, contacts: bool, draft: bool) -> bytes:
    """A record with the results of a run in the formats that hold results.

    Raises
    ------
    InputError
        The format has no place for results, or the results may not be told.
    """
    from theratrial.errors import InputError

    if to not in ("ctgov-json", "ictrp-xml-131", "yaml"):
        raise InputError(f"{to} has no place for results; --results goes with ctgov-json, ictrp-xml-131 and yaml")
    reported = reported_for(out, record, draft=draft)
    if to != "ictrp-xml-131":
        return written_results(reported, record, ResultsFormat(to), "en", contacts=contacts, draft=draft)
    from theratrial.exchange.ictrp.write import ictrp_131
    from theratrial.registry.results_fields import with_results

    return ictrp_131(with_results(record, reported, draft=draft), contacts=contacts)
