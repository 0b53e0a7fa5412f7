"""What was read against what was shared, by SHA-256; the recomputed tables against the published ones, as printed."""

import hashlib
from pathlib import Path
from typing import Any


def altered(folder: Path, digests: dict[str, str]) -> tuple[list[str], list[str]]:
    """(data sets that are not the shared ones, in words; names of those given as CSV, which have no digest)."""
    found, unknown = [], []
    for name, said in digests.items():
        path = folder / name
        if path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != said:
                found.append(f"{name} is not the data set that was shared: its SHA-256 differs")
        elif path.with_suffix(".csv").is_file():
            unknown.append(path.with_suffix(".csv").name)
        else:
            found.append(f"{name} was shared and is not here")
    return found, unknown


def differences(published: Any, made: Any, failures: dict[str, str]) -> list[str]:
    """What differs, in words; an empty list where every cell agrees."""
    found = [f"{name}: could not be recomputed: {why}" for name, why in failures.items() if name in published]
    for name, table in published.items():
        if name in failures:
            continue
        if name not in made:
            found.append(f"{name}: was published and is not recomputed by this package")
            continue
        found += _table(name, table, made[name])
    return found


def _table(name: str, published: Any, made: Any) -> list[str]:
    if published["columns"] != made["columns"]:
        return [f"{name}: columns {made['columns']} in place of {published['columns']}"]
    found = []
    if len(published["rows"]) != len(made["rows"]):
        found.append(f"{name}: {len(made['rows'])} lines in place of {len(published['rows'])}")
    for at, (theirs, ours) in enumerate(zip(published["rows"], made["rows"], strict=False), 1):
        for column, said, got in zip(published["columns"], theirs, ours, strict=True):
            if said != got:
                found.append(f"{name}, line {at} ({theirs[0]}), {column}: published {said}, recomputed {got}")
    return found
