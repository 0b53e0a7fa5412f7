"""What the protocol plans, as SDTM numbers it: elements with their epochs, and visits.

The number of a visit is its place in the plan of a participant who receives every session; who receives fewer has gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from theratrial.protocol.clauses import Window
from theratrial.protocol.schema import ImagingPlan, Protocol, Sessions
from theratrial.protocol.schema import Visit as ProtocolVisit

SCREENING: Final = "SCRN"
FOLLOW_UP: Final = "FUP"
TREATMENT: Final = "treatment"
"""Id of the visit at which a session is given; no visit of the protocol, for it is an administration."""

_RAISED: Final = {ord(mark): str(digit) for digit, mark in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_PLAIN: Final = {
    **dict.fromkeys("–—−", "-"),
    **dict.fromkeys("·×", "x"),
    **dict.fromkeys("µμ", "u"),
    **dict.fromkeys("’‘", "'"),
    **dict.fromkeys("“”", '"'),
    "≥": ">=",
    "≤": "<=",
    "°": " deg",
    "±": "+/-",
    "…": "...",
}


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the trial: a stretch of time in which one thing is planned."""

    code: str
    title: str
    epoch: str
    order: int
    starts: str
    ends: str
    session: int | None = None
    branch: str = ""
    transition: str = ""


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """A planned visit.

    Parameters
    ----------
    ids
        Visits and images of the protocol that are done at it; ``treatment`` for the session itself.
    starts
        When it begins, in words.
    """

    number: float
    name: str
    ids: frozenset[str]
    session: int | None
    starts: str
    anchor: str
    """What its window counts from, in words."""
    planned: bool = True


def ascii_text(text: str) -> str:
    """Text in ASCII, as transport files of SAS take it: raised digits become plain, dashes hyphens, the rest a mark.

    >>> ascii_text("⁶⁸Ga, 1.0 · 10⁹/L – ≥ 18")
    '68Ga, 1.0 x 10^9/L - >= 18'
    """
    made = text.replace("10⁹", "10^9").translate(_RAISED)
    for mark, plain in _PLAIN.items():
        made = made.replace(mark, plain)
    made = made.replace("\u200c", " ").replace("\u00a0", " ")
    return made.encode("ascii", "replace").decode("ascii")


def sessions_of(protocol: Protocol) -> Sessions:
    """The plan of the sessions (ValueError where the clause is open)."""
    reading = protocol.sessions.reading
    if reading is None:
        raise ValueError("the protocol's clause on sessions is open")
    return reading


def product_name(protocol: Protocol, product_id: str) -> str:
    """A product's name in capitals and ASCII, as it stands in --TRT: ``177LU-TRASTUZUMAB``."""
    clause = protocol.products.get(product_id)
    name = clause.reading.name if clause is not None and clause.reading is not None else product_id
    return ascii_text(name).upper()


def planned_elements(protocol: Protocol) -> tuple[Element, ...]:
    """Screening, one element for each session, follow-up; in their order."""
    sessions = sessions_of(protocol)
    name, last = product_name(protocol, sessions.product), sessions.maximum_sessions
    found = [Element(SCREENING, "Screening", "SCREENING", 1, "Informed consent", "Start of the first session")]
    stopped = "If the gate stops, progression, withdrawal or death: go to follow-up"
    for number in range(1, last + 1):
        final = number == last
        found.append(
            Element(
                code=f"TRT{number}",
                title=f"Session {number}",
                epoch="TREATMENT",
                order=number + 1,
                starts=f"Injection of {name}, session {number}",
                ends="End of treatment" if final else f"Injection of session {number + 1}, or end of treatment",
                session=number,
                transition="" if final else stopped,
            )
        )
    end = "Last contact"
    found.append(Element(FOLLOW_UP, "Follow-up", "FOLLOW-UP", last + 2, "End of treatment, as decided", end))
    return tuple(found)


def unplanned_element(session: int, protocol: Protocol) -> Element:
    """The element of a session beyond those planned."""
    name = product_name(protocol, sessions_of(protocol).product)
    starts = f"Injection of {name}, session {session}"
    return Element("UNPLAN", f"Unplanned session {session}", "TREATMENT", 0, starts, "", session)


def planned_visits(protocol: Protocol) -> tuple[PlannedVisit, ...]:
    """Every visit of the plan, numbered from 1 in its order."""
    visits = [clause.reading for clause in protocol.schedule.values() if clause.reading is not None]
    images = [clause.reading for clause in protocol.imaging.values() if clause.reading is not None]
    before = [one for one in visits if not one.per_session and one.anchor == "screening"]
    after = [one for one in visits if not one.per_session and one not in before]
    found = [visit for one in before for visit in _around(one, images, first=True)]
    for session in range(1, sessions_of(protocol).maximum_sessions + 1):
        found += session_visits(protocol, session)
    found += [visit for one in after for visit in _around(one, images, first=False)]
    return tuple(_numbered(visit, number) for number, visit in enumerate(found, 1))


def session_visits(protocol: Protocol, session: int) -> list[PlannedVisit]:
    """Visits of one session, not yet numbered: the injection, its images by time point, what follows."""
    images = [c.reading for c in protocol.imaging.values() if c.reading is not None and c.reading.per_session]
    visits = [c.reading for c in protocol.schedule.values() if c.reading is not None and c.reading.per_session]
    own = f"Injection of session {session}"
    found = [PlannedVisit(0, f"SESSION {session} TREATMENT", frozenset({TREATMENT}), session, own, "")]
    points: dict[str, list[ImagingPlan]] = {}
    for image in sorted(images, key=lambda one: (one.window_h.minimum, one.timepoint)):
        points.setdefault(image.timepoint, []).append(image)
    for point, there in points.items():
        ids = frozenset(one.id for one in there)
        rule = f"{_span(there[0].window_h, 'h')} after the injection of session {session}"
        found.append(PlannedVisit(0, f"SESSION {session} IMAGING {_word(point)}", ids, session, rule, own))
    for visit in sorted(visits, key=lambda one: one.window_days.minimum):
        rule = f"{_span(visit.window_days, 'days')} after the injection of session {session}"
        found.append(PlannedVisit(0, f"SESSION {session} {_word(visit.id)}", frozenset({visit.id}), session, rule, own))
    return found


def _around(visit: ProtocolVisit, images: list[ImagingPlan], *, first: bool) -> list[PlannedVisit]:
    """A visit and the images among its procedures, which may have days of their own: before it at the end."""
    anchor = ascii_text(visit.anchor.replace("_", " "))
    rule = f"{_span(visit.window_days, 'days')} after {anchor}"
    if visit.anchor == visit.id:  # the visit that begins the trial: its window says how long it may take
        rule = f"First examination of {anchor}; complete within {visit.window_days.maximum:g} days of it"
    own = PlannedVisit(0, _word(visit.id), frozenset({visit.id}), None, rule, anchor)
    points: dict[str, set[str]] = {}
    for image in (one for one in images if not one.per_session and one.id in visit.procedures):
        points.setdefault(image.timepoint, set()).add(image.id)
    others = [
        PlannedVisit(0, f"IMAGING {_word(point)}", frozenset(ids), None, f"During {_word(visit.id).lower()}", anchor)
        for point, ids in points.items()
    ]
    return [own, *others] if first else [*others, own]


def _numbered(visit: PlannedVisit, number: float) -> PlannedVisit:
    return PlannedVisit(number, visit.name, visit.ids, visit.session, visit.starts, visit.anchor, visit.planned)


def _word(identifier: str) -> str:
    return identifier.replace("_", " ").upper()


def _span(window: Window, unit: str) -> str:
    return f"{window.minimum:g} to {window.maximum:g} {unit}"
