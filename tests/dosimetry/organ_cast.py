"""A made phantom whose S values are consistent: the total body is the sum of its regions."""

from __future__ import annotations

from theratrial.dosimetry.organ.parts import electron_self_s_value
from theratrial.dosimetry.transport.values import SValue, SValueTable
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
MASSES_G = {"liver": 1400.0, "kidneys": 275.0, "spleen": 130.0, "red_marrow": 900.0, "rest": 57295.0}
BODY_G = sum(MASSES_G.values())


def photons(target: str, source: str) -> float:
    """A symmetric photon part, larger at home [Gy/(MBq h)]."""
    if target == source:
        return 0.04 * electron_self_s_value(LU, MASSES_G[target])
    names = sorted(MASSES_G)
    return 1e-7 / (1 + abs(names.index(target) - names.index(source)))


def consistent_table(*, parts_known: bool = True, photon_sd: float = 0.0) -> SValueTable:
    values: dict[tuple[str, str], SValue] = {}
    for target, mass in MASSES_G.items():
        for source in MASSES_G:
            electrons = electron_self_s_value(LU, mass) if target == source else 0.0
            values[target, source] = SValue(electrons, photons(target, source), 0.0, photon_sd)
        # Activity spread over the body by mass: each region is a source with its share.
        values[target, "total_body"] = SValue(
            sum(values[target, s].electron_Gy_per_MBq_h * m for s, m in MASSES_G.items()) / BODY_G,
            sum(values[target, s].photon_Gy_per_MBq_h * m for s, m in MASSES_G.items()) / BODY_G,
            0.0,
            photon_sd,
        )
    if not parts_known:
        values = {pair: SValue(value.total_Gy_per_MBq_h, 0.0) for pair, value in values.items()}
    return SValueTable(
        "made", "F", "Lu-177", {**MASSES_G, "total_body": BODY_G}, values, "given:made", parts_known, parts_known
    )
