"""One participant of the simulated cohort, and pages of the viewers on the participant's images."""

from __future__ import annotations

from datetime import timedelta

from theratrial.imaging.catalogue import CatalogueSeries


class Participant:
    """Series of one participant's first PET/CT and first two whole-body scans."""

    def __init__(self, series: tuple[CatalogueSeries, ...]) -> None:
        images = sorted((s for s in series if s.acquired_at), key=lambda s: str(s.acquired_at))
        self.pet = next(s for s in images if s.modality == "PT")
        self.ct = next(
            s for s in images if s.modality == "CT" and s.frame_of_reference_uid == self.pet.frame_of_reference_uid
        )
        self.regions = next(
            s for s in series if s.modality == "RTSTRUCT" and self.pet.series_instance_uid in s.referenced_series_uids
        )
        self.whole_bodies = [s for s in images if s.image_kind == "WHOLE BODY"][:2]
        assert self.whole_bodies[0].acquired_at is not None
        self.injected_at = self.whole_bodies[0].acquired_at - timedelta(hours=24)
