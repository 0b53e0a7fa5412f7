"""What the simulation takes from a protocol: products, sessions, images and windows, whichever trial it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.nuclides import Nuclide, nuclide
from theratrial.protocol.clauses import Clause, Window
from theratrial.protocol.schema import DoseRegion, ImagingPlan, Product, Protocol, Sessions, Visit
from theratrial.simulation.phantom import region_names

ReadingT = TypeVar("ReadingT")


def reading(clause: Clause[ReadingT] | None, what: str) -> ReadingT:
    """The machine reading of a clause.

    Raises
    ------
    InputError
        If the clause is still open: nothing can be simulated of what nobody decided.
    """
    if clause is None or clause.reading is None:
        raise InputError(f"the protocol's {what} is open; decide it before simulating participants")
    return clause.reading


@dataclass(frozen=True, slots=True)
class Plan:
    """A protocol as the simulation needs it."""

    protocol: Protocol
    zone: ZoneInfo
    sessions: Sessions
    therapy: Product
    therapy_nuclide: Nuclide
    visits: tuple[Visit, ...]
    session_images: tuple[ImagingPlan, ...]
    """Planar and SPECT images of every session, by time after administration."""
    selection_pet: ImagingPlan | None
    response_pet: ImagingPlan | None
    gate_visit: Visit
    response_visit: Visit
    dose_regions: tuple[DoseRegion, ...]
    limits_Gy: dict[str, float]
    examiner_roles: tuple[str, ...]
    reader_role: str
    planar_read: frozenset[str]
    """Imaging ids that a biodistribution read is asked for."""
    planar_answer: str

    def product(self, product_id: str) -> Product:
        """A product of the protocol."""
        return reading(self.protocol.products[product_id], f"products.{product_id}")

    def nuclide(self, product_id: str) -> Nuclide:
        """Nuclide of a product."""
        return nuclide(self.product(product_id).nuclide)

    def tests(self) -> tuple[str, ...]:
        """Laboratory tests that variables or the gate speak of, each once."""
        found = [v.where["test"] for v in self.protocol.variables if v.table == "laboratory" and "test" in v.where]
        found += [limit.test for limit in reading(self.protocol.safety_gate, "safety gate").laboratory]
        return tuple(dict.fromkeys(found))

    def items(self) -> tuple[str, ...]:
        """Eligibility items that variables speak of, each once."""
        found = [v.where["item"] for v in self.protocol.variables if v.table == "eligibility" and "item" in v.where]
        return tuple(dict.fromkeys(found))

    def lab_days(self) -> int:
        """Age up to which a laboratory value counts at the gate, in whole days."""
        return int(reading(self.protocol.safety_gate, "safety gate").laboratory_maximum_age_days)


def plan_of(protocol: Protocol) -> Plan:
    """The plan of a protocol.

    Raises
    ------
    InputError
        If a clause it needs is open, or a dose region has no counterpart in the phantom.
    """
    sessions = reading(protocol.sessions, "sessions")
    therapy = reading(protocol.products[sessions.product], f"products.{sessions.product}")
    images = [reading(clause, f"imaging.{key}") for key, clause in protocol.imaging.items()]
    visits = tuple(reading(clause, f"schedule.{key}") for key, clause in protocol.schedule.items())
    gate = reading(protocol.safety_gate, "safety gate")
    response = reading(protocol.response, "response rule")
    endpoint = reading(protocol.endpoint, "endpoint")
    regions = tuple(reading(clause, f"dose_regions.{key}") for key, clause in protocol.dose_regions.items())
    _check_regions(regions)
    limits = reading(protocol.dose_limits, "dose limits")
    by_visit = {visit.id: visit for visit in visits}
    by_image = {image.id: image for image in images}
    selection = protocol.selection_read.reading if protocol.selection_read else None
    read = protocol.biodistribution_read.reading if protocol.biodistribution_read else None
    return Plan(
        protocol=protocol,
        zone=ZoneInfo(reading(protocol.identity, "identity").timezone),
        sessions=sessions,
        therapy=therapy,
        therapy_nuclide=nuclide(therapy.nuclide),
        visits=visits,
        session_images=tuple(
            sorted(
                (i for i in images if i.per_session), key=lambda i: (middle(i.window_h), i.kind != "whole_body_planar")
            )
        ),
        selection_pet=by_image.get(selection.imaging if selection else response.imaging_baseline),
        response_pet=by_image.get(response.imaging_response),
        gate_visit=by_visit[gate.visit],
        response_visit=by_visit[endpoint.visit],
        dose_regions=regions,
        limits_Gy={name: limit.absorbed_dose_Gy for name, limit in limits.limits.items()},
        examiner_roles=gate.examiner_roles,
        reader_role=selection.reader_roles[0] if selection else "nuclear_medicine_physician",
        planar_read=frozenset(read.imaging) if read else frozenset(),
        planar_answer=read.answers[0] if read else "",
    )


def middle(window: Window) -> float:
    """Middle of a window, in the window's unit."""
    return (window.minimum + window.maximum) / 2


def _check_regions(regions: tuple[DoseRegion, ...]) -> None:
    known = {name.lower() for name in region_names()}
    for region in regions:
        if region.kind == "organ":
            missing = [name for name in region.region_names if name.lower() not in known]
            if missing:
                raise InputError(
                    f"dose region {region.id!r} is drawn as {', '.join(missing)}, which the phantom lacks; it has "
                    f"{', '.join(sorted(known))} -> simulate with a protocol that names these"
                )
