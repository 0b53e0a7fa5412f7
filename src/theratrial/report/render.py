"""Blocks to one self-contained page. Every text is escaped: names and reasons come from people and files."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from theratrial.report.blocks import Folded, Section
from theratrial.report.texts import count
from theratrial.results.values import TrialResult

_LONG_WORD: Final = 24


@dataclass(frozen=True, slots=True)
class Banner:
    """A line over the whole page that nobody may miss."""

    text: str
    tone: str
    link: str = ""
    link_text: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the report."""

    trial_id: str
    title: str
    public_title: str
    identity: tuple[tuple[str, str], ...]
    banners: tuple[Banner, ...]
    watermark: str
    page_title: str
    running: str
    """At the top of every printed page."""
    back: str = ""
    """The page that this one belongs to, relative to it."""


def watermark(result: TrialResult) -> str:
    """The word that lies over every page and stands in every figure; "" where nothing is assumed or virtual."""
    return "DEMONSTRATION" if result.assumptions or result.simulated else ""


def footline(result: TrialResult) -> str:
    """What every figure says of itself where it rests on assumptions or on virtual participants."""
    parts = []
    if result.simulated:
        parts.append("virtual participants")
    if result.assumptions:
        parts.append(f"rests on {count(len(result.assumptions), 'demonstration assumption')}")
    return f"{watermark(result)}: {', '.join(parts)}" if parts else ""


def report_head(result: TrialResult) -> Head:
    """Title, identity and banners of the trial report."""
    identity = (
        ("Registration", f"{result.trial_id} ({result.registry})"),
        ("Phase", result.phase),
        ("Protocol version", result.protocol_version),
        ("Planned participants", str(result.sample_size)),
    )
    return Head(
        trial_id=result.trial_id,
        title=result.scientific_title,
        public_title=result.public_title,
        identity=identity,
        banners=banners_of(result),
        watermark=watermark(result),
        page_title=f"{result.trial_id}: trial report",
        running=result.trial_id,
    )


def banners_of(result: TrialResult) -> tuple[Banner, ...]:
    """What nobody may miss: open clauses, virtual participants, demonstration assumptions."""
    banners = []
    if result.open_conflicts:
        n = count(len(result.open_conflicts), "clause")
        verb = "is" if len(result.open_conflicts) == 1 else "are"
        text = f"{n} of the protocol {verb} open. Nothing here may be used."
        banners.append(Banner(text, "stop", "assumptions", "Which"))
    if result.simulated:
        banners.append(Banner("The participants are virtual: simulated, no patient is behind any number.", "simulated"))
    if result.assumptions:
        n = count(len(result.assumptions), "demonstration assumption")
        banners.append(Banner(f"Rests on {n}.", "assumed", "assumptions", "Read them"))
    return tuple(banners)


@cache
def _drawn(word: str) -> str:
    """The watermark as a picture of its letters' outlines: whoever searches a page or has it read aloud meets no word
    between the lines. Every page says it once as text, in the running line."""
    name = f"templates/{word.lower()}.svg"
    drawing = resources.files("theratrial.report").joinpath(name).read_bytes()
    return f"data:image/svg+xml;base64,{b64encode(drawing).decode()}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("theratrial.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # A word that no column holds may be broken anywhere; all others only between words.
    environment.tests["longword"] = lambda text: any(len(word) > _LONG_WORD for word in text.split())
    return environment


def page(head: Head, sections: Sequence[Section], *, folded: bool = True) -> str:
    """The page as text.

    Parameters
    ----------
    folded
        Whether what is closed until asked for is in it; paper has no use for it.
    """
    css = resources.files("theratrial.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    if head.watermark:
        css += f".watermark span {{ background-image: url({_drawn(head.watermark)}); }}\n"
    # The style sheet is ours; only it is not escaped.
    shown = sections
    if not folded:
        shown = [replace(one, blocks=tuple(b for b in one.blocks if not isinstance(b, Folded))) for one in sections]
    template = _environment().get_template("report.html")
    return template.render(head=head, sections=shown, css=Markup(css))
