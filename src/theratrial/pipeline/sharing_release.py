"""A release: exactly what the sharing plan says, without identities, with its proof, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Any, Final

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.exchange.usdm import usdm_json
from theratrial.pipeline.adam_package import adam_package
from theratrial.pipeline.sdtm_package import sdtm_package
from theratrial.pipeline.study_documents import plan_inputs, study_inputs
from theratrial.protocol.reader import protocol_yaml
from theratrial.registry.people import public_record
from theratrial.report.study.make import document, voice_of
from theratrial.report.study.render import page, pdf
from theratrial.report.study.state import DocumentKind
from theratrial.report.study.voice import LANGUAGES, DocumentLanguage, Speaker, unspoken
from theratrial.results.plain import results_text
from theratrial.results.values import TrialResult
from theratrial.sharing.code.package import code_package
from theratrial.sharing.identity import dates_moved, leaks_in, shared_folder, shared_result, trial_cleaner
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person
from theratrial.sharing.plan import Plan, sharing_plan
from theratrial.sharing.readme import release_readme
from theratrial.sharing.tables.release import shared_tables
from theratrial.sharing.tables.values import Risk, TablesAsked, WithheldText
from theratrial.trace import Quantity
from theratrial.trialfolder.records import TrialFolder

Advance = Callable[[str], None]
MANIFEST: Final = "release.json"
STEPS: Final = 7


def _quiet(_what: str) -> None:
    """No progress shown."""


@dataclass(frozen=True, slots=True)
class ReleaseAsked:
    """How a release is made.

    Parameters
    ----------
    people
        Participants of earlier releases under this key: they keep code and shift.
    allowed_texts
        (table, column, value) of free texts that a person has read and allowed.
    consent_form
        (file name, content) of the blank consent form; it is needed where the plan shares it.
    speaker
        Says sentences of the core in Persian, for the Persian documents.
    """

    key: ReleaseKey
    people: Mapping[str, Person]
    allowed_texts: frozenset[tuple[str, str, str]] = frozenset()
    consent_form: tuple[str, bytes] | None = None
    with_pdf: bool = True
    speaker: Speaker = unspoken


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared before anything left."""

    numbers: int
    numbers_off: int
    dates: int
    dates_off: int
    searched: int
    """Files looked through for ids, UIDs, dates and typed texts."""
    leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A release before it is written."""

    files: Mapping[str, bytes]
    plan: Plan
    proof: Proof
    risk: Risk | None
    people: Mapping[str, Person]
    """Stays home."""
    withheld_texts: tuple[WithheldText, ...]
    """Stays home."""
    excluded: tuple[str, ...]
    """Who withdrew the use of her data. Stays home."""


def release_made(folder: TrialFolder, result: TrialResult, asked: ReleaseAsked, advance: Advance = _quiet) -> Release:
    """Everything the plan says yes to, but the images, which `theratrial.sharing.images` releases beside it.

    Raises
    ------
    InputError
        The plan shares nothing, disagrees with the registration record, or asks for a form that was not given; or the
        proof fails: a number changed, a date is off, something of a participant was found.
    """
    plan = sharing_plan(folder.protocol, folder.registration)
    _may_be_made(plan, asked)
    tables = shared_tables(
        folder, TablesAsked(asked.key, asked.people, asked.allowed_texts, plan.dates == "study_days")
    )
    if tables.leaks:
        raise InputError(f"the tables are refused, nothing was made: {tables.leaks[0]}")
    advance("tables")
    cleaner = trial_cleaner(folder, asked.key, tables.people, asked.allowed_texts)
    shared, values = shared_folder(folder, cleaner), shared_result(result, cleaner)
    numbers, numbers_off = _numbers_compared(result, values, cleaner.people)
    dates, dates_off, moved = dates_moved(result, values, cleaner)
    advance("records and results")
    files = dict(_files(plan, asked, shared, values, tables.files, len(tables.excluded), advance))
    proof = Proof(
        numbers=numbers,
        numbers_off=numbers_off,
        dates=dates,
        dates_off=dates_off,
        searched=len(files),
        leaks=tuple(leaks_in(_searched(files), folder, cleaner, moved_days=moved)),
    )
    advance("search for what belongs to somebody")
    _holds(proof)
    shown = plan.shared("individual_participant_data")
    files |= _about(plan, proof, tables.risk if shown else None, result, files, len(tables.excluded))
    return Release(
        files, plan, proof, tables.risk if shown else None, tables.people, tables.withheld_texts, tables.excluded
    )


def _may_be_made(plan: Plan, asked: ReleaseAsked) -> None:
    if plan.nothing:
        raise InputError(
            "the sharing plan says yes to nothing (undecided is no yes): decide in the protocol's clause `sharing`, "
            "then build; `theratrial share preview` shows what each yes would release"
        )
    blocking = [f"{one.item}: {one.message}" for one in plan.hindrances if one.blocks]
    if blocking:
        raise InputError("nothing may leave:\n  " + "\n  ".join(blocking))
    if plan.shared("informed_consent_form") and asked.consent_form is None:
        raise InputError("the plan shares the consent form, which is in no trial folder; name its file (--consent)")


def _files(
    plan: Plan,
    asked: ReleaseAsked,
    folder: TrialFolder,
    result: TrialResult,
    tables: Mapping[str, bytes],
    left_out: int,
    advance: Advance,
) -> Iterator[tuple[str, bytes]]:
    individual, code = plan.shared("individual_participant_data"), plan.shared("analytic_code")
    if individual:
        for name, content in tables.items():
            if name != "data_dictionary.csv":
                yield f"data/{name}", content
        for name, content in sdtm_package(folder, result, pdf=False).files.items():
            yield f"data/sdtm/{name}", content
        for name, content in adam_package(folder, result).files.items():
            form, _, rest = name.partition("/")
            yield (f"analysis/{rest}" if form == "dataset-json" else f"data/adam/{name}"), content
        yield "data/results.json", results_text(_without_files(result)).encode()
    advance("data sets")
    if plan.shared("data_dictionary"):
        yield "data_dictionary.csv", tables["data_dictionary.csv"]
    if code:
        for name, content in code_package(result, folder.protocol, left_out=left_out).items():
            yield f"code/{name}", content
    if plan.shared("study_protocol"):
        yield from _documents("m11", "protocol", folder, None, asked)
        yield "protocol/protocol.yaml", protocol_yaml(folder.protocol).encode()
        record = public_record(folder.registration) if folder.registration is not None else None
        yield "protocol/protocol.usdm.json", usdm_json(folder.protocol, record=record, software=__version__)
    if plan.shared("statistical_analysis_plan"):
        yield from _documents("sap", "analysis_plan", folder, None, asked)
    advance("protocol and plan")
    if plan.shared("clinical_study_report"):
        yield from _documents("csr", "report", folder, result, asked)
    advance("study report")
    if plan.shared("informed_consent_form") and asked.consent_form is not None:
        name, content = asked.consent_form
        yield f"consent/{name}", content


def _documents(
    kind: DocumentKind, place: str, folder: TrialFolder, result: TrialResult | None, asked: ReleaseAsked
) -> Iterator[tuple[str, bytes]]:
    languages = folder.protocol.identity.reading.languages if folder.protocol.identity.reading is not None else ("en",)
    for language in LANGUAGES:
        if language in languages:
            yield from _document(kind, place, folder, result, asked, language)


def _document(
    kind: DocumentKind,
    place: str,
    folder: TrialFolder,
    result: TrialResult | None,
    asked: ReleaseAsked,
    language: DocumentLanguage,
) -> Iterator[tuple[str, bytes]]:
    record = public_record(folder.registration) if folder.registration is not None else None
    voice = voice_of(folder.protocol, language, asked.speaker)
    if result is None:
        made = document(kind, plan_inputs(folder.protocol, record), voice)
    else:
        # The hashes of the home folder's files say nothing to whoever has not got them.
        inputs = study_inputs(replace(folder, registration=record), _without_files(result), source="a shared release")
        made = document(kind, inputs, voice)
    yield f"{place}/{place}-{language}.html", page(made, voice).encode()
    if asked.with_pdf:
        yield f"{place}/{place}-{language}.pdf", pdf(made, voice)


def _without_files(result: TrialResult) -> TrialResult:
    return replace(result, inputs=())


def _numbers_compared(home: TrialResult, shared: TrialResult, people: Mapping[str, Person]) -> tuple[int, int]:
    """(numbers with a trace, of these changed): every quantity of the cohort and of each shared participant."""
    by_code = {one.participant_id: one for one in shared.participants}
    pairs: list[tuple[Any, Any]] = [(replace(home, participants=()), replace(shared, participants=()))]
    pairs += [
        (one, by_code[people[one.participant_id].code]) for one in home.participants if one.participant_id in people
    ]
    count, off = 0, 0
    for one, other in pairs:
        before, after = list(_quantities(one)), list(_quantities(other))
        count += len(before)
        off += abs(len(before) - len(after)) + sum(a != b for a, b in zip(before, after, strict=False))
    return count, off


def _quantities(value: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, Quantity):
        yield (value.value, value.lower, value.upper, value.unit)
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _quantities(getattr(value, one.name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _quantities(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _quantities(item)


def _searched(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is searched: a PDF's text is its page's, and its bytes are compressed; the consent form is blank paper."""
    return {
        name: content
        for name, content in files.items()
        if not name.endswith(".pdf") and not name.startswith("consent/")
    }


def _holds(proof: Proof) -> None:
    if proof.numbers_off:
        raise InputError(f"the release is refused: {proof.numbers_off} of {proof.numbers} numbers changed")
    if proof.dates_off:
        raise InputError(f"the release is refused: {proof.dates_off} of {proof.dates} dates are off their shift")
    if proof.leaks:
        shown = "\n".join(f"  {one}" for one in proof.leaks[:8])
        raise InputError(f"the release is refused, nothing was written: {len(proof.leaks)} find(s)\n{shown}")


def _about(
    plan: Plan, proof: Proof, risk: Risk | None, result: TrialResult, files: Mapping[str, bytes], left_out: int
) -> dict[str, bytes]:
    manifest = {
        "trial": result.trial_id,
        "virtual_participants": result.simulated,
        "software": f"theratrial {__version__}",
        "protocol": result.protocol_hash,
        "participants_left_out_because_data_use_is_withdrawn": left_out,
        "plan": [asdict(one) for one in plan.items],
        "proof": asdict(proof),
        "risk": list(risk.sentences) if risk is not None else [],
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(files.items())
        },
    }
    return {
        MANIFEST: (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode(),
        "README.md": release_readme(plan, proof.numbers, proof.dates, risk, sorted(files), result).encode(),
    }


__all__ = ["MANIFEST", "STEPS", "Proof", "Release", "ReleaseAsked", "release_made"]
