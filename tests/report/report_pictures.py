"""Small pictures made by hand for the tests of the report: a body, a liver, a lesion."""

from __future__ import annotations

import numpy as np

from theratrial.results.pictures import FusionPicture, Pictures, PlanarPicture
from theratrial.results.values import TrialResult


def pictures(result: TrialResult, *, posterior: bool = True, ct: bool = True) -> Pictures:
    """Small pictures for every session and both PETs: a body, a liver, a lesion."""
    generator = np.random.default_rng(5)
    rows, columns = np.mgrid[0:96, 0:64]
    body = (((columns - 32) / 20) ** 2 + ((rows - 48) / 46) ** 2 < 1).astype(np.float32)
    liver = (((columns - 24) / 9) ** 2 + ((rows - 40) / 7) ** 2 < 1).astype(np.float32)
    lesion = (((columns - 42) / 3) ** 2 + ((rows - 62) / 3) ** 2 < 1).astype(np.float32)
    planar, fusion = [], []
    for one in result.participants:
        for session in one.sessions:
            for hours in (24.4, 48.4):
                mean = (4 * body + 30 * liver + 25 * lesion) * np.exp(-0.0065 * hours)
                front = generator.poisson(mean).astype(np.float32)
                back = generator.poisson(mean * 0.8).astype(np.float32)
                planar.append(
                    PlanarPicture(
                        one.participant_id,
                        session.session,
                        f"{hours:.0f} h",
                        hours,
                        front,
                        back if posterior else None,
                        (18.0, 9.6),
                        float(np.exp(0.00434 * hours)),
                    )
                )
        if not one.treated:
            continue
        for timepoint, uptake in (("baseline", 12.0), ("response", 5.0)):
            suv = 0.6 * body + 3.5 * liver + uptake * lesion
            fusion.append(
                FusionPicture(
                    one.participant_id,
                    timepoint,
                    suv,
                    suv * 1.05,
                    (body * 1040 - 1000 + 20 * liver).astype(np.float32) if ct else None,
                    (18.0, 9.6),
                    (("L1", 62.0, 42.0),),
                    -12.0,
                )
            )
    return Pictures(tuple(planar), tuple(fusion))
