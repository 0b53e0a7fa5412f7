"""A release: exactly what the sharing plan says, without identities, with its proof, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.exchange.usdm import usdm_json
from theratrial.pipeline.adam_package import adam_package
from theratrial.pipeline.sdtm_package import sdtm_package
from theratrial.pipeline.sharing_proof import Proof, numbers_compared, search
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
from theratrial.sharing.identity import dates_moved, shared_folder, shared_result, trial_cleaner
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person, Report
from theratrial.sharing.plan import Plan, plan_of_trial
from theratrial.sharing.readme import ReleaseHead, SharedImages, release_readme
from theratrial.sharing.tables.release import shared_tables
from theratrial.sharing.tables.values import Risk, TablesAsked, WithheldText
from theratrial.trialfolder.records import TrialFolder

Advance = Callable[[str], None]
MANIFEST: Final = "release.json"
SUMS: Final = "SHA256SUMS"
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
class Release:
    """A release before it is written: what `sealed` finishes once its images lie beside it."""

    files: Mapping[str, bytes]
    plan: Plan
    proof: Proof
    risk: Risk | None
    head: ReleaseHead
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
    plan = plan_of_trial(folder)
    may_be_made(plan, asked.consent_form is not None)
    tables = shared_tables(
        folder, TablesAsked(asked.key, asked.people, asked.allowed_texts, plan.dates == "study_days")
    )
    if tables.leaks:
        raise InputError(f"the tables are refused, nothing was made: {tables.leaks[0]}")
    advance("tables")
    cleaner = trial_cleaner(folder, asked.key, tables.people, asked.allowed_texts)
    shared, values = shared_folder(folder, cleaner), shared_result(result, cleaner)
    numbers, numbers_off, dates, dates_off = 0, 0, 0, 0
    moved: frozenset[date] = frozenset()
    if plan.data_sets or plan.shared("clinical_study_report"):
        numbers, numbers_off = numbers_compared(result, values, cleaner.people, cohort=not plan.withdrawn)
        dates, dates_off, moved = dates_moved(result, values, cleaner)
    advance("records and results")
    files = dict(_files(plan, asked, shared, values, tables.files, advance))
    searched, left, leaks = search(files, folder, cleaner, moved_days=moved, home=result)
    proof = Proof(numbers, numbers_off, dates, dates_off, searched, left, leaks)
    advance("search for what belongs to somebody")
    proof.must_hold()
    return Release(
        files=files,
        plan=plan,
        proof=proof,
        risk=tables.risk if plan.shared("individual_participant_data") else None,
        head=ReleaseHead(result.trial_id, result.scientific_title, result.protocol_hash, result.simulated),
        people=tables.people,
        withheld_texts=tables.withheld_texts,
        excluded=tables.excluded,
    )


def sealed(made: Release, images: SharedImages | None = None) -> dict[str, bytes]:
    """README, list of every file with its SHA-256, and the same list as ``sha256sum`` reads it; written last."""
    listed = {name: _digest(content) for name, content in made.files.items()}
    listed |= {f"images/{name}": one for name, one in (images.files if images is not None else {}).items()}
    readme = release_readme(made.plan, made.proof, made.risk, sorted(listed), made.head, images).encode()
    listed["README.md"] = _digest(readme)
    about = {
        "trial": made.head.trial_id,
        "virtual_participants": made.head.simulated,
        "software": f"theratrial {__version__}",
        "protocol": made.head.protocol_hash,
        "participants_left_out_because_data_use_is_withdrawn": len(made.excluded),
        "dates": made.plan.dates,
        "plan": [asdict(one) | {"held_back": made.plan.said_outside(one.item)} for one in made.plan.items],
        "proof": asdict(made.proof),
        "images": images.counts if images is not None else None,
        "risk": list(made.risk.sentences) if made.risk is not None else [],
        "files": {name: {"sha256": digest, "bytes": size} for name, (digest, size) in sorted(listed.items())},
    }
    manifest = (json.dumps(about, ensure_ascii=False, indent=1) + "\n").encode()
    listed[MANIFEST] = _digest(manifest)
    sums = "".join(f"{digest}  {name}\n" for name, (digest, _) in sorted(listed.items())).encode()
    return {"README.md": readme, MANIFEST: manifest, SUMS: sums}


def _digest(content: bytes) -> tuple[str, int]:
    return hashlib.sha256(content).hexdigest(), len(content)


def shared_images(place: Path, report: Report) -> SharedImages:
    """What a folder of released images holds, read from the disk."""
    files = {}
    for path in sorted(one for one in place.rglob("*") if one.is_file()):
        with path.open("rb") as stream:
            files[path.relative_to(place).as_posix()] = (
                hashlib.file_digest(stream, "sha256").hexdigest(),
                path.stat().st_size,
            )
    compared = sum(bool(one.values) for series in report.series for one in series.agreements)
    return SharedImages(files, report.objects, report.participants, compared)


def may_be_made(plan: Plan, consent_given: bool) -> None:
    """Refuse where the plan lets nothing leave, or asks for a form that is not there.

    Raises
    ------
    InputError
        With what stands in the way.
    """
    if not any(one.answer == "yes" for one in plan.items):
        raise InputError(
            "the sharing plan says yes to nothing (undecided is no yes): decide in the protocol's clause `sharing`, "
            "then build; `theratrial share preview` shows what each yes would release"
        )
    if blocking := [f"{one.title}: {one.message}" for one in plan.hindrances if one.blocks]:
        raise InputError("nothing may leave:\n  " + "\n  ".join(blocking))
    if plan.nothing:
        held = [f"{one.title}: {one.message}" for one in plan.hindrances if one.holds_back]
        raise InputError("every item with a yes stays home:\n  " + "\n  ".join(held))
    if plan.shared("informed_consent_form") and not consent_given:
        raise InputError("the plan shares the consent form, which is in no trial folder; name its file (--consent)")


def _files(
    plan: Plan,
    asked: ReleaseAsked,
    folder: TrialFolder,
    result: TrialResult,
    tables: Mapping[str, bytes],
    advance: Advance,
) -> Iterator[tuple[str, bytes]]:
    if plan.shared("individual_participant_data"):
        yield from ((f"data/{name}", content) for name, content in tables.items() if name != "data_dictionary.csv")
    analysis = dict(_analysis(folder, result)) if plan.data_sets else {}
    if plan.data_sets:
        sdtm = sdtm_package(folder, result, pdf=False, dates_moved=True, gone_before=plan.withdrawn)
        for name, content in sdtm.files.items():
            yield f"data/sdtm/{name}", content
        yield from analysis.items()
    if plan.results:
        yield "data/results.json", results_text(_without_files(result)).encode()
    advance("data sets")
    if plan.shared("data_dictionary"):
        yield "data_dictionary.csv", tables["data_dictionary.csv"]
    if plan.shared("analytic_code"):
        data = {name.removeprefix("analysis/"): one for name, one in analysis.items() if name.startswith("analysis/")}
        for name, content in code_package(result, folder.protocol, data=data).items():
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


def _analysis(folder: TrialFolder, result: TrialResult) -> Iterator[tuple[str, bytes]]:
    for name, content in adam_package(folder, result, dates_moved=True).files.items():
        form, _, rest = name.partition("/")
        yield (f"analysis/{rest}" if form == "dataset-json" else f"data/adam/{name}"), content


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
        made = document(kind, replace(inputs, state=replace(inputs.state, dates_moved=True)), voice)
    yield f"{place}/{place}-{language}.html", page(made, voice).encode()
    if asked.with_pdf:
        yield f"{place}/{place}-{language}.pdf", pdf(made, voice)


def _without_files(result: TrialResult) -> TrialResult:
    return replace(result, inputs=())


__all__ = [
    "MANIFEST",
    "STEPS",
    "SUMS",
    "Proof",
    "Release",
    "ReleaseAsked",
    "may_be_made",
    "release_made",
    "sealed",
    "shared_images",
]
