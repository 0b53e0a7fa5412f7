"""Contact restrictions of PyPI glowgreen and dorn on the curves that tests/safety/test_protection_peers.py pastes.

Run it with a Python that has ``dorn`` and ``glowgreen`` (``pip install dorn glowgreen``); theratrial is not needed. It
prints JSON: versions, for every curve and pattern the restriction without extension to the next part of the day, the
dose then and the dose from the administration on, and dorn's discharge dose rates and fits.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from importlib.metadata import version

import dorn.app
import glowgreen
import numpy as np
from scipy.optimize import curve_fit

INJECTED = datetime(2026, 3, 2, 10, 30)
CURVES = {
    "antibody": ("exponential", [25.0, 106.0]),
    "slow": ("exponential", [40.0, 150.0]),
    "peptide": ("biexponential", [45.0, 0.7, 3.0, 60.0]),
    "two_phases": ("biexponential", [30.0, 0.35, 12.0, 120.0]),
}
NAMES = {
    "Caring for infants (normal)": "infant_care",
    "Caring for infants (demanding or sick)": "infant_care_sick",
    "Prolonged close contact (>15min) with 2-5 year old children": "child_2_to_5",
    "Prolonged close contact (>15min) with 5-15 year old children": "child_5_to_15",
    "Sleeping with another person (includes pregnant or child)": "sleep_with_adult",
    "Sleeping with person and prolonged daytime close contact (>15min)": "sleep_and_day",
    "Prolonged close contact (>15min) with adult household members": "adult_at_home",
    "Prolonged close contact (>15min) with informed persons caring for patient": "informed_carer",
    "Cinema, theatre visits; social functions/visits": "social",
    "Daily public transport to and from work": "public_transport",
    "Return to work involving prolonged close contact (>15min) with others": "work_close",
    "Return to work not involving prolonged close contact (>15min) with others": "work_distant",
}
CONSTRAINT_mSv = 1.0
TIMES_h = [4.0, 24.0, 48.0, 96.0, 168.0]
RATES = [24.9, 21.5, 18.1, 13.5, 8.2]


def restrictions() -> list[list[object]]:
    """One line per curve and pattern."""
    rows: list[list[object]] = []
    shipped = {row["name"]: row for _, row in glowgreen.cs_patterns().iterrows()}
    for curve, (model, parameters) in CURVES.items():
        fall = glowgreen.Clearance_1m(model, parameters, 1.0)
        for name, ours in NAMES.items():
            row = shipped[name]
            pattern = glowgreen.ContactPatternRepeating(row["theta"], row["c"], row["d"])
            hours, dose, _ = pattern.get_restriction(fall, CONSTRAINT_mSv, INJECTED, next_element=False)
            whole, since = pattern.get_dose(fall, 0.0, INJECTED)
            rows.append([curve, ours, float(hours), float(dose), float(since), float(whole)])
    return rows


def main() -> None:
    """Print everything as JSON."""
    discharge = [
        [
            curve,
            hours,
            float(dorn.app.Gui.discharge_dose_rate(INJECTED, INJECTED + timedelta(hours=hours), *fall, 1.0)[0]),
        ]
        for curve, fall in CURVES.items()
        for hours in (24.0, 48.0)
    ]
    half_life_h = 6.6443 * 24
    fitted, _ = curve_fit(
        dorn.app.func_exp,
        np.array(TIMES_h),
        np.array(RATES),
        p0=[20.0, np.log(2) * 3 / half_life_h],
        bounds=([0.0, np.log(2) / half_life_h], [7400 * 7.636e-3, 1000.0]),
        method="trf",
    )
    limits = [[curve, float(glowgreen.Clearance_1m(*fall, 1.0).get_timedelta(20.0))] for curve, fall in CURVES.items()]
    print(
        json.dumps(
            {
                "versions": {name: version(name) for name in ("dorn", "glowgreen", "numpy", "scipy")},
                "restrictions": restrictions(),
                "discharge_uSv_per_h": discharge,
                "hours_to_20_uSv_per_h": limits,
                "fit": [float(fitted[0]), float(np.log(2) / fitted[1])],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
