"""Says whether a certified copy is intact. Python 3.9 or later, nothing else:

    python verify.py [folder or zip] [--manifest-sha256 DIGEST]

It compares every file with manifest.json, recomputes every event of the ledger, and names what was altered. The digest
of manifest.json itself stands in the ledger of the trial's site; give it, and an exchanged manifest is found too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

META = (
    "seq",
    "at",
    "effective_at",
    "actor",
    "actor_kind",
    "action",
    "reason",
    "op",
    "entity",
    "entity_id",
    "participant",
    "site",
    "request_id",
    "software",
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_of(place: Path) -> dict[str, bytes]:
    if place.is_dir():
        return {p.relative_to(place).as_posix(): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}
    with zipfile.ZipFile(place) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def half(salt: str, text: str | None) -> str:
    if text is None:
        return sha256((salt + "-").encode())
    return text[9:] if text.startswith("redacted:") else sha256((salt + "+" + text).encode())


def event_faults(lines: Iterable[str], whole: bool) -> Iterator[str]:
    before, number = "0" * 64, 0
    for line in lines:
        event = json.loads(line)
        if "head" in event:
            if whole and (event["head"]["seq"], event["head"]["hash"]) != (number, before):
                yield "ledger.jsonl: its last event is not the head"
            continue
        fields = "".join(f"{len(str(event[name]).encode())}:{event[name]}" for name in META)
        if sha256((event["previous_hash"] + fields + event["payload_digest"]).encode()) != event["hash"]:
            yield f"ledger.jsonl: event {event['seq']} was altered"
        payload = event["payload"] or {"salt": "", "old": None, "new": None}
        salt = payload["salt"]
        if (
            sha256((half(salt[:32], payload["old"]) + half(salt[32:], payload["new"])).encode())
            != event["payload_digest"]
        ):
            yield f"ledger.jsonl: the old or new row of event {event['seq']} was altered"
        if whole and (event["previous_hash"] != before or event["seq"] != number + 1):
            yield f"ledger.jsonl: event {event['seq']} does not follow event {number}"
        if event["seq"] <= number:
            yield f"ledger.jsonl: event {event['seq']} stands in the wrong place"
        before, number = event["hash"], event["seq"]


def faults(files: dict[str, bytes], manifest_sha256: str = "") -> Iterator[str]:
    manifest = json.loads(files["manifest.json"])
    if manifest_sha256 and sha256(files["manifest.json"]) != manifest_sha256.lower():
        yield "manifest.json: not the one that was certified"
    listed = manifest["files"]
    for name in sorted(set(listed) | set(files)):
        if name == "manifest.json":
            continue
        if name not in files:
            yield f"{name}: missing"
        elif name not in listed:
            yield f"{name}: not part of the copy, added later"
        elif sha256(files[name]) != listed[name]["sha256"]:
            yield f"{name}: altered"
    if "ledger.jsonl" in files:
        yield from event_faults(files["ledger.jsonl"].decode().splitlines(), manifest["ledger_is_whole"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("place", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--manifest-sha256", default="")
    chosen = parser.parse_args()
    try:
        files = files_of(Path(chosen.place))
        files = {name: data for name, data in files.items() if "__pycache__" not in name}
        found = list(faults(files, chosen.manifest_sha256))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        sys.stdout.write(f"ALTERED: the copy cannot be read: {error!r}\n")
        return 1
    for one in found:
        sys.stdout.write(f"ALTERED: {one}\n")
    sys.stdout.write("NOT intact.\n" if found else f"Intact: {len(files)} files.\n")
    sys.stdout.write("SHA-256 of manifest.json: " + sha256(files["manifest.json"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
