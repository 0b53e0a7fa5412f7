"""Which methods `theratrial dose` uses, and the files they rest on."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, get_args

from theratrial.dosimetry.biological import Radiobiology
from theratrial.dosimetry.organ.findings import TableFinding
from theratrial.dosimetry.organ.linter import table_findings
from theratrial.dosimetry.organ.table_files import s_table_from_csv
from theratrial.dosimetry.population.prior import prior_names
from theratrial.dosimetry.transport.s_value_files import shipped_s_values
from theratrial.dosimetry.transport.values import SValueTable
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.quantification.organ_names import OrganName, organ_name
from theratrial.quantification.recovery import RecoveryPoint
from theratrial.trace import bytes_hash

Curve = Literal["mono", "best", "population"]
Engine = Literal["local", "s-values", "sphere", "voxel"]
Recovery = Literal["spheres", "regions"]
Overlap = Literal["refuse", "cut"]

PHANTOMS: Final[Mapping[str, str]] = {"adult_female": "female", "adult_male": "male"}

_REFERENCE: Final[Mapping[str, tuple[str, ...]]] = {
    "kidney": ("kidneys",),
    "lung": ("lungs",),
    "adrenal_gland": ("adrenals",),
    "breast": ("breasts",),
    "ovary": ("ovaries",),
    "liver": ("liver",),
    "spleen": ("spleen",),
    "heart": ("heart_wall", "heart_contents"),
    "heart_wall": ("heart_wall",),
    "heart_contents": ("heart_contents",),
    "brain": ("brain",),
    "thyroid": ("thyroid",),
    "pancreas": ("pancreas",),
    "uterus": ("uterus",),
    "small_intestine": ("small_intestine",),
    "colon": ("colon",),
}
"""Organs whose outline is all of a region of the phantoms. Not the stomach, the bladder and the marrow: an outline does
not say whether it holds wall, contents or a sample."""


@dataclass(frozen=True, slots=True)
class DoseMethods:
    """How activities become doses.

    Parameters
    ----------
    curve
        ``mono``: one exponential. ``best``: the sum of exponentials that the points support. ``population``: points
        weighed with the published kinetics of `prior`.
    engines
        Side by side, the first is what BED, limits and the short table take.
    phantom
        For ``s-values``: ``adult_female`` or ``adult_male``.
    reference
        Name of a drawn region -> regions of the phantom it is; asked before the list of organ names.
    recovery, recovery_points
        How measured spheres mend activities; "" mends none.
    register
        Carry regions from the scan that shows them to the others by rigid registration.
    ct
        Folder of a CT in the frame of reference of the scans, for densities by voxel.
    radiobiology
        Drawn name -> parameters; "" for all others.
    limits_Gy
        Drawn name -> limit [Gy].
    s_table
        A table of the user's instead of the shipped one.
    overlap
        What is done with regions that share voxels: ``refuse``, or ``cut`` the larger.
    """

    curve: Curve = "mono"
    prior: str = "unspecific"
    engines: tuple[Engine, ...] = ("local",)
    phantom: str = ""
    reference: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recovery: Recovery | Literal[""] = ""
    recovery_points: tuple[RecoveryPoint, ...] = ()
    recovery_source: str = ""
    register: bool = False
    ct: Path | None = None
    radiobiology: Mapping[str, Radiobiology] = field(default_factory=dict)
    limits_Gy: Mapping[str, float] = field(default_factory=dict)
    s_table: SValueTable | None = None
    overlap: Overlap = "refuse"

    def __post_init__(self) -> None:
        if self.curve not in get_args(Curve):
            raise InputError(f"--curve {self.curve!r} is not known; choose {', '.join(get_args(Curve))}")
        for engine in self.engines:
            if engine not in get_args(Engine):
                raise InputError(f"--engine {engine!r} is not known; choose {', '.join(get_args(Engine))}")
        if not self.engines or len(set(self.engines)) != len(self.engines):
            raise InputError(f"name each engine once, got {', '.join(self.engines) or 'none'}")
        if self.prior not in prior_names():
            raise InputError(f"--prior {self.prior!r} is not shipped; there are {', '.join(prior_names())}")
        if self.phantom and self.phantom not in PHANTOMS:
            raise InputError(f"--phantom {self.phantom!r} is not known; choose {', '.join(PHANTOMS)}")
        if "s-values" in self.engines and not self.phantom and self.s_table is None:
            raise InputError("--engine s-values needs a phantom: --phantom adult_female or adult_male")
        if self.recovery and not self.recovery_points:
            raise InputError("recovery needs measured spheres: --recovery FILE.csv")
        if self.ct is not None and "voxel" not in self.engines:
            raise InputError(
                "--ct gives densities by voxel, which only --engine voxel uses; add it, or leave the CT out"
            )
        if self.overlap not in get_args(Overlap):
            raise InputError(f"--overlap {self.overlap!r} is not known; choose {', '.join(get_args(Overlap))}")

    @property
    def needs_map(self) -> bool:
        """Whether scans and regions must be kept: for a dose map, or to register them."""
        return self.register or "voxel" in self.engines

    def table(self, nuclide: Nuclide) -> SValueTable | None:
        """The S table of the ``s-values`` engine; None where it is not asked for.

        Raises
        ------
        SourceError
            None is shipped for the nuclide.
        """
        if "s-values" not in self.engines:
            return None
        return self.s_table if self.s_table is not None else shipped_s_values(self.phantom, nuclide.name)


def name_key(name: str) -> str:
    """By which regions of several files are the same: capitals and spaces aside."""
    return " ".join(name.split()).casefold()


def reference_regions(name: str, stated: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], OrganName]:
    """Regions of the phantom that a drawn region is, and what its name was read as; none where that is not certain.

    Examples
    --------
    >>> reference_regions("Kidney_L", {})[0], reference_regions("stomach", {})[0], reference_regions("met 1", {})[0]
    (('kidneys',), (), ())
    """
    found = organ_name(name)
    if name_key(name) in stated:
        return stated[name_key(name)], found
    return _REFERENCE.get(found.organ or "", ()), found


def assignments(texts: Sequence[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` texts -> value by key of the name; one without ``=`` stands for all names and has the key "".

    Raises
    ------
    InputError
        A name or value is empty or a name stands twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        key = name_key(name)
        if not value.strip() or (equals and not key):
            raise InputError(f"{option} {text!r}: write it as REGION=VALUE")
        if key in found:
            raise InputError(f"{option}: {name or 'the value for all regions'} is given twice")
        found[key] = value.strip()
    return found


def number(text: str, option: str, name: str, unit: str) -> float:
    """A positive number.

    Raises
    ------
    InputError
        Naming the option, the region and the value.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{option} of {name or 'all regions'} is {text!r}; it must be a number above 0 {unit}")
    return value


def radiobiology(alpha_beta: Sequence[str], repair: Sequence[str]) -> dict[str, Radiobiology]:
    """Parameters by region from ``--alpha-beta`` [Gy] and ``--repair`` (half-life, h); nothing is assumed.

    Raises
    ------
    InputError
        One of the two is missing.
    """
    ratios, repairs = assignments(alpha_beta, "--alpha-beta"), assignments(repair, "--repair")
    found = {}
    for name, text in ratios.items():
        half_life = repairs.get(name, repairs.get(""))
        if half_life is None:
            raise InputError(f"BED of {name or 'all regions'} needs a repair half-life too: --repair {name}=HOURS")
        found[name] = Radiobiology(
            number(text, "--alpha-beta", name, "Gy"),
            number(half_life, "--repair", name, "h"),
            f"given:--alpha-beta {text} Gy, --repair {half_life} h",
        )
    if lone := [name for name in repairs if name not in ratios and "" not in ratios]:
        raise InputError(f"--repair of {lone[0] or 'all regions'} without --alpha-beta; give both")
    for name, half_life in repairs.items():
        if name not in found:
            found[name] = Radiobiology(
                found[""].alpha_beta_Gy,
                number(half_life, "--repair", name, "h"),
                f"given:--alpha-beta {found[''].alpha_beta_Gy:g} Gy, --repair {half_life} h",
            )
    return found


def recovery_spheres(path: Path) -> tuple[tuple[RecoveryPoint, ...], str]:
    """Measured spheres of a CSV file with the columns volume_mL, recovery, relative_sd_percent; and the file's hash.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, or a value cannot be.
    """
    content = _content(path, "--recovery")
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    wanted = ("volume_mL", "recovery", "relative_sd_percent")
    if absent := [name for name in wanted if name not in (rows.fieldnames or ())]:
        raise InputError(f"{path}: has no column {', '.join(absent)}; needed are {', '.join(wanted)}")
    found = []
    for line, row in enumerate(rows, start=2):
        try:
            volume_mL, recovery, percent = (float(row[name]) for name in wanted)
        except (TypeError, ValueError):
            raise InputError(f"{path} line {line}: {', '.join(str(row[n]) for n in wanted)} are no numbers") from None
        try:
            found.append(RecoveryPoint(volume_mL, recovery, percent / 100))
        except InputError as error:
            raise InputError(f"{path} line {line}: {error}") from None
    if not found:
        raise InputError(f"{path}: holds no sphere; give one line for each")
    return tuple(found), bytes_hash(content)


def user_s_table(
    path: Path,
    *,
    nuclide: Nuclide,
    phantom: str,
    unit: str,
    expected_sha256: str,
    accept_errors: bool = False,
) -> tuple[SValueTable, tuple[TableFinding, ...]]:
    """The S table of a user's CSV file, and what the linter says of it.

    Reference masses that the file lacks are those of the shipped phantom of that name, and the table's notes say so.

    Raises
    ------
    SourceError
        If the hash is not the one expected.
    UnitError, InputError
        If it cannot be read; the message starts with the path.
    """
    content = _content(path, "--s-table")
    masses = dict(shipped_s_values(phantom, "Lu-177").masses_g) if phantom else {}
    try:
        table = s_table_from_csv(
            content,
            nuclide=nuclide.name,
            phantom=phantom or path.stem,
            sex=PHANTOMS.get(phantom, "not stated"),
            unit=unit or None,
            expected_sha256=expected_sha256 or None,
        )
        lacking = {pair[0] for pair in table.values} - set(table.masses_g)
        if taken := {name: masses[name] for name in sorted(lacking) if name in masses}:
            table = s_table_from_csv(
                content,
                nuclide=nuclide.name,
                phantom=phantom or path.stem,
                sex=PHANTOMS.get(phantom, "not stated"),
                unit=unit or None,
                masses_g={**table.masses_g, **taken},
                expected_sha256=expected_sha256 or None,
            )
            note = f"masses of {', '.join(taken)} are those of the {phantom}; the file has none"
            table = replace(table, notes=(*table.notes, note))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    findings = tuple(table_findings(table, nuclide))
    wrong = [str(finding) for finding in findings if finding.severity == "error"]
    if wrong and not accept_errors:
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise InputError(
            f"{path}: the table breaks laws that no table may: {'; '.join(wrong[:3])}{more} -> correct the table or "
            "its unit, or use it all the same with --s-table-anyway"
        )
    return table, findings


def _content(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{option} {path}: cannot be read ({error.strerror})") from None
