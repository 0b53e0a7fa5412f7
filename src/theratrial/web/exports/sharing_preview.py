"""What a release would hold, before it is made: the plan in force, and counts from the latest computation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.results.values import TrialResult
from theratrial.sharing.images.keys import SHORTEST_SECRET, ReleaseKey
from theratrial.sharing.plan import Plan, sharing_plan
from theratrial.sharing.tables.release import shared_tables
from theratrial.sharing.tables.values import TablesAsked, WithheldText
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.exports import standards
from theratrial.web.exports.scope import data_use_withdrawn
from theratrial.web.registration.selectors import record_now
from theratrial.web.results.models import Computation
from theratrial.web.results.selectors import computation_folder
from theratrial.web.trials.selectors import protocol_in_force

_NO_KEY: Final = ReleaseKey(bytes(max(SHORTEST_SECRET, 32)), "preview")
"""Counts are the same under every key; the true one is not touched for a look."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Counts of what the individual data would be, and the risk."""

    participants: int
    tables: int
    lines: int
    columns: int
    images: int
    """Files of images, before any is withheld."""
    texts: tuple[WithheldText, ...]
    """Every typed text, as if none was allowed."""
    risk: tuple[str, ...]
    excluded: frozenset[str]
    left_out: int
    folder: TrialFolder
    """What was computed, as it was read."""


_LAST: dict[str, Preview] = {}
"""The preview of the latest computation: its folder never changes, and reading it takes seconds."""


def plan_now() -> Plan:
    """The plan of the protocol in force beside the registration record as it is, and who has withdrawn by now."""
    return sharing_plan(protocol_in_force(), record_now(), len(data_use_withdrawn()))


def folder_of(computation: Computation) -> TrialFolder:
    """The trial folder of a computation.

    Raises
    ------
    InputError
        It is gone.
    """
    place = computation_folder(computation)
    if place is None or not Path(place, "trial").is_dir():
        raise InputError(_("the files of the latest computation are gone: compute the trial again"))
    return read_folder(Path(place, "trial"))


def folder_and_result(computation: Computation) -> tuple[TrialFolder, TrialResult]:
    """The folder and the results of a computation, proven to belong together."""
    return standards.computed(computation)


def previewed(computation: Computation) -> Preview:
    """What the individual data of this computation would be.

    Raises
    ------
    InputError
        The files of the computation are gone.
    """
    name = str(computation.pk)
    if name not in _LAST:
        found = _counted(folder_of(computation))
        _LAST.clear()
        _LAST[name] = found
    return _LAST[name]


def _counted(folder: TrialFolder) -> Preview:
    tables = shared_tables(folder, TablesAsked(_NO_KEY))
    shared = [content for name, content in tables.files.items() if name.startswith("tables/")]
    images = folder.path / "images"
    count = 0
    if images.is_dir():
        count = sum(
            file.is_file()
            for one in sorted(images.iterdir())
            if one.name not in tables.excluded
            for file in one.rglob("*")
        )
    return Preview(
        participants=len(tables.people),
        tables=len(shared),
        lines=sum(max(0, content.count(b"\n") - 1) for content in shared),
        columns=max(0, tables.files["data_dictionary.csv"].count(b"\n") - 1),
        images=count,
        texts=tables.withheld_texts,
        risk=tables.risk.sentences,
        excluded=frozenset(tables.excluded),
        left_out=len(tables.excluded),
        folder=folder,
    )


def withdrawn_since(excluded: frozenset[str]) -> frozenset[str]:
    """Who has withdrawn the use of her data and was still in the folder of the computation."""
    return data_use_withdrawn() - excluded


def differs_from_now(folder: TrialFolder) -> str:
    """Why what was computed is not what would be shared now; empty where it is."""
    if folder.protocol != protocol_in_force():
        return _("the protocol changed after the computation: compute the trial again")
    if sharing_plan(folder.protocol, folder.registration).items != plan_now().items:
        return _("the registration record changed after the computation: compute the trial again")
    return ""
