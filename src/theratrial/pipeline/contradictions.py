"""What must be mended in a folder before it can be walked, though each line of it can be read."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

from theratrial.errors import InputError, Problem, SourceError
from theratrial.nuclides import nuclide, nuclide_name
from theratrial.pipeline.activity_ledger import MOST_OF_BATCH, Batch, Draw
from theratrial.pipeline.contradictory_ends import contradictory_ends
from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.reader import IMAGES, PROTOCOL_FILE
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.units import converted

_NEEDED = ("identity", "population", "sessions", "dosimetry", "response", "endpoint")
"""An open dose limit or safety gate is no obstacle: it leaves every gate undetermined, and the gate says so."""


_LEAST_MBq: Final = 1e-300


def contradictions(folder: TrialFolder) -> list[Problem]:
    """What is open, empty or cannot all be true.

    Clauses without a reading, tables without a line, session numbers out of the order of injection, batches of another
    product or with less activity than was drawn, calibrations of which either could hold, deaths and later treatments
    before an injection.
    """
    return [
        *_unread(folder.protocol),
        *_empty(folder),
        *_session_numbers(folder),
        *_batch_products(folder),
        *_batch_activities(folder),
        *_batch_totals(folder),
        *_rival_calibrations(folder),
        *contradictory_ends(folder),
    ]


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


def _batch_activities(folder: TrialFolder) -> list[Problem]:
    """Syringes with more activity than their batch held at that time: a unit, a time or a batch is wrong."""
    batches = {row["batch_id"]: row for row in folder.tables["batches"]}
    problems = []
    for row in folder.tables["administrations"]:
        batch = batches.get(row["batch_id"])
        product = folder.protocol.products[row["product_id"]].reading
        if batch is None or batch["product_id"] != row["product_id"] or product is None:
            continue  # said elsewhere
        held_MBq = _held_MBq(batch, row["measured_at"], nuclide(product.nuclide).decay_constant_per_h)
        if row["measured_activity_MBq"] > MOST_OF_BATCH * held_MBq:
            problems.append(
                Problem(
                    f"{row.file} line {row.line}, column measured_activity_MBq",
                    f"{row['measured_activity_MBq']:g} MBq is more than the batch held: at "
                    f"{row['measured_at'].isoformat(timespec='minutes')} there were {held_MBq:.4g} MBq left of batch "
                    f"{batch['batch_id']} ({batch.file} line {batch.line})",
                    "check unit, time and batch on both lines",
                )
            )
    return problems


def _batch_totals(folder: TrialFolder) -> list[Problem]:
    """Syringes of which each is possible, but that together hold more than their batch."""
    problems = []
    for batch in folder.tables["batches"]:
        clause = folder.protocol.products.get(batch["product_id"])
        product = clause.reading if clause is not None else None
        rows = folder.rows("administrations", batch_id=batch["batch_id"], product_id=batch["product_id"])
        if product is None or len(rows) < 2:
            continue
        substance = nuclide(product.nuclide)
        draws = tuple(
            Draw(str(row.line), row["measured_activity_MBq"], row["measured_at"], row["measured_at"]) for row in rows
        )
        try:
            share = Batch(batch["batch_id"], substance, batch["activity_MBq"], batch["reference_at"], draws).drawn_share
        except InputError:
            continue  # said of the line itself: its syringe and its batch lie too far apart
        single = max(
            row["measured_activity_MBq"]
            / max(_held_MBq(batch, row["measured_at"], substance.decay_constant_per_h), _LEAST_MBq)
            for row in rows
        )
        if share > MOST_OF_BATCH and single <= MOST_OF_BATCH:
            lines = ", ".join(str(row.line) for row in rows)
            problems.append(
                Problem(
                    f"{batch.file} line {batch.line}, column activity_MBq",
                    f"the {len(rows)} syringes of batch {batch['batch_id']} (records/administrations.csv lines "
                    f"{lines}) hold {100 * share:.0f} % of it together, each decay-corrected to its reference time",
                    "check units, times and batch of each of them",
                )
            )
    return problems


def _held_MBq(batch: Row, at: datetime, decay_constant_per_h: float) -> float:
    hours = converted((at - batch["reference_at"]).total_seconds(), "s", "h")
    # A year typed wrong must not overflow: a batch that "held" 1e43 times its activity refuses nothing anyhow.
    return float(batch["activity_MBq"] * math.exp(min(-decay_constant_per_h * hours, 100.0)))


def _rival_calibrations(folder: TrialFolder) -> list[Problem]:
    """Two calibrations from one day on for one camera, kind and nuclide: nothing says which of them holds."""
    first: dict[tuple[Any, ...], Row] = {}
    problems = []
    for row in folder.tables["calibrations"]:
        key = (row["camera"].casefold(), row["kind"], _one_name(row["nuclide"]), row["valid_from"])
        earlier = first.setdefault(key, row)
        if earlier is not row:
            problems.append(
                Problem(
                    f"{row.file} line {row.line}, column valid_from",
                    f"{row['calibration_id']} holds from {row['valid_from']} on, as does {earlier['calibration_id']} "
                    f"of line {earlier.line}: both are {row['kind']} of {row['camera']} for {row['nuclide']}",
                    "keep the one that holds, or correct a date",
                )
            )
    return problems


def _one_name(spelling: str) -> str:
    try:
        return nuclide_name(spelling)
    except SourceError:
        return spelling.casefold()
