"""Derived DICOM objects of a participant: what is made, what is left out and why, and what all of it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from pydicom.dataset import Dataset
from pydicom.uid import UID

from theratrial.imaging.derived.making import Making, object_bytes
from theratrial.pipeline.context import Context
from theratrial.pipeline.matching import ParticipantImages
from theratrial.results.values import ParticipantResult
from theratrial.trialfolder.records import TrialFolder

DerivedKind = Literal["seg", "sr", "rwvm", "rtdose", "rrdsr", "sc"]
KINDS: Final[tuple[DerivedKind, ...]] = get_args(DerivedKind)
TITLES: Final[Mapping[DerivedKind, str]] = {
    "seg": "Segmentation",
    "sr": "Uptake report and SUV certificate",
    "rwvm": "SUV mapping",
    "rtdose": "Absorbed dose",
    "rrdsr": "Administered activity",
    "sc": "Key image",
}


@dataclass(frozen=True, slots=True, eq=False)
class DerivedObject:
    """One object, whole in memory."""

    participant_id: str
    kind: DerivedKind
    name: str
    """Of its file, without ending."""
    title: str
    sop_class: str
    sop_instance_uid: str
    content: bytes

    @property
    def file(self) -> str:
        """Where it lies in an export."""
        return f"{self.participant_id}/{self.kind}/{self.name}.dcm"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What could not be made, and why."""

    participant_id: str
    kind: DerivedKind
    name: str
    because: str


Made = DerivedObject | LeftOut


@dataclass(frozen=True, slots=True, eq=False)
class DerivedWork:
    """One participant's results with the folder that they were made from."""

    folder: TrialFolder
    result: ParticipantResult
    images: ParticipantImages
    context: Context
    making: Making

    @property
    def participant_id(self) -> str:
        """Pseudonym."""
        return self.result.participant_id

    def made(self, kind: DerivedKind, name: str, title: str, dataset: Dataset) -> DerivedObject:
        """The object as bytes."""
        return DerivedObject(
            self.participant_id,
            kind,
            name,
            title,
            UID(str(dataset.SOPClassUID)).name,
            str(dataset.SOPInstanceUID),
            object_bytes(dataset),
        )

    def left_out(self, kind: DerivedKind, name: str, because: object) -> LeftOut:
        """That it was not made."""
        return LeftOut(self.participant_id, kind, name, str(because))
