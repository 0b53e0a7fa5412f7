"""`theratrial protect`: dose rates to release and contact restrictions, and the sheet a participant takes home."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from theratrial.cli import console
from theratrial.errors import InputError

if TYPE_CHECKING:
    from theratrial.safety.protection.curve import Interval
    from theratrial.safety.protection.household import HouseholdMember
    from theratrial.safety.protection.judged import Judged, Situation

_VERDICTS = {"may_leave": "may leave", "may_not_leave": "may NOT leave", "undetermined": "undetermined"}


class GeometryName(StrEnum):
    """How the dose rate falls with distance."""

    LINE = "line"
    POINT = "point"
    POWER_1_5 = "power_1_5"


class SheetLanguage(StrEnum):
    """Language of the sheet."""

    EN = "en"
    FA = "fa"


class _FileFirst(TyperGroup):
    """`theratrial protect FILE.csv` is `theratrial protect session FILE.csv`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["session", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FileFirst,
    add_completion=False,
    no_args_is_help=True,
    help="Radiation protection at discharge: release, contact restrictions, the participant's sheet. "
    "`theratrial protect FILE.csv ...` judges a file of dose rates.",
)


@app.command()
def session(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            help="One line per reading: hours_after or measured_at, distance_m, dose_rate_uSv_per_h, "
            "background_uSv_per_h.",
        ),
    ],
    administered: Annotated[float, typer.Option("--administered-MBq", help="Activity administered [MBq].")],
    limit: Annotated[str, typer.Option(help="Row of the table of release criteria; a wrong one lists them.")],
    nuclide_name: Annotated[str, typer.Option("--nuclide", help="Nuclide.")] = "Lu-177",
    constraints: Annotated[str, typer.Option(help="Set of dose constraints.")] = "relatives_1_public_0_3",
    household: Annotated[
        list[str] | None,
        typer.Option(help="adult, pregnant, child_under_2 ...; with :bed who shares the bed. Repeat it."),
    ] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Sessions within one year, which share a yearly limit.")] = 1,
    administered_at: Annotated[str, typer.Option(help="Local time, as 2026-03-02T10:30; sets the hour of day.")] = "",
    discharged: Annotated[
        float | None, typer.Option("--discharged-h", min=0, help="Hours after the administration.")
    ] = None,
    minimum: Annotated[int, typer.Option(min=1, help="Readings asked for before a fall is believed.")] = 2,
    half_life: Annotated[
        float | None,
        typer.Option("--whole-body-half-life-h", min=0.1, help="Effective half-life of whole-body counts, instead."),
    ] = None,
    own_limit: Annotated[
        float | None, typer.Option("--limit-uSv-per-h", help="Own limit where the row has no value.")
    ] = None,
    own_distance: Annotated[float, typer.Option("--limit-distance-m", help="Distance of the own limit.")] = 1.0,
    citation: Annotated[str, typer.Option("--limit-citation", help="Who established the own limit, and when.")] = "",
    margin: Annotated[
        float, typer.Option("--margin-percent", min=0, help="Added to dose rates before restrictions.")
    ] = 0,
    geometry: Annotated[GeometryName, typer.Option(help="How the dose rate falls with distance.")] = GeometryName.LINE,
    reading_sd: Annotated[float, typer.Option("--reading-sd-percent", help="Of one reading.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print values as JSON.")] = False,
) -> None:
    """Judge release and contact restrictions from dose rates measured at one patient."""
    from theratrial.nuclides import nuclide
    from theratrial.safety.protection.household import contacts
    from theratrial.safety.protection.judged import Situation, judged
    from theratrial.safety.protection.reading_tables import readings_from_csv
    from theratrial.safety.protection.release import release_limit

    if not administered > 0:
        raise InputError(f"--administered-MBq {administered:g}: it must be positive")
    at = _moment(administered_at)
    situation = Situation(
        isotope=nuclide(nuclide_name),
        administered_MBq=administered,
        readings=readings_from_csv(_text(file), at),
        limit=release_limit(limit, own_limit, own_distance, citation),
        contacts=contacts(constraints, _household(household or []), sessions=sessions),
        # Without a time of day the midnight before: which hour it is moves a restriction by less than a day.
        injected_hour=at.hour + at.minute / 60 if at else 0.0,
        discharged_h=discharged,
        kinetics="measured_dose_rates" if half_life is None else "whole_body_counts",
        whole_body_half_life_h=None if half_life is None else (half_life, half_life, half_life),
        minimum_readings=minimum,
        margin_fraction=margin / 100,
        geometry=geometry.value,
        reading_sd_fraction=reading_sd / 100,
    )
    found = judged(situation)
    if as_json:
        console.print_json(_values(situation, found))
    else:
        _show(situation, found)


@app.command()
def leaflet(
    results: Annotated[Path, typer.Argument(help="Folder that `theratrial run --out` wrote, or its results.json.")],
    participant: Annotated[str, typer.Option(help="Participant's code.")],
    session_number: Annotated[int, typer.Option("--session", min=1, help="Number of the session.")],
    language: Annotated[SheetLanguage, typer.Option(help="Language of the sheet.")] = SheetLanguage.EN,
    out: Annotated[
        Path | None, typer.Option(help="Where to write: .pdf or .html; without it a PDF in the current folder.")
    ] = None,
) -> None:
    """Write the sheet a participant takes home; refused without a verdict that she may leave."""
    from theratrial.report.leaflet.page import leaflet_page, leaflet_pdf
    from theratrial.report.leaflet.stored import stored_facts
    from theratrial.results.plain import read_results

    place = results / "results.json" if results.is_dir() else results
    facts = stored_facts(read_results(place), participant, session_number)
    target = out or Path(f"protection_{participant}_{session_number}_{language.value}.pdf")
    if target.suffix == ".html":
        target.write_text(leaflet_page(facts, language.value), encoding="utf-8")
    elif target.suffix == ".pdf":
        target.write_bytes(leaflet_pdf(facts, language.value))
    else:
        raise InputError(f"{target}: the sheet is written as .pdf or .html")
    console.say(f"Wrote {target}.")
    console.warn("Results carry no signature, so every page is marked DRAFT; the site prints the signed sheet.")
    if facts.demonstration:
        console.warn("The sheet rests on demonstration assumptions or virtual participants and says so.")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"there is no file {file}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--administered-at {text!r} is no time; write 2026-03-02T10:30") from None


def _household(given: list[str]) -> list[HouseholdMember]:
    from theratrial.safety.protection.household import HouseholdMember

    members = []
    for number, text in enumerate(given, 1):
        kind, _, bed = text.partition(":")
        if bed not in ("", "bed"):
            raise InputError(f"--household {text!r}: write adult, or adult:bed for who shares the bed")
        members.append(HouseholdMember(str(number), kind, bed == "bed"))
    return members


def _ends(found: Interval | None) -> dict[str, float] | None:
    return None if found is None else {"value": found.value, "lower": found.lower, "upper": found.upper}


def _values(situation: Situation, found: Judged) -> dict[str, Any]:
    fall = found.fall
    curves = None if fall is None else fall.curves
    return {
        "verdict": found.release.verdict,
        "because": found.release.because,
        "limit": situation.limit.text,
        "may_leave_from_h": _ends(found.release.from_h),
        "kinetics": None if fall is None else fall.kinetics,
        "kinetics_text": None if fall is None else fall.text,
        "effective_half_life_h": _ends(curves.interval(lambda curve: curve.slowest_half_life_h) if curves else None),
        "dose_rate_at_1_m_at_administration_uSv_per_h": _ends(
            curves.interval(lambda curve: curve.rate(0)) if curves else None
        ),
        "restrictions_from_h": found.at_h,
        "restrictions": [
            {
                "person": one.contact.member_id or "others",
                "kind": one.contact.kind,
                "situation": one.contact.title,
                "pattern": one.contact.pattern.text,
                "constraint_mSv": one.contact.constraint_mSv,
                "until_h": _ends(one.until_h),
                "dose_without_mSv": _ends(one.without_mSv),
                "dose_with_mSv": _ends(one.with_mSv),
            }
            for one in found.contacts
        ],
        "remarks": list(found.remarks),
    }


def _show(situation: Situation, found: Judged) -> None:
    release = found.release
    style = {"may_leave": "bold green", "may_not_leave": "bold red"}.get(release.verdict, "bold yellow")
    console.say(f"The patient {_VERDICTS[release.verdict]}: {release.because}.", style=style)
    console.say(f"Criterion: {situation.limit.text}.")
    if release.from_h is not None:
        console.say(f"May leave from {release.from_h.upper:.1f} h after the administration (upper bound).")
    if found.fall is not None:
        half = found.fall.curves.interval(lambda curve: curve.slowest_half_life_h)
        console.say(
            f"Dose rate: {found.fall.text}; effective half-life {half.value:.1f} h "
            f"({half.lower:.1f} to {half.upper:.1f} h)."
        )
    if found.contacts:
        rows = [
            (
                one.contact.member_id or "others",
                one.contact.kind,
                one.contact.title,
                f"{one.contact.constraint_mSv:.3g}",
                f"{one.without_mSv.value:.3g}",
                "none" if one.until_h.upper <= found.at_h else f"{one.until_h.upper / 24:.1f} d",
                "none" if one.until_h.value <= found.at_h else f"{one.until_h.value / 24:.1f} d",
            )
            for one in found.contacts
        ]
        head = ("person", "kind", "situation", "mSv allowed", "mSv without", "restricted until", "best estimate")
        console.print_table(head, rows, title=f"Days after the administration; contact from {found.at_h:.1f} h on")
    for remark in found.remarks:
        console.warn(remark)
