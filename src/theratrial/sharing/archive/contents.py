"""What an inspector's archive holds, from the files of a trial, of its result, and of the certified copy of a site."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.report.pdf import pdf_bytes
from theratrial.results.values import InputFile, TrialResult
from theratrial.sharing.archive import verifier
from theratrial.sharing.archive.packing import Packing, json_bytes
from theratrial.sharing.archive.readme import readme_text
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import TABLES

FORMAT: Final = "theratrial inspector's archive"
FORMAT_VERSION: Final = 1
TRIAL, RESULTS, COPY, SDTM = "trial", "results", "copy", "sdtm"
PDF_VARIANT: Final = "pdf/a-3u"
PARTICIPANT_RESULT: Final = "participant.json"
_TOP: Final = (verifier.LEDGER, "odm.xml")
_NOT_TAKEN: Final = ("verify.py", "README.txt", verifier.MANIFEST)

STEPS: Final = 4
"""How often `archive_packed` tells of its progress."""

Advance = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """What an archive is made from.

    Parameters
    ----------
    trial
        The trial folder that the result was made from.
    out
        What `theratrial run` wrote of it.
    copied
        The certified copy of a site, by name; empty where there is no site, hence no ledger.
    about
        Where it comes from: made_at, made_by, ledger.
    ledger_is_whole
        Whether ``ledger.jsonl`` is the whole ledger or the events of one participant.
    participant
        Whose archive; "" means the whole trial's.
    standards
        The SDTM package by name: data sets, Define-XML, reviewer's guide; of the whole trial.
    """

    folder: TrialFolder
    result: TrialResult
    trial: Path
    out: Path
    copied: Mapping[str, bytes] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    ledger_is_whole: bool = False
    participant: str = ""
    standards: Mapping[str, bytes] = field(default_factory=dict)
    without_standards_because: str = "nobody asked for them"


def archive_packed(source: ArchiveSource, made: Packing, *, images: bool, advance: Advance) -> dict[str, Any]:
    """Write everything of an archive but its manifest; says what the manifest must hold.

    Raises
    ------
    InputError
        The trial folder is not the one that the result was made from, or has no such participant.
    """
    _checked(source)
    missing: list[str] = []
    for name, content in _trial_files(source):
        made.add(f"{TRIAL}/{name}", content)
    made.add_all({f"{RESULTS}/{name}": content for name, content in _result_files(source).items()})
    advance("records and results")
    made.add_all(_pages(source, missing))
    advance("report")
    _standards(source, made, missing)
    advance("standards")
    made.add_all(_copied(source, missing))
    made.add(verifier.IMAGES, json_bytes({"images": list(_images(source, made, inside=images))}))
    advance("images")
    about = _about(source, images=images, missing=missing)
    made.add("verify.py", Path(verifier.__file__).read_bytes())
    made.add("README.txt", readme_text(about, sorted(made.files)).encode())
    return about


def _about(source: ArchiveSource, *, images: bool, missing: list[str]) -> dict[str, Any]:
    run = json.loads((source.out / "run.json").read_text(encoding="utf-8"))
    return {
        **source.about,
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "trial": source.result.trial_id,
        "participant": source.participant,
        "virtual_participants": source.result.simulated,
        "protocol_version": source.result.protocol_version,
        "protocol_sha256": source.result.protocol_hash,
        "result": {name: run[name] for name in ("product_version", "program", "inputs")},
        "images_inside": images,
        "not_inside": missing,
        "ledger_is_whole": source.ledger_is_whole,
    }


def _checked(source: ArchiveSource) -> None:
    code, people = source.participant, [one.participant_id for one in source.result.participants]
    known = {str(row["participant_id"]) for row in source.folder.rows("participants")}
    if code and code not in known:
        raise InputError(f"there is no participant {code!r}; there are {', '.join(sorted(known))}")
    for one in _inputs(source, images=False):
        place = source.trial / one.path
        if not place.is_file() or f"sha256:{hashlib.sha256(place.read_bytes()).hexdigest()}" != one.content_hash:
            raise InputError(f"{place} is not what the result was made from; run the trial again, then archive it")
    if not people:
        raise InputError("the result holds no participant; run the trial first")


def _inputs(source: ArchiveSource, *, images: bool) -> Iterator[InputFile]:
    wanted = f"images/{source.participant}/" if source.participant else "images/"
    for one in source.result.inputs:
        if one.path.startswith("images/"):
            if images and one.path.startswith(wanted):
                yield one
        elif not images:
            yield one


def _trial_files(source: ArchiveSource) -> Iterator[tuple[str, bytes]]:
    """The records; of one participant hers, and what belongs to nobody but the batches she was not given."""
    for one in _inputs(source, images=False):
        content = (source.trial / one.path).read_bytes()
        name = one.path.removeprefix("records/").removesuffix(".csv")
        if source.participant and one.path.startswith("records/") and name in {table.name for table in TABLES}:
            content = _rows_of(content, source.participant, _batches(source) if name == "batches" else None)
        yield one.path, content


def _batches(source: ArchiveSource) -> frozenset[str]:
    rows = source.folder.rows("administrations")
    return frozenset(str(row["batch_id"]) for row in rows if row["participant_id"] == source.participant)


def _rows_of(content: bytes, participant: str, batches: frozenset[str] | None) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    if not rows:
        return content
    heads = rows[0]
    kept = rows[1:]
    if "participant_id" in heads:
        at = heads.index("participant_id")
        kept = [row for row in kept if row[at] in ("", participant)]
    if batches is not None and "batch_id" in heads:
        at = heads.index("batch_id")
        kept = [row for row in kept if row[at] in batches]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heads, *kept])
    return text.getvalue().encode("utf-8")


def _result_files(source: ArchiveSource) -> dict[str, bytes]:
    found = {
        path.relative_to(source.out).as_posix(): path.read_bytes()
        for path in sorted(source.out.rglob("*"))
        if path.is_file() and path.suffix != ".pdf"
    }
    if not source.participant:
        return found
    # The report and the cohort's numbers tell of everybody; hers are one entry of the results and her own page.
    tree = json.loads(found["results.json"])
    hers = [one for one in tree["participants"] if one["participant_id"] == source.participant]
    kept = {name: content for name, content in found.items() if name == f"dosimetry/{source.participant}.html"}
    notes = [one for one in tree["notes"] if one.get("participant_id") == source.participant]
    return {**kept, PARTICIPANT_RESULT: json_bytes({"participants": hers, "notes": notes})}


def _pages(source: ArchiveSource, missing: list[str]) -> dict[str, bytes]:
    """What people read, as PDF/A with everything it needs inside."""
    pages = {"report.pdf": source.out / "report.html"}
    if source.participant:
        pages = {"dosimetry.pdf": source.out / "dosimetry" / f"{source.participant}.html"}
    found = {}
    for name, page in pages.items():
        if not page.is_file():
            missing.append(f"{name}: the result holds no {page.name}")
            continue
        try:
            found[name] = pdf_bytes(page.read_text(encoding="utf-8"), variant=PDF_VARIANT)
        except InputError as error:
            missing.append(f"{name}: {error}")
    return found


def _standards(source: ArchiveSource, made: Packing, missing: list[str]) -> None:
    if source.participant:
        missing.append("sdtm/: data sets are of the whole trial; hers are in the trial's archive")
        return
    made.add_all({f"{SDTM}/{name}": content for name, content in source.standards.items()})
    if not source.standards:
        missing.append(f"sdtm/: {source.without_standards_because}")


def _copied(source: ArchiveSource, missing: list[str]) -> dict[str, bytes]:
    """The certified copy: ledger and ODM where everybody looks, the rest in its folder."""
    if not source.copied:
        missing.append("ledger.jsonl, odm.xml, copy/: a trial folder has no ledger and no signatures; a site has")
        return {}
    for name in ("copy.pdf", "odm.xml"):
        if name not in source.copied:
            missing.append(f"{name}: the certified copy has none")
    return {
        name if name in _TOP else f"{COPY}/{name}": content
        for name, content in source.copied.items()
        if name not in _NOT_TAKEN
    }


def _images(source: ArchiveSource, made: Packing, *, inside: bool) -> Iterator[dict[str, Any]]:
    """Every image that the result rests on with its digest, as the run read it."""
    for one in _inputs(source, images=True):
        digest = one.content_hash.removeprefix("sha256:")
        place = source.trial / one.path
        if inside and (not place.is_file() or made.add_file(f"{TRIAL}/{one.path}", place) != digest):
            raise InputError(f"{place} is missing or not what the result was made from; nothing was archived")
        size = place.stat().st_size if place.is_file() else None
        yield {"path": one.path, "sha256": digest, "bytes": size, "inside": inside}
