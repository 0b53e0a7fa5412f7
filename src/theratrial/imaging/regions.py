"""Regions of interest from a file, put on a grid with their volume kept: one door for RTSTRUCT and SEG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from theratrial.errors import InputError, Problem, Problems
from theratrial.imaging import rtstruct, seg
from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.guard import readable
from theratrial.imaging.membership import Membership
from theratrial.imaging.values import Grid, Region, Source
from theratrial.trace import file_hash, joint_hash


def region_names(path: Path) -> tuple[str, ...]:
    """Names of the regions a structure set or segmentation holds, in file order."""
    with readable(path):
        return tuple(_named(path, dataset_from_file(path)).values())


def regions_from_file(
    path: Path, grid: Grid, names: Sequence[str] | None = None, *, patient_id: str | None = None
) -> tuple[Region, ...]:
    """Regions of an RT Structure Set or a Segmentation on `grid`.

    Assumes that region and image share the frame of reference, which is checked. A name that stands twice in the file
    is followed by its number in brackets: ``Lesion [2]``.

    Parameters
    ----------
    path
        DICOM file of modality RTSTRUCT or SEG.
    grid
        Where to put the regions; any orientation and spacing.
    names
        Names of the regions wanted, in the order wanted; None means all.
    patient_id
        PatientID the file must carry; None skips the check.

    Returns
    -------
    tuple of Region
        Fractional membership per voxel; `stated_volume_mL` as drawn, `inside_fraction` the share inside the grid.

    Raises
    ------
    InputError
        If the file is no region file, is of another patient, or holds no region of an asked name.
    Problems
        All regions that are empty, in another frame of reference, outside the image, or cannot be read, at once.

    References
    ----------
    docs/methods/regions.md; DICOM PS3.3 C.8.8.6 (ROI Contour), C.8.20 (Segmentation).
    """
    path = Path(path)
    with readable(path):
        regions, problems = _regions(path, grid, names, patient_id)
    if problems:
        raise Problems(f"regions of {path.name}", list(problems.values()))
    return regions


def placeable_regions(
    path: Path, grid: Grid, names: Sequence[str] | None = None, *, patient_id: str | None = None
) -> tuple[tuple[Region, ...], dict[str, str]]:
    """The regions that can be put on `grid`, and name -> why of those that cannot.

    For a field of view that does not hold everything that was drawn: a lesion outside of it is no reason to lose the
    organs inside. Parameters and errors otherwise as `regions_from_file`.

    Raises
    ------
    InputError
        If the file is no region file, is of another patient, or holds no region of an asked name.
    """
    path = Path(path)
    with readable(path):
        regions, problems = _regions(path, grid, names, patient_id)
    return regions, {name: problem.message for name, problem in problems.items()}


def _regions(
    path: Path, grid: Grid, names: Sequence[str] | None, patient_id: str | None
) -> tuple[tuple[Region, ...], dict[str, Problem]]:
    dataset = dataset_from_file(path, pixels=True)
    available = _named(path, dataset)
    if patient_id is not None and str(dataset.get("PatientID", "")) != patient_id:
        raise InputError(
            f"{path.name} is of patient {str(dataset.get('PatientID', ''))!r}, the image of {patient_id!r} "
            "-> give the region file of the same patient"
        )
    wanted = _wanted(path, available, names)
    source = Source(
        patient_id=str(dataset.get("PatientID", "") or ""),
        study_instance_uid=str(dataset.get("StudyInstanceUID", "") or ""),
        series_instance_uid=str(dataset.get("SeriesInstanceUID", "") or ""),
        modality=str(dataset.Modality),
        files=(path,),
        content_hash=joint_hash([file_hash(path)]),
    )
    placed = _from_rtstruct(dataset, grid) if dataset.Modality == "RTSTRUCT" else _from_seg(dataset, grid)
    regions: list[Region] = []
    problems: dict[str, Problem] = {}
    for number in wanted:
        name = available[number]
        try:
            found, volume_mL = placed(number)
            if not found.weights.size:
                raise InputError(f"region {name!r} lies wholly outside the image -> give the image it was drawn on")
        except InputError as problem:
            message, _, remedy = str(problem).partition(" -> ")
            problems[name] = Problem(f"{path.name}, region {name!r}", message, remedy)
            continue
        regions.append(
            Region(
                name, grid, found.corner, found.weights, source, str(dataset.Modality), volume_mL, found.inside_fraction
            )
        )
    return tuple(regions), problems


def _named(path: Path, dataset: Dataset) -> dict[int, str]:
    """Number -> name; names that stand twice get their number."""
    modality = str(dataset.get("Modality", "") or "")
    if modality == "RTSTRUCT":
        plain = {
            int(roi.ROINumber): str(roi.get("ROIName", "") or f"ROI {roi.ROINumber}").strip()
            for roi in dataset.get("StructureSetROISequence", [])
        }
    elif modality == "SEG":
        plain = {s.number: s.name for s in seg.segments(dataset)}
    else:
        raise InputError(
            f"{path.name} is of modality {modality or 'unknown'!r} -> give an RT Structure Set (RTSTRUCT) or a "
            "Segmentation (SEG)"
        )
    if not plain:
        raise InputError(f"{path.name} holds no region at all -> draw a region and export it again")
    times = Counter(plain.values())
    return {number: name if times[name] == 1 else f"{name} [{number}]" for number, name in plain.items()}


def _wanted(path: Path, available: dict[int, str], names: Sequence[str] | None) -> list[int]:
    if names is None:
        return list(available)
    number_of = {name: number for number, name in available.items()}
    unknown = [name for name in names if name not in number_of]
    if unknown:
        raise InputError(
            f"{path.name} holds no region {', '.join(map(repr, unknown))} -> available are "
            f"{', '.join(map(repr, available.values()))}"
        )
    return [number_of[name] for name in names]


def _check_frame(region_uid: str, grid: Grid) -> None:
    image_uid = grid.frame_of_reference_uid
    if region_uid and region_uid == image_uid:
        return
    raise InputError(
        f"the region is in frame of reference {region_uid or '(none stated)'}, the image in "
        f"{image_uid or '(none stated)'} -> give regions drawn on this image, or register the two first"
    )


class _from_rtstruct:
    """Number -> membership and drawn volume, for one structure set on one grid."""

    def __init__(self, dataset: Dataset, grid: Grid) -> None:
        self._grid = grid
        self._drawn = rtstruct.drawn_regions(dataset)
        readable = [r for r in self._drawn.values() if isinstance(r, rtstruct.DrawnRegion) and r.contours]
        self._spacing_mm = rtstruct.usual_plane_spacing_mm(readable)

    def __call__(self, number: int) -> tuple[Membership, float]:
        region = self._drawn[number]
        if isinstance(region, InputError):
            raise region
        if not region.contours:
            raise InputError("the region is empty (no closed contour) -> draw it, or name only the regions wanted")
        _check_frame(region.frame_of_reference_uid, self._grid)
        found, volume_mL = rtstruct.membership(region, self._grid, plane_spacing_mm=self._spacing_mm)
        if volume_mL <= 0:
            raise InputError("the region is empty (its contours enclose no area) -> draw it again")
        return found, volume_mL


class _from_seg:
    """Number -> membership and stored volume, for one segmentation on one grid."""

    def __init__(self, dataset: Dataset, grid: Grid) -> None:
        self._grid = grid
        self._segments = {s.number: s for s in seg.segments(dataset)}
        _check_frame(str(dataset.get("FrameOfReferenceUID", "") or ""), grid)
        self._frames = seg.segmentation_frames(dataset)

    def __call__(self, number: int) -> tuple[Membership, float]:
        region = self._frames.region(self._segments[number])
        if region is None:
            raise InputError("the region is empty (no pixel belongs to it) -> segment it, or name only those wanted")
        return seg.membership(region, self._grid)
