"""The page that stands first in an archive: what it is, what is in it, what is not, how it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_LINES: Final = (
    ("report.pdf", "the report of the trial as PDF/A; results/report.html is the same to read in a browser"),
    ("dosimetry.pdf", "the physicist's page of the participant as PDF/A"),
    ("copy/copy.pdf", "the certified copy as PDF/A: all records with their history, queries and signatures"),
    ("copy/history.csv", "every change of every cell: who, when (UTC), why, old and new"),
    ("copy/signatures.json", "every signature with name, time, meaning and what was signed"),
    ("odm.xml", "records, audit records and signatures as CDISC ODM 1.3.2, transactional"),
    ("ledger.jsonl", "the events of the ledger, one JSON object a line, with their chain of digests"),
    ("sdtm/dataset-json/define.xml", "what the SDTM data sets hold; the transport files lie in sdtm/xpt"),
    ("trial/protocol.yaml", "the trial folder that the numbers were computed from: protocol, registration, records"),
    ("results/results.json", "every derived number with the path it came; results/run.json says what computed them"),
    ("results/participant.json", "every derived number of the participant with the path it came"),
    ("images.json", "every image that the numbers rest on, with its SHA-256, and whether it is inside"),
    ("manifest.json", "SHA-256 and size of every file"),
)


def readme_text(about: Mapping[str, Any], files: Sequence[str]) -> str:
    """The text, for the files that are there."""
    whose = f", participant {about['participant']}" if about["participant"] else ""
    ledger = about.get("ledger") or {}
    lines = [f"INSPECTOR'S ARCHIVE of {about['trial']}{whose}", ""]
    if about.get("made_at"):
        lines.append(f"State of {about['made_at']}, after event {ledger.get('seq', 0)} of the ledger")
        lines.append(f"({ledger.get('hash', '')}).")
    lines.append(f"Protocol {about['protocol_version']} ({about['protocol_sha256']}),")
    lines.append(f"computed by theratrial {about['result']['product_version']} ({about['result']['program']}).")
    if about["virtual_participants"]:
        lines.append("The participants are virtual.")
    there = {*files, "manifest.json"}
    width = max(len(name) for name, _text in _LINES)
    lines += ["", *(f"{name.ljust(width)}  {text}" for name, text in _LINES if name in there), ""]
    if about["not_inside"]:
        lines += ["Not inside:", *(f"  {one}" for one in about["not_inside"]), ""]
    lines += _checking(images=bool(about["images_inside"]))
    return "\n".join(lines) + "\n"


def _checking(*, images: bool) -> list[str]:
    lines = [
        "To check that nothing was altered (Python 3.9 or later, no other software), unpacked or as it is:",
        "",
        "    python verify.py [this file or folder] [--manifest-sha256 DIGEST]",
        "",
        "An altered verify.py could say anything: take that of another copy, or `theratrial archive verify`. The",
        "digest of manifest.json is told when the archive is made, and kept in the ledger of the site that made it;",
        "with it an archive whose contents and manifest were both exchanged is found too.",
        "",
    ]
    if images:
        return [*lines, "To recompute every number from the images and records inside: `theratrial verify ARCHIVE`."]
    return [
        *lines,
        "The images are not inside: numbers that rest on them cannot be recomputed from this archive alone.",
        "`theratrial verify ARCHIVE` recomputes the others and names the rest.",
    ]
