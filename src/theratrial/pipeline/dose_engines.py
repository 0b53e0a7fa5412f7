"""The reported time-integrated activities of one patient through every engine asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.transport.spheres import sphere_trace
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.dose_engine_parts import RegionInput, by_table_doses, by_voxel_doses, sphere_dose
from theratrial.pipeline.dose_measured import OnImage, left_in_field_MBq
from theratrial.pipeline.dose_methods import DoseMethods
from theratrial.pipeline.dose_values import DoseSettings, EngineShown, PatientDoseMap
from theratrial.pipeline.dose_voxel_map import (
    RegionVoxels,
    difference_text,
    remainder_of,
)
from theratrial.pipeline.session_s_values import SValueDose
from theratrial.pipeline.session_values import spread_ends
from theratrial.trace import Trace
from theratrial.units import delta_mGy_g_per_MBq_h

VERSION: Final = "1"


@dataclass(frozen=True, slots=True, eq=False)
class _Value:
    """A dose before its interval: from the region's own activity per MBq h, and what adds to it."""

    electron_Gy: float
    photon_self_Gy: float | None
    photon_cross_Gy: float | None
    alpha_Gy: float | None
    own_Gy_per_MBq_h: float
    mass_exponent: float
    relative_sd: float
    because: str
    missing: tuple[str, ...]
    trace: Trace


def engine_doses(
    regions: Sequence[RegionInput],
    measured: Sequence[OnImage],
    nuclide: Nuclide,
    plan: DosePlan,
    settings: DoseSettings,
    methods: DoseMethods,
    progress: Callable[[str], None],
    *,
    administered_MBq: float,
) -> tuple[dict[str, tuple[EngineShown, ...]], dict[str, RegionVoxels], PatientDoseMap | None, list[str]]:
    """Region key -> its dose by each engine, in the order asked for; histograms and the dose map; what to say of them.

    Raises
    ------
    InputError, NumericalError, SourceError
        An engine cannot be run at all; the message says why.
    """
    notes: list[str] = []
    left = _left(measured, settings, nuclide)
    remainder = remainder_of(left, nuclide, plan, administered_MBq=administered_MBq)
    by_table: Mapping[str, SValueDose | str] = {}
    by_voxel: dict[str, RegionVoxels | str] = {}
    dose_map: PatientDoseMap | None = None
    if (table := methods.table(nuclide)) is not None:
        by_table, said = by_table_doses(regions, table, remainder, nuclide, methods, administered_MBq)
        notes += said
    if "voxel" in methods.engines:
        progress("convolving with the voxel kernel")
        by_voxel, dose_map, said = by_voxel_doses(regions, measured, nuclide, remainder, methods)
        notes += said
    found = {}
    for region in regions:
        shown = []
        for engine in methods.engines:
            try:
                value = _value(engine, region, nuclide, by_table, by_voxel)
            except (InputError, NumericalError) as error:
                shown.append(_nothing(engine, region, str(error)))
                continue
            shown.append(_shown(engine, region, value, nuclide, plan))
        found[region.key] = tuple(shown)
    voxels = {key: value for key, value in by_voxel.items() if isinstance(value, RegionVoxels)}
    return found, voxels, dose_map, notes


def _left(measured: Sequence[OnImage], settings: DoseSettings, nuclide: Nuclide) -> list[TimeActivityPoint]:
    """What lies outside the regions, at each image that shows all of them."""
    most = max(len(one.activities) for one in measured)
    return [
        TimeActivityPoint(
            one.image.hours_after_injection,
            max(left_in_field_MBq(one), 0.0),
            settings.repeatability_relative_sd,
            settings.calibration_relative_sd,
            one.image.content_hash,
            nuclide.name,
        )
        for one in measured
        if len(one.activities) == most
    ]


def local_Gy_per_MBq_h(nuclide: Nuclide, mass_g: float) -> float:
    """All electrons in a mass [Gy/(MBq h)]."""
    return delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / mass_g / 1000


def _value(
    engine: str,
    region: RegionInput,
    nuclide: Nuclide,
    by_table: Mapping[str, SValueDose | str],
    by_voxel: Mapping[str, RegionVoxels | str],
) -> _Value:
    tia = region.tia_MBq_h or 0.0
    inputs = {
        **{f"curve {name}": where for name, where in region.curve.trace.inputs.items()},
        "time_integrated_activity": f"value:{region.curve.trace.method}@{region.curve.trace.version}",
        "mass": f"given:{region.mass_g!r} g",
    }
    if engine == "local":
        if nuclide.emits_alpha:
            raise NumericalError(f"{nuclide.name} emits alpha particles; local deposition here has electrons only")
        own = local_Gy_per_MBq_h(nuclide, region.mass_g)
        trace = Trace("dosimetry.local_deposition", VERSION, {**inputs, "nuclide": nuclide.source})
        because = "electrons stop in the region, photons are left out"
        return _Value(tia * own, None, None, None, own, 1.0, 0.0, because, ("photons",), trace)
    if engine == "voxel":
        voxels = by_voxel.get(region.key, "no dose map")
        if isinstance(voxels, str):
            raise InputError(voxels)
        own = (voxels.electron_Gy + voxels.photon_self_Gy) / tia if tia > 0 else 0.0
        _, because = difference_text(region.name, tia, nuclide, region.volume_mL, voxels)
        trace = Trace("dosimetry.voxel_kernel", VERSION, {**inputs, "engine": "given:voxel kernel of soft tissue"})
        return _Value(
            voxels.electron_Gy,
            voxels.photon_self_Gy,
            voxels.photon_cross_Gy,
            None,
            own,
            1.0,
            0.0,
            because,
            (),
            trace,
        )
    found = by_table.get(region.key, "not computed") if engine == "s-values" else sphere_dose(region, nuclide)
    if isinstance(found, str):
        raise InputError(found)
    method = "dosimetry.organ_dose" if engine == "s-values" else "dosimetry.sphere_dose"
    of = {"s_value": found.source} if engine == "s-values" else dict(sphere_trace(nuclide.name, region.mass_g).inputs)
    local = local_Gy_per_MBq_h(nuclide, region.mass_g) * tia
    causes = {
        "electrons": found.electron_Gy - local,
        "own photons": found.photon_self_Gy,
        "photons from elsewhere": found.photon_cross_Gy or 0.0,
    }
    because = ", ".join(f"{name} {value / local:+.1%}" for name, value in causes.items()) if local > 0 else ""
    return _Value(
        found.electron_Gy,
        found.photon_self_Gy,
        found.photon_cross_Gy,
        found.alpha_Gy or None,
        found.own_Gy_per_MBq_h,
        found.mass_exponent,
        found.table_relative_sd,
        because,
        found.missing,
        Trace(method, VERSION, {**inputs, **of}),
    )


def _shown(engine: str, region: RegionInput, value: _Value, nuclide: Nuclide, plan: DosePlan) -> EngineShown:
    tia, cross_Gy = region.tia_MBq_h, value.photon_cross_Gy or 0.0
    low, high = region.curve.lower_MBq_h, region.curve.upper_MBq_h
    own = value.own_Gy_per_MBq_h
    if tia is None:
        return replace(_nothing(engine, region, region.curve.note), own_Gy_per_MBq_h=own if own > 0 else None)
    dose = math.fsum((value.electron_Gy, value.photon_self_Gy or 0.0, cross_Gy))
    sd = math.hypot((plan.mass_relative_sd or 0.0) * value.mass_exponent, value.relative_sd)
    lower, upper = spread_ends(dose, None if low is None else low * own + cross_Gy, high * own + cross_Gy, sd)
    local = local_Gy_per_MBq_h(nuclide, region.mass_g) * tia
    return EngineShown(
        engine=engine,
        absorbed_dose_Gy=dose,
        lower_Gy=lower,
        upper_Gy=upper,
        electron_Gy=value.electron_Gy,
        photon_self_Gy=value.photon_self_Gy,
        photon_cross_Gy=value.photon_cross_Gy,
        alpha_Gy=value.alpha_Gy,
        mass_g=region.mass_g,
        difference_fraction=None if engine == "local" or local <= 0 else dose / local - 1,
        because=value.because,
        missing=value.missing,
        why="",
        own_Gy_per_MBq_h=own,
        trace=value.trace,
    )


def _nothing(engine: str, region: RegionInput, why: str) -> EngineShown:
    return EngineShown(
        engine=engine,
        absorbed_dose_Gy=None,
        lower_Gy=None,
        upper_Gy=math.inf,
        electron_Gy=None,
        photon_self_Gy=None,
        photon_cross_Gy=None,
        alpha_Gy=None,
        mass_g=region.mass_g,
        difference_fraction=None,
        because="",
        missing=(),
        why=why,
        own_Gy_per_MBq_h=None,
        trace=region.curve.trace,
    )
