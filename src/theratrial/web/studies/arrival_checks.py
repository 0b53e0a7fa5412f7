"""What is asked about an image as soon as it is there, while the camera's staff still remember it.

Each finding names a rule and an item; the queries made of them open once and close themselves (`judging`). The trial's
own administration record is the primary source, the header the cross-check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from theratrial.errors import TheratrialError
from theratrial.imaging.planar import planar_pair
from theratrial.imaging.series import series_from_files
from theratrial.imaging.suv import suv_certificate
from theratrial.imaging.suv_injection import Administration
from theratrial.nuclides import nuclide
from theratrial.nuclides.library import Nuclide
from theratrial.pipeline.activity import net_administered_activity
from theratrial.protocol.schema import ImagingPlan
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.web.participants.models import Participant
from theratrial.web.studies.models import Instance, Series
from theratrial.web.studies.store import stored_path

PREFIX: Final = "arrival."
_MOST_WEIGHT_DIFFERENCE: Final = 0.10
_MOST_ACTIVITY_DIFFERENCE: Final = 0.10
_MOST_TIME_EFFECT: Final = 0.05
"""Of the decay between header time and recorded time, on SUV or on activity per injected activity."""
_MOST_MINUTES: Final = 30.0
_MOST_AHEAD: Final = timedelta(minutes=15)
"""By which the clock of a camera may run before that of the site."""
_LEAST_YIELD: Final = 0.01
"""Photons per decay that a camera can image by."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A question about an image: rule, what it is about, the question."""

    rule: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A planned image as received: its series, what belongs to it, the administration it followed."""

    plan: ImagingPlan
    session: int | None
    image: Series
    ct: tuple[Series, ...]
    regions: tuple[Series, ...]
    administration: Row | None
    folder: TrialFolder
    participant: Participant

    @property
    def facts(self) -> dict[str, Any]:
        """Of the image's header."""
        found: dict[str, Any] = self.image.header["facts"]
        return found

    @property
    def nuclide(self) -> Nuclide | None:
        """Of the product that was given."""
        product = self.folder.protocol.products[self.plan.product].reading
        return nuclide(product.nuclide) if product else None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.plan.title if self.session is None else f"{self.plan.title}, session {self.session}"


def subject_of(imaging: str, session: int | None) -> str:
    """What queries about a planned image call it."""
    return f"image:{imaging}" if session is None else f"image:{imaging}/{session}"


def findings(folder: TrialFolder, participant: Participant, matched: Iterable[Series]) -> list[Finding]:
    """What is to be asked about the matched series of one participant."""
    found = []
    for one in _examined(folder, participant, list(matched)):
        for rule, check in CHECKS.items():
            text = check(one)
            if text:
                found.append(Finding(rule, subject_of(one.plan.id, one.session), f"{one.name}: {text}"))
    return found


def administration_of(folder: TrialFolder, participant_id: str, plan: ImagingPlan, session: int | None) -> Row | None:
    """The administration that a planned image follows."""
    rows = folder.rows("administrations", participant_id=participant_id, product_id=plan.product)
    wanted = [r for r in rows if (r["session"] == session if plan.per_session else r["timepoint"] == plan.timepoint)]
    return wanted[0] if wanted else None


def _examined(folder: TrialFolder, participant: Participant, rows: Sequence[Series]) -> list[Examined]:
    plans = {c.reading.id: c.reading for c in folder.protocol.imaging.values() if c.reading is not None}
    result = []
    for row in rows:
        if row.part != "image" or row.imaging not in plans:
            continue
        plan = plans[row.imaging]
        beside = [one for one in rows if (one.imaging, one.session) == (row.imaging, row.session)]
        result.append(
            Examined(
                plan,
                row.session,
                row,
                tuple(one for one in beside if one.part == "ct"),
                tuple(one for one in beside if one.part == "regions"),
                administration_of(folder, participant.code, plan, row.session),
                folder,
                participant,
            )
        )
    return result


def _weight(one: Examined) -> str:
    stated = one.facts.get("weight_kg")
    recorded, source = recorded_weight(one)
    if one.plan.kind == "pet_ct" and not stated:
        return "the header states no body weight, so that other programs cannot compute SUV; check the worklist."
    if not stated or not recorded:
        return ""
    apart = stated / recorded - 1
    if abs(apart) <= _MOST_WEIGHT_DIFFERENCE:
        return ""
    return (
        f"the header states {stated:g} kg, {source} {recorded:g} kg ({apart:+.0%}). SUV would differ by as much. "
        "Which one is right?"
    )


def recorded_weight(one: Examined) -> tuple[float | None, str]:
    """Weight on the day of the administration, else at screening, and where it is from."""
    if one.administration is not None and one.administration["weight_kg"]:
        return one.administration["weight_kg"], "the administration record"
    rows = one.folder.rows("participants", participant_id=one.participant.code)
    return (rows[0]["weight_kg"], "screening") if rows else (None, "")


def _activity(one: Examined) -> str:
    stated, given_MBq = one.facts.get("injected_activity_MBq"), net_MBq(one)
    if not stated or given_MBq is None:
        return ""
    apart = stated / given_MBq - 1
    if abs(apart) <= _MOST_ACTIVITY_DIFFERENCE:
        return ""
    return (
        f"the header states {stated:.4g} MBq injected, the administration record {given_MBq:.4g} MBq net at injection "
        f"({apart:+.0%}). Check both: calibrator, residual, unit."
    )


def net_MBq(one: Examined) -> float | None:
    """Net activity at the injection by the trial's own record; None where it cannot be formed."""
    if one.administration is None or one.nuclide is None:
        return None
    try:
        return net_administered_activity(one.administration, one.nuclide).value
    except (TheratrialError, TypeError):
        return None


def _injection_time(one: Examined) -> str:
    text = one.facts.get("injected_at")
    if not text or one.administration is None or one.nuclide is None:
        return ""
    stated, recorded = datetime.fromisoformat(text), one.administration["injected_at"]
    if stated.tzinfo is None:
        stated = stated.replace(tzinfo=one.folder.zone)
    minutes = (stated - recorded).total_seconds() / 60
    effect = abs(1 - 2 ** (-abs(minutes) / 60 / one.nuclide.half_life_h))
    if effect <= _MOST_TIME_EFFECT and abs(minutes) <= _MOST_MINUTES:
        return ""
    return (
        f"the header puts the injection at {stated:%Y-%m-%d %H:%M}, the administration record at "
        f"{recorded:%Y-%m-%d %H:%M} ({minutes:+.0f} min, {effect:.1%} of decay). Which one is right?"
    )


def _window(one: Examined) -> str:
    if one.administration is None or one.image.acquired_at is None:
        return ""
    hours = (one.image.acquired_at - one.administration["injected_at"]).total_seconds() / 3600
    if one.plan.window_h.holds(hours):
        return ""
    return (
        f"acquired {hours:.1f} h after the injection, outside the window "
        f"{one.plan.window_h.minimum:g}-{one.plan.window_h.maximum:g} h. Is the time right? If so, give the reason of "
        "the deviation."
    )


def _ahead(one: Examined) -> str:
    at, received = one.image.acquired_at, one.image.upload.received_at
    if at is None or at - received <= _MOST_AHEAD:
        return ""
    shown, known = at.astimezone(one.folder.zone), received.astimezone(one.folder.zone)
    return (
        f"the header puts the acquisition at {shown:%Y-%m-%d %H:%M}, after the image was received "
        f"({known:%Y-%m-%d %H:%M}). Which clock or date is wrong?"
    )


def _energy_windows(one: Examined) -> str:
    if one.image.modality != "NM" or one.nuclide is None:
        return ""
    windows = [w for w in one.facts.get("energy_windows_keV") or [] if w[1] is not None and w[2] is not None]
    if not windows:
        return "the header states no energy window; which photopeaks were set?"
    lines = [line.energy_keV for line in one.nuclide.photon_lines if line.yield_per_decay >= _LEAST_YIELD]
    if any(low <= energy <= high for _name, low, high in windows for energy in lines if energy > _LEAST_KEV):
        return ""
    shown = ", ".join(f"{low:g}-{high:g}" for _name, low, high in windows)
    return f"no energy window ({shown} keV) holds a gamma line of {one.nuclide.name}; was another protocol set?"


_LEAST_KEV: Final = 60.0
"""Below it are X rays, by which nobody images these nuclides."""


def _views(one: Examined) -> str:
    if one.plan.kind != "whole_body_planar":
        return ""
    try:
        pair = planar_pair(series_paths(one.image), one.folder.zone)
    except TheratrialError as error:
        return f"the views cannot be read: {_plain(error)}"
    if pair.posterior is None:
        return "only the anterior view is there; send the posterior one, or say that it was not acquired."
    return ""


def _ct(one: Examined) -> str:
    if one.plan.kind != "pet_ct" or one.ct:
        return ""
    return "there is no CT in the same frame of reference; send it, or say that it was not acquired."


def _regions(one: Examined) -> str:
    if "dosimetry" not in one.plan.purpose or one.regions:
        return ""
    return "no regions (RTSTRUCT or SEG) are there, so that no organ dose can be computed; draw and send them."


def _suv(one: Examined) -> str:
    if one.plan.kind != "pet_ct" or one.image.modality != "PT":
        return ""
    given_MBq, recorded = net_MBq(one), one.administration
    try:
        record = None
        if given_MBq is not None and recorded is not None:
            record = Administration(given_MBq, recorded["injected_at"], recorded_weight(one)[0])
        suv_certificate(
            series_from_files(series_paths(one.image), hashed=False), timezone=one.folder.zone, administration=record
        )
    except TheratrialError as error:
        return f"SUV cannot be computed: {_plain(error)}"
    return ""


def _gap(one: Examined) -> str:
    said = "; ".join(text for row in (one.image, *one.ct) if (text := row.header.get("gap", "")))
    return f"the series is not complete: {said}. Send it again, complete." if said else ""


def _incomplete(one: Examined) -> str:
    """Counted against what the headers themselves state; a gap between slices is told by `_gap`."""
    lacking = []
    for row in (one.image, *one.ct):
        stated, there = row.header["facts"].get("images_stated"), row.header["catalogue"]["instances"]
        if stated and there < stated and not row.header.get("gap"):
            lacking.append(f"the header of the {row.modality} states {stated} images, {there} are here")
    frames, stated = one.facts.get("frames"), one.facts.get("frames_stated")
    if frames and stated and frames < stated:
        lacking.append(f"the header states {stated} views or slices, the image has {frames} frames")
    return f"{'; '.join(lacking)}. Send the rest, or say that this is all." if lacking else ""


def _plain(error: Exception) -> str:
    """An error's words without the names of stored files, which say nothing to anybody."""
    text = str(error)
    for word in text.split():
        core = word.strip(":,;()'\"")
        if len(Path(core).name) == 64:
            text = text.replace(core, "the file")
    return text[:600]


def series_paths(row: Series) -> list[Path]:
    """The stored files of a series, in the order of their hashes."""
    hashes = Instance.objects.filter(series=row).order_by("file_id").values_list("file_id", flat=True)
    return [stored_path(one) for one in hashes]


CHECKS: Final[dict[str, Callable[[Examined], str]]] = {
    "weight": _weight,
    "activity": _activity,
    "injection_time": _injection_time,
    "window": _window,
    "ahead": _ahead,
    "energy_windows": _energy_windows,
    "views": _views,
    "ct_missing": _ct,
    "regions_missing": _regions,
    "suv": _suv,
    "gap": _gap,
    "incomplete": _incomplete,
}

__all__ = [
    "CHECKS",
    "PREFIX",
    "Examined",
    "Finding",
    "administration_of",
    "findings",
    "net_MBq",
    "recorded_weight",
    "series_paths",
    "subject_of",
]
