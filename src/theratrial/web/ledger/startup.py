"""What is done with the ledger when the site starts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from theratrial.errors import InputError
from theratrial.web.ledger.chain import Anchor
from theratrial.web.ledger.models import Head
from theratrial.web.ledger.triggers import installed_triggers_differ


def refuse_altered_triggers() -> None:
    """The site does not start while its ledger could be bypassed.

    Raises
    ------
    InputError
        A trigger is missing, altered or foreign.
    """
    if faults := installed_triggers_differ():
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise InputError(
            f"the ledger's triggers are not as they must be: {'; '.join(faults[:5])}{more}. Find out who changed the "
            "database, run `theratrial ledger verify`, then `theratrial ledger install-triggers` (which is noted)"
        )


def anchor_written(folder: Path, now: datetime | None = None) -> Path | None:
    """Write the head of the ledger into the day's anchor file of the site folder; nothing where there is no event.

    A cut-off tail or an exchanged ledger is then seen as long as the file, or a copy of it, lies somewhere else.
    """
    head = Head.objects.filter(seq__gt=0).first()
    if head is None:
        return None
    file = folder / "anchors" / f"{(now or datetime.now(UTC)).astimezone(UTC):%Y-%m-%d}"
    file.parent.mkdir(parents=True, exist_ok=True)
    line = f"{head.seq} {head.hash} {head.effective_at}\n"
    if not file.exists() or line not in file.read_text(encoding="ascii"):
        with file.open("a", encoding="ascii") as stream:
            stream.write(line)
    return file


def anchors_of(folder: Path) -> list[Anchor]:
    """Every anchor in the site folder.

    Raises
    ------
    InputError
        A file there is no anchor file.
    """
    found = []
    for file in sorted((folder / "anchors").glob("*")):
        for number, line in enumerate(file.read_text(encoding="ascii", errors="replace").splitlines(), start=1):
            parts = line.split()
            if len(parts) != 3 or not parts[0].isdigit():
                raise InputError(f"{file} line {number} is no anchor ('<number> <hash> <instant>'); restore the file")
            found.append(Anchor(int(parts[0]), parts[1], f"the anchor of {file.name}"))
    return found
