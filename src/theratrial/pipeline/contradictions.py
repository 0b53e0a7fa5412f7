"""What must be mended in a folder before it can be walked, though each line of it can be read."""

from __future__ import annotations

from theratrial.errors import Problem
from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.reader import IMAGES, PROTOCOL_FILE
from theratrial.trialfolder.records import TrialFolder

_NEEDED = ("identity", "population", "sessions", "dosimetry", "response", "endpoint")
"""An open dose limit or safety gate is no obstacle: it leaves every gate undetermined, and the gate says so."""


def contradictions(folder: TrialFolder) -> list[Problem]:
    """Clauses without a reading, tables without a line, and session numbers that are not in the order of injection."""
    return [*_unread(folder.protocol), *_empty(folder), *_session_numbers(folder), *_batch_products(folder)]


def _unread(protocol: Protocol) -> list[Problem]:
    """Clauses that the walk needs and that nobody has decided on."""
    wanted = {name: getattr(protocol, name) for name in _NEEDED}
    wanted |= {f"products.{key}": clause for key, clause in protocol.products.items()}
    return [
        Problem(
            f"{PROTOCOL_FILE}, {path}",
            "the clause is open: it has no reading, so the trial cannot be run",
            f"decide on it and give {path} a reading (`theratrial protocol check` shows what is open)",
        )
        for path, clause in wanted.items()
        if clause.reading is None
    ]


def _empty(folder: TrialFolder) -> list[Problem]:
    if folder.participant_ids:
        return []
    problems = [
        Problem("records/participants.csv", "has no line", "write a line for everybody who was screened"),
        Problem("records/consents.csv", "has no line", "write a line for everybody who signed a consent"),
    ]
    if not folder.image_files:
        problems.append(Problem(IMAGES, "holds no file", "put the DICOM files there, in any order and nesting"))
    return [one for one in problems if not folder.tables.get(one.place.removeprefix("records/").removesuffix(".csv"))]


def _session_numbers(folder: TrialFolder) -> list[Problem]:
    """Sessions are counted in the order of their injections: a number out of order would give its gate other doses."""
    therapy = folder.protocol.sessions.reading
    if therapy is None:
        return []
    problems = []
    for participant_id in folder.participant_ids:
        rows = folder.rows("administrations", participant_id=participant_id, product_id=therapy.product)
        for number, row in enumerate(sorted(rows, key=lambda row: row["injected_at"]), 1):
            if row["session"] != number:
                problems.append(
                    Problem(
                        f"{row.file} line {row.line}, column session",
                        f"says session {row['session']}, but by its injection "
                        f"({row['injected_at'].isoformat(timespec='minutes')}) it is session {number} of "
                        f"{participant_id}",
                        "correct the number or the time, or add the line that is missing",
                    )
                )
    return problems


def _batch_products(folder: TrialFolder) -> list[Problem]:
    products = {row["batch_id"]: row["product_id"] for row in folder.tables["batches"]}
    return [
        Problem(
            f"{row.file} line {row.line}, column batch_id",
            f"batch {row['batch_id']} is of {products[row['batch_id']]}, but {row['product_id']} was injected",
            "correct the batch or the product",
        )
        for row in folder.tables["administrations"]
        if products.get(row["batch_id"], row["product_id"]) != row["product_id"]
    ]
