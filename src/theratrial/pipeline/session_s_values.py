"""Absorbed doses of a session by S values: organs from the reference phantom, lesions as spheres."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from theratrial.dosimetry.organ.dose import REMAINDER, OrganDose, SourceActivity, organ_dose
from theratrial.dosimetry.transport.s_value_files import shipped_s_values
from theratrial.dosimetry.transport.spheres import sphere_s_value, sphere_trace
from theratrial.dosimetry.transport.values import SValueTable
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.protocol.schema import DoseRegion, DosimetryPlan
from theratrial.units import delta_mGy_g_per_MBq_h

_PHANTOMS = {"female": "adult_female", "male": "adult_male"}


@dataclass(frozen=True, slots=True)
class RegionForS:
    """A region of the session with what its S value needs."""

    name: str
    reading: DoseRegion
    mass_g: float | None
    """None for a region that no scan shows: it is a source whose activity is not known."""
    time_integrated_activity_MBq_h: float | None
    """None where it is not known; what others get from it is then missing."""
    upper_MBq_h: float
    """Upper end by the points alone; may be infinite."""


@dataclass(frozen=True, slots=True)
class SValueDose:
    """Absorbed dose of a region by S values [Gy], in parts, and what it lacks."""

    engine: str
    electron_Gy: float
    photon_self_Gy: float
    photon_cross_Gy: float | None
    """From sources outside the region, the electrons of contents that reach their wall among it; None where no such
    source is counted."""
    alpha_Gy: float
    own_Gy_per_MBq_h: float
    """From the region's own activity, per time-integrated activity of the region as drawn."""
    cross_upper_Gy: float
    """Photons from elsewhere at most: every source at its upper end or at what is left of the administered activity."""
    mass_exponent: float
    """The dose goes as the region's mass to minus this."""
    table_relative_sd: float
    source: str
    missing: tuple[str, ...]

    @property
    def absorbed_dose_Gy(self) -> float:
        """Electrons and photons [Gy]."""
        return math.fsum((self.electron_Gy, self.photon_self_Gy, self.photon_cross_Gy or 0.0))


def session_s_table(plan: DosimetryPlan, sex: str, nuclide: Nuclide) -> SValueTable:
    """The S table of the phantom that stands for the participant.

    Raises
    ------
    InputError
        The participant's sex names no phantom and the protocol leaves it to the sex.
    SourceError
        No table is shipped for the nuclide.
    """
    phantom = _PHANTOMS.get(sex, "") if plan.phantom == "by_sex" else plan.phantom
    if not phantom:
        raise InputError(
            f"no phantom for sex {sex!r}: name adult_female or adult_male in dosimetry.reading.phantom of the protocol"
        )
    return shipped_s_values(phantom, nuclide.name)


def s_value_doses(
    regions: Sequence[RegionForS],
    table: SValueTable,
    nuclide: Nuclide,
    *,
    whole_body_MBq_h: float,
    at_most_MBq_h: float,
) -> dict[str, SValueDose]:
    """Doses of all regions as `s_value_doses_and_losses`; a region that can have none stops the whole.

    Raises
    ------
    InputError
        Naming the region and why.
    """
    found, lost = s_value_doses_and_losses(
        regions, table, nuclide, whole_body_MBq_h=whole_body_MBq_h, at_most_MBq_h=at_most_MBq_h
    )
    if lost:
        raise InputError("; ".join(lost.values()))
    return found


def s_value_doses_and_losses(
    regions: Sequence[RegionForS],
    table: SValueTable,
    nuclide: Nuclide,
    *,
    whole_body_MBq_h: float,
    at_most_MBq_h: float,
) -> tuple[dict[str, SValueDose], dict[str, str]]:
    """Doses of all regions of a session, and why some have none.

    The electrons of a region that is made of several reference regions (a heart drawn with its blood), or of which a
    sample is drawn (vertebrae for the marrow), stay in what was drawn: its concentration holds fat and blood already.
    A sample's photons are those of the whole reference region at the sample's concentration. Lesions are no region of
    the phantom: their activity is part of the rest of the body for the others.

    Parameters
    ----------
    regions
        All that the protocol names, those without a known activity among them.
    whole_body_MBq_h
        Of which what is in no organ is spread over the rest of the body.
    at_most_MBq_h
        Time-integrated activity if nothing were excreted: no source can have more.
    """
    found: dict[str, SValueDose] = {}
    lost: dict[str, str] = {}
    sources: list[SourceActivity] = []
    uppers: list[SourceActivity] = []
    unknown: list[str] = []
    masses_g: dict[str, float] = {}
    organs: list[RegionForS] = []
    in_organs = 0.0
    for region in regions:
        if not region.reading.reference_regions:
            continue
        try:
            scale, shares = _composition(region, table)
        except InputError as error:
            lost[region.name] = str(error)
            continue
        if taken := [part for part in shares if any(source.region == part for source in sources)]:
            lost[region.name] = f"{', '.join(taken)} of the phantom stands for another region of the protocol already"
            continue
        tia = region.time_integrated_activity_MBq_h
        for part, share in shares.items():
            if region.mass_g is not None and region.reading.drawn == "whole":
                masses_g[part] = region.mass_g * share
            value = None if tia is None else tia * scale * share
            sources.append(SourceActivity(part, value, None, f"given:{region.name}"))
            uppers.append(SourceActivity(part, min(region.upper_MBq_h * scale, at_most_MBq_h) * share))
        if tia is None:
            unknown.append(region.name)
        if region.mass_g is not None:
            organs.append(region)
        in_organs += (tia or 0.0) * scale
    short = in_organs > whole_body_MBq_h
    sources.append(SourceActivity(REMAINDER, 0.0 if short else whole_body_MBq_h - in_organs))
    uppers.append(SourceActivity(REMAINDER, at_most_MBq_h))
    said = (f"photons from the rest of the body (the organs hold more than the {whole_body_MBq_h:.0f} MBq h of all)",)
    for region in organs:
        found[region.name] = _organ(
            region, sources, uppers, unknown, masses_g, table, nuclide, lacking=said if short else ()
        )
    for region in regions:
        if region.reading.kind == "lesion" and region.mass_g is not None:
            try:
                found[region.name] = _sphere(region, region.mass_g, nuclide)
            except InputError as error:
                lost[region.name] = str(error)
    return found, lost


def _composition(region: RegionForS, table: SValueTable) -> tuple[float, dict[str, float]]:
    """Activity of the reference regions over that of the drawn one, and each reference region's share by mass."""
    parts = region.reading.reference_regions
    if unknown := [part for part in parts if part not in table.masses_g]:
        raise InputError(
            f"region {region.name}: the {table.phantom} has no region {', '.join(unknown)}; "
            f"it has {', '.join(sorted(table.masses_g))}"
        )
    reference_g = math.fsum(table.masses_g[part] for part in parts)
    is_sample = region.reading.drawn == "sample" and region.mass_g is not None
    scale = reference_g / (region.mass_g or reference_g) if is_sample else 1.0
    return scale, {part: table.masses_g[part] / reference_g for part in parts}


def _organ(
    region: RegionForS,
    sources: Sequence[SourceActivity],
    uppers: Sequence[SourceActivity],
    unknown: Sequence[str],
    masses_g: Mapping[str, float],
    table: SValueTable,
    nuclide: Nuclide,
    *,
    lacking: tuple[str, ...],
) -> SValueDose:
    assert region.mass_g is not None
    scale, shares = _composition(region, table)
    own = set(shares)
    is_sample = region.reading.drawn == "sample"
    stays = is_sample or len(own) > 1
    known = [source for source in sources if source.time_integrated_activity_MBq_h is not None]
    doses = {part: organ_dose(part, known, table, nuclide, patient_masses_g=masses_g) for part in own}
    most = {part: organ_dose(part, uppers, table, nuclide, patient_masses_g=masses_g) for part in own}
    unit = {
        part: organ_dose(
            part,
            [SourceActivity(source, scale * share) for source, share in shares.items()],
            table,
            nuclide,
            patient_masses_g=masses_g,
        )
        for part in own
    }
    local = delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / region.mass_g / 1000
    tia = region.time_integrated_activity_MBq_h or 0.0
    per_unit_electron = local if stays else _mean(unit, shares, lambda dose: dose.part_Gy("electron_self"))
    per_unit_photon = _mean(unit, shares, lambda dose: dose.part_Gy("photon_self", "photon_cross"))
    missing = [f"photons from {name} (its activity is not known)" for name in unknown if name != region.name]
    missing += [f"photons: {text}" for dose in doses.values() for text in dose.missing]
    total = per_unit_electron + per_unit_photon

    def elsewhere(dose: OrganDose) -> float:
        return _from_elsewhere(dose, own, with_electrons=not stays)

    return SValueDose(
        engine="s_values",
        electron_Gy=per_unit_electron * tia,
        photon_self_Gy=per_unit_photon * tia,
        photon_cross_Gy=_mean(doses, shares, elsewhere),
        alpha_Gy=_mean(doses, shares, lambda dose: dose.alpha_Gy),
        own_Gy_per_MBq_h=total,
        cross_upper_Gy=_mean(most, shares, elsewhere),
        # A sample's dose goes as its concentration, electrons and photons alike.
        mass_exponent=1.0 if is_sample else (per_unit_electron + 2 / 3 * per_unit_photon) / total,
        table_relative_sd=_table_sd(doses, shares),
        source=table.source,
        missing=tuple(dict.fromkeys((*missing, *lacking))),
    )


def _mean(doses: Mapping[str, OrganDose], shares: Mapping[str, float], part: Callable[[OrganDose], float]) -> float:
    """Mean over the reference regions, by mass."""
    return math.fsum(shares[name] * part(dose) for name, dose in doses.items())


def _from_elsewhere(dose: OrganDose, own: set[str], *, with_electrons: bool) -> float:
    """Photons that come from outside the drawn region, and electrons of contents that reach their wall [Gy]."""
    kinds = ("photon_cross", "electron_cross") if with_electrons else ("photon_cross",)
    return math.fsum(part.absorbed_dose_Gy for part in dose.parts if part.source not in own and part.kind in kinds)


def _table_sd(doses: Mapping[str, OrganDose], shares: Mapping[str, float]) -> float:
    """Of the dose, from the statistics of the S values."""
    total = _mean(doses, shares, lambda dose: dose.known_Gy)
    if total <= 0:
        return 0.0
    return (
        math.hypot(
            *(
                shares[name] * part.table_relative_sd * part.absorbed_dose_Gy
                for name, dose in doses.items()
                for part in dose.parts
            )
        )
        / total
    )


def _sphere(region: RegionForS, mass_g: float, nuclide: Nuclide) -> SValueDose:
    value = sphere_s_value(nuclide.name, mass_g)
    # The slope of ln S over ln m at this mass, from a twentieth of it on either side.
    slope = math.log(
        sphere_s_value(nuclide.name, mass_g * 1.05).total_Gy_per_MBq_h
        / sphere_s_value(nuclide.name, mass_g / 1.05).total_Gy_per_MBq_h
    ) / (2 * math.log(1.05))
    tia = region.time_integrated_activity_MBq_h or 0.0
    return SValueDose(
        engine="sphere",
        electron_Gy=value.electron_Gy_per_MBq_h * tia,
        photon_self_Gy=value.photon_Gy_per_MBq_h * tia,
        photon_cross_Gy=None,
        alpha_Gy=value.alpha_Gy_per_MBq_h * tia,
        own_Gy_per_MBq_h=value.electron_Gy_per_MBq_h + value.photon_Gy_per_MBq_h,
        cross_upper_Gy=0.0,
        mass_exponent=-slope,
        table_relative_sd=value.photon_relative_sd * value.photon_Gy_per_MBq_h / value.total_Gy_per_MBq_h,
        source=sphere_trace(nuclide.name, mass_g).inputs.get("table", nuclide.source),
        missing=("photons from outside the lesion (its place in the phantom is not known)",),
    )
