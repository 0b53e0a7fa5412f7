"""One patient's regions through the S table, spheres and the dose map."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from theratrial.dosimetry import TimeActivityPoint
from theratrial.dosimetry.transport.values import SValueTable
from theratrial.dosimetry.voxel.density import DensityMap, density_map, schneider_density
from theratrial.dosimetry.voxel.tia_map import Remainder, RemainderTia
from theratrial.errors import InputError, NumericalError, SourceError
from theratrial.imaging.catalogue import catalogue
from theratrial.imaging.series import series_from_files, volume
from theratrial.imaging.values import Grid, Region
from theratrial.nuclides import Nuclide
from theratrial.pipeline.dose_measured import OnImage, reference_image
from theratrial.pipeline.dose_methods import DoseMethods, reference_regions
from theratrial.pipeline.dose_values import PatientDoseMap, ReportedCurve
from theratrial.pipeline.dose_voxel_map import (
    MappedRegion,
    RegionVoxels,
    region_voxels,
    session_dose_map,
    stand_in_MBq_h,
)
from theratrial.pipeline.session_s_values import RegionForS, SValueDose, s_value_doses_and_losses
from theratrial.protocol.schema import DoseRegion
from theratrial.quantification.registration_transform import RigidTransform
from theratrial.quantification.resampling import resampled_values

FLOOR_g_per_mL: Final = 0.1
"""Voxels of a CT below this density (air, gas) have no dose."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionInput:
    """A region with what the engines need."""

    key: str
    name: str
    mass_g: float
    volume_mL: float
    density_g_per_mL: float
    points: tuple[TimeActivityPoint, ...]
    curve: ReportedCurve

    @property
    def tia_MBq_h(self) -> float | None:
        """As reported [MBq h]."""
        return self.curve.time_integrated_activity_MBq_h


_LESION: Final = re.compile(r"lesion|tumou?r|metasta|(^|[^a-z])(met|gtv|ctv)([^a-z]|$)")
"""Names that are certainly not an organ's."""


def _reading(region: RegionInput, parts: tuple[str, ...]) -> DoseRegion:
    """As the protocol would have it; names of regions here are free text, so nothing is validated."""
    return DoseRegion.model_construct(
        id=region.key,
        title=region.name,
        kind="organ" if parts else "lesion",
        region_names=(region.key,),
        density_g_per_mL=region.density_g_per_mL,
        density_source="given",
        reference_regions=parts,
        drawn="whole",
    )


def sphere_dose(region: RegionInput, nuclide: Nuclide) -> SValueDose:
    """The region as a sphere of its mass; its own activity alone."""
    empty = SValueTable(phantom="none", sex="none", nuclide=nuclide.name, masses_g={}, values={}, source="given:none")
    one = RegionForS(region.key, _reading(region, ()), region.mass_g, region.tia_MBq_h, region.curve.upper_MBq_h)
    doses, lost = s_value_doses_and_losses([one], empty, nuclide, whole_body_MBq_h=0.0, at_most_MBq_h=0.0)
    if region.key not in doses:
        raise InputError(lost.get(region.key, f"{region.name}: no sphere of {region.mass_g:.4g} g"))
    return doses[region.key]


def by_table_doses(
    regions: Sequence[RegionInput],
    table: SValueTable,
    remainder: Remainder,
    nuclide: Nuclide,
    methods: DoseMethods,
    administered_MBq: float,
) -> tuple[dict[str, SValueDose | str], list[str]]:
    """Doses by S values: regions of the phantom, those that are one together; all others radiate around them."""
    found: dict[str, SValueDose | str] = {}
    groups: dict[tuple[str, ...], list[RegionInput]] = {}
    others: list[RegionInput] = []
    for region in regions:
        parts, read = reference_regions(region.name, methods.reference)
        if parts:
            groups.setdefault(parts, []).append(region)
        else:
            others.append(region)
            hint = f" (did you mean {', '.join(read.suggestions)}?)" if read.suggestions else ""
            found[region.key] = (
                f"{region.name} is no region of the {table.phantom}{hint} -> if it is all of an organ, name that: "
                f"--reference '{region.name}=ORGAN'"
            )
            if _LESION.search(region.name.casefold()):
                found[region.key] = f"{region.name}: a lesion is no region of the phantom -> --engine sphere"
    notes: list[str] = []
    whole = {parts: _together(members) for parts, members in groups.items()}
    for_s = [
        RegionForS("+".join(parts), _reading(one, parts), one.mass_g, one.tia_MBq_h, one.curve.upper_MBq_h)
        for parts, one in whole.items()
    ]
    rest_MBq_h = remainder.time_integrated_activity_MBq_h if isinstance(remainder, RemainderTia) else 0.0
    known = math.fsum(region.tia_MBq_h or 0.0 for region in regions)
    try:
        doses, lost = s_value_doses_and_losses(
            for_s,
            table,
            nuclide,
            whole_body_MBq_h=known + rest_MBq_h,
            at_most_MBq_h=administered_MBq / nuclide.decay_constant_per_h,
        )
    except (InputError, NumericalError, SourceError) as error:
        return {region.key: str(error) for region in regions}, []
    if doses:
        notes.append(
            f"S values: all that is in the field of view and in no region of the phantom ({rest_MBq_h:.0f} MBq h"
            + (f", and {', '.join(one.name for one in others)}" if others else "")
            + ") is taken as spread over the rest of the body; what is outside the field of view is missing"
        )
    for parts, members in groups.items():
        name = "+".join(parts)
        if name not in doses:
            found |= {member.key: lost.get(name, "no S value") for member in members}
            continue
        dose = doses[name]
        joint = whole[parts]
        for member in members:
            found[member.key] = dose if len(members) == 1 else _member(dose, member, joint)
        if len(members) > 1:
            notes.append(
                f"{' and '.join(one.name for one in members)} are together {' and '.join(parts)} of the phantom: "
                "electrons by each one's own activity and mass, photons alike in all"
            )
    return found, notes


def _together(members: Sequence[RegionInput]) -> RegionInput:
    """Regions that are one of the phantom's, as one."""
    if len(members) == 1:
        return members[0]
    tias = [one.tia_MBq_h for one in members]
    tia = None if None in tias else math.fsum(value or 0.0 for value in tias)
    upper = math.fsum(one.curve.upper_MBq_h for one in members)
    curve = replace(members[0].curve, time_integrated_activity_MBq_h=tia, lower_MBq_h=None, upper_MBq_h=upper)
    return replace(
        members[0],
        mass_g=math.fsum(one.mass_g for one in members),
        volume_mL=math.fsum(one.volume_mL for one in members),
        curve=curve,
    )


def _member(dose: SValueDose, member: RegionInput, joint: RegionInput) -> SValueDose:
    tia, joint_tia = member.tia_MBq_h or 0.0, joint.tia_MBq_h or 0.0
    electron_per = dose.electron_Gy / joint_tia * joint.mass_g / member.mass_g if joint_tia > 0 else 0.0
    own = electron_per + (dose.photon_self_Gy / tia if tia > 0 else 0.0)
    return replace(dose, electron_Gy=electron_per * tia, own_Gy_per_MBq_h=own)


def by_voxel_doses(
    regions: Sequence[RegionInput],
    measured: Sequence[OnImage],
    nuclide: Nuclide,
    remainder: Remainder,
    methods: DoseMethods,
) -> tuple[dict[str, RegionVoxels | str], PatientDoseMap, list[str]]:
    if nuclide.emits_alpha:
        raise NumericalError(f"{nuclide.name} emits alpha particles, which a voxel kernel does not hold")
    number = reference_image(measured)
    one = measured[number]
    assert one.activity is not None
    mapped: list[MappedRegion] = []
    found: dict[str, RegionVoxels | str] = {}
    for region in regions:
        drawn = one.regions.get(region.key)
        if drawn is None or region.key not in one.activities:
            why = one.reasons.get(region.key, "not drawn")
            found[region.key] = f"{one.image.path}, whose pattern is scaled, lacks it: {why}"
            continue
        tia = region.tia_MBq_h
        mapped.append(
            MappedRegion(
                name=region.key,
                region=_renamed(drawn, region.key),
                time_integrated_activity_MBq_h=stand_in_MBq_h(region.points, nuclide) if tia is None else tia,
                density_g_per_mL=region.density_g_per_mL,
                is_stand_in=tia is None,
                recovery=one.own_recovery.get(region.key, 1.0),
            )
        )
    density, notes = _density(methods, one.activity.grid)
    made = session_dose_map(one.activity, one.image.hours_after_injection, mapped, remainder, density=density)
    by_key = {region.key: region for region in regions}
    for each in mapped:
        if each.is_stand_in:
            found[each.name] = (
                f"no time-integrated activity: {by_key[each.name].curve.note}; in the map stands physical decay "
                "through its last scan, for its neighbours"
            )
            notes.append(f"dose map: {by_key[each.name].name} {found[each.name]}")
            continue
        try:
            found[each.name] = region_voxels(made, each)
        except NumericalError as error:
            found[each.name] = str(error)
    notes += [f"dose map: {text}" for text in made.dose.notes]
    undetermined = int(np.count_nonzero(~np.isfinite(made.dose.absorbed_dose_Gy)))
    return found, PatientDoseMap(number, made.dose, one.activity.source, undetermined), notes


def _renamed(region: Region, name: str) -> Region:
    return replace(region, name=name)


def _density(methods: DoseMethods, grid: Grid) -> tuple[DensityMap | None, list[str]]:
    """Density by voxel of the CT given, on the grid of the activity.

    Raises
    ------
    InputError
        If there is no one CT, or it is of another frame of reference.
    """
    if methods.ct is None:
        return None, ["dose map: no CT was given, the patient is soft tissue of 1.05 g/mL between the regions"]
    series = [one for one in catalogue(methods.ct).series if one.modality == "CT"]
    if len(series) != 1:
        raise InputError(f"--ct {methods.ct}: holds {len(series)} CT series; give the folder of one")
    ct = volume(series_from_files(series[0].files))
    uids = ct.grid.frame_of_reference_uid, grid.frame_of_reference_uid
    if uids[0] != uids[1]:
        raise InputError(
            f"--ct {methods.ct}: is in frame of reference {uids[0] or '(none)'}, the scan whose pattern is scaled in "
            f"{uids[1] or '(none)'} -> give the CT that was made with that scan"
        )
    values, covered = resampled_values(ct.values, ct.grid, grid, RigidTransform())
    values[~covered] = np.nan
    return density_map(replace(ct, grid=grid, values=values), schneider_density(), floor_g_per_mL=FLOOR_g_per_mL), []
