"""Time and memory of the voxel route, against PyTheranostics 0.1 of PyPI in the same run with the same inputs.

Route: two activity maps (24 h and 48 h) and six regions in memory -> activities of the regions -> one exponential per
region and for the remainder -> time-integrated activity map -> convolution with a dose kernel -> mean dose per region.
Reading files, making the kernel and writing results are outside, for both. Each run is a fresh process; the peak is
that of the whole process (VmHWM), imports and the two float32 maps included. CPU time is that of all threads.

    python benchmarks/voxel_dose.py [--repeats 3] [--workers 2] [--peer-python PATH]

The peer runs in an environment of its own, which is never installed with theratrial:

    python3.11 -m venv peer && peer/bin/pip install PyTheranostics==0.1 scipy
    python benchmarks/voxel_dose.py --peer-python peer/bin/python

Its wheel lacks modules that its own voxel dosimetry imports (the image container, two tool modules, the kernel files),
so it does not run as installed. What runs here of the peer is its own code from the wheel: `fit_tac`,
`VoxelSDosimetry.compute_voxel_tia`, `VoxelSDosimetry.apply_voxel_s` and `DoseVoxelKernel.tia_to_dose` (scipy.signal
.fftconvolve in float64). What stands in, written here to do the least that these need: the image container (SimpleITK
images, arrays handed out as the peer's own expects them), the image maker, and the kernel, which is the same array that
ours gets. Its plots, checks and files are left out, in its favour.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results" / "voxel_dose.json"
HOURS = (24.0, 48.0)
KERNEL_REACH = 25
CASES: dict[str, tuple[tuple[int, int, int], float]] = {
    "128x128x96": ((96, 128, 128), 4.8),
    "x2": ((192, 128, 128), 4.8),
    "x4": ((192, 256, 128), 4.8),
    "x8": ((192, 256, 256), 4.8),
    "256x256x200": ((200, 256, 256), 2.4),
}
LIMITS = {"128x128x96": (0.5, 350.0), "256x256x200": (2.7, 1000.0)}
"""Case -> seconds and MB."""
ORGANS = {  # centre and semi-axes as shares of the volume (z, y, x); share of the activity; effective half-life [h]
    "liver": ((0.55, 0.48, 0.36), (0.13, 0.16, 0.13), 0.20, 75.0),
    "spleen": ((0.56, 0.60, 0.68), (0.06, 0.06, 0.05), 0.03, 65.0),
    "kidney left": ((0.40, 0.62, 0.62), (0.07, 0.05, 0.04), 0.02, 50.0),
    "kidney right": ((0.38, 0.62, 0.40), (0.07, 0.05, 0.04), 0.02, 48.0),
    "heart": ((0.74, 0.42, 0.54), (0.06, 0.08, 0.08), 0.05, 70.0),
    "lesion": ((0.22, 0.50, 0.46), (0.03, 0.03, 0.03), 0.01, 110.0),
}
BODY = ((0.5, 0.5, 0.5), (0.6, 0.30, 0.40), 0.67, 80.0)


def ellipsoid(shape: tuple[int, ...], centre: tuple[float, ...], semi: tuple[float, ...]) -> Any:
    axes = [((np.arange(n) + 0.5) / n - c) / s for n, c, s in zip(shape, centre, semi, strict=True)]
    return (axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2) <= 1


def write_inputs(folder: Path, shape: tuple[int, int, int], spacing_mm: float) -> None:
    """Two noisy maps [Bq/mL], the masks and the kernel as files both sides load."""
    from theratrial.dosimetry.transport.voxel_kernel import voxel_kernel

    rng = np.random.default_rng(3)
    volume_mL = spacing_mm**3 / 1000
    body = ellipsoid(shape, *BODY[:2])
    maps = [np.zeros(shape, dtype=np.float32) for _ in HOURS]
    rest = body.copy()
    for name, (centre, semi, share, half_life_h) in ORGANS.items():
        mask = ellipsoid(shape, centre, semi) & rest
        rest &= ~mask
        np.save(folder / f"mask {name}.npy", mask)
        for one, hours in zip(maps, HOURS, strict=True):
            one[mask] = share * 7e9 / volume_mL / mask.sum() * math.exp(-math.log(2) / half_life_h * hours)
    for one, hours in zip(maps, HOURS, strict=True):
        one[rest] = BODY[2] * 7e9 / volume_mL / rest.sum() * math.exp(-math.log(2) / BODY[3] * hours)
        one *= rng.uniform(0.8, 1.2, shape).astype(np.float32)
        np.save(folder / f"map {hours:g}.npy", one)
    np.save(folder / "mask body.npy", body)
    np.save(folder / "mask rest.npy", rest)
    kernel = voxel_kernel("Lu-177", (spacing_mm,) * 3, density_g_per_mL=1.0, extent_mm=KERNEL_REACH * spacing_mm - 1e-6)
    np.savez(folder / "kernel.npz", electron=kernel.electron_Gy_per_MBq_h, photon=kernel.photon_Gy_per_MBq_h)
    (folder / "spacing.json").write_text(json.dumps(spacing_mm))


def peak_MB() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmHWM in /proc/self/status")


class Clock:
    """Wall and CPU seconds by step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self.wall = self._last = time.perf_counter()
        self.cpu = time.process_time()

    def step(self, name: str) -> None:
        now = time.perf_counter()
        self.steps[name], self._last = now - self._last, now

    def result(self, doses: dict[str, float]) -> dict[str, Any]:
        return {
            "wall_s": time.perf_counter() - self.wall,
            "cpu_s": time.process_time() - self.cpu,
            "steps_s": self.steps,
            "peak_MB": peak_MB(),
            "mean_Gy": doses,
        }


def ours(folder: Path, workers: int, engine: str) -> dict[str, Any]:
    from datetime import UTC, datetime, timedelta

    from theratrial.dosimetry.plan import DosePlan
    from theratrial.dosimetry.transport.values import VoxelKernel
    from theratrial.dosimetry.voxel.route import voxel_route
    from theratrial.imaging.values import ActivityMap, Grid, Region, Source
    from theratrial.nuclides import nuclide
    from theratrial.trace import Trace

    spacing = json.loads((folder / "spacing.json").read_text())
    injected = datetime(2026, 1, 5, tzinfo=UTC)
    lutetium = nuclide("Lu-177")
    source, made = Source("B", "1", "1", "NM", (), "sha256:0"), Trace("benchmark", "1")
    maps, grid = [], None
    for hours in HOURS:
        values = np.load(folder / f"map {hours:g}.npy")
        grid = grid or Grid(values.shape, (spacing,) * 3, (0.0, 0.0, 0.0))
        when = injected + timedelta(hours=hours)
        maps.append(ActivityMap(grid, values, when, "Lu-177", source, made, 1.0, "NONE", 0.03))
    regions = []
    for name in ORGANS:
        mask = np.load(folder / f"mask {name}.npy", mmap_mode="r")
        filled = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        box = tuple(slice(int(f[0]), int(f[-1]) + 1) for f in filled)
        weights = np.asarray(mask[box], dtype=np.float32)
        regions.append(Region(name, grid, tuple(s.start for s in box), weights, source, "SEG", 1.0))
        del mask
    parts = np.load(folder / "kernel.npz")
    kernel = VoxelKernel("Lu-177", "soft_tissue", 1.0, (spacing,) * 3, parts["electron"], parts["photon"], made)
    plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.99, model_relative_sd=0.1)
    clock = Clock()
    route = voxel_route(
        maps,
        regions,
        administered_at=injected,
        administered_activity_MBq=8000.0,
        nuclide=lutetium,
        plan=plan,
        repeatability_relative_sd=0.02,
        kernel=kernel if engine == "kernel" else None,
        density_g_per_mL=None if engine == "kernel" else 1.0,
        workers=workers,
    )
    return clock.result({name: one.dose.mean_Gy for name, one in route.regions.items() if one.dose is not None})


def peer(folder: Path) -> dict[str, Any]:
    """The peer's own steps; see the head of this file for what stands in."""
    import importlib.util
    import types

    import SimpleITK

    found = importlib.util.find_spec("doodle")
    assert found is not None
    assert found.submodule_search_locations
    package = types.ModuleType(
        "doodle"
    )  # its __init__ imports plotting and quality control that the route does not need
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["doodle"] = package

    def image_of(array: Any, ref_image: Any) -> Any:
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(ref_image.GetSpacing())
        return image

    class Study:
        """Images by time; arrays are handed out (y, x, z), as the peer's steps expect them."""

        def __init__(self, images: dict, meta: dict, modality: str = "NM") -> None:  # noqa: ARG002
            self.images, self.meta, self.masks = images, meta, {}

        def array_at(self, time_id: int) -> Any:
            return np.transpose(SimpleITK.GetArrayFromImage(self.images[time_id]), (1, 2, 0))

        def voxel_mL(self, time_id: int) -> float:
            return math.prod(self.images[time_id].GetSpacing()) / 1000

        def array_of_activity_at(self, time_id: int, region: str) -> Any:
            return self.array_at(time_id) * self.masks[time_id][region] * self.voxel_mL(time_id)

        def activity_in(self, region: str, time_id: int) -> float:
            return float(np.sum(self.masks[time_id][region] * self.array_at(time_id) * self.voxel_mL(time_id)))

        def add_masks_to_time_point(self, time_id: int, masks: dict) -> None:
            self.masks[time_id] = masks

    def stand_in(name: str, **members: Any) -> None:
        for depth in range(2, len(name.split(".")) + 1):
            part = ".".join(name.split(".")[:depth])
            sys.modules.setdefault(part, types.ModuleType(part))
        for key, value in members.items():
            setattr(sys.modules[name], key, value)

    stand_in("doodle.ImagingDS.LongStudy", LongitudinalStudy=Study)
    stand_in("doodle.ImagingTools.Tools", itk_image_from_array=image_of, extract_masks=None)
    stand_in("doodle.MiscTools.Tools", hu_to_rho=None, calculate_time_difference=None)
    import pandas
    from doodle.dosimetry import VoxelSDosimetry as module
    from doodle.dosimetry.dvk import DoseVoxelKernel
    from doodle.fits.fits import fit_tac
    from doodle.fits.functions import monoexp_fun
    from scipy.integrate import quad

    spacing = json.loads((folder / "spacing.json").read_text())
    parts = np.load(folder / "kernel.npz")
    both = parts["photon"].copy()
    low = [(whole - size) // 2 for whole, size in zip(both.shape, parts["electron"].shape, strict=True)]
    both[tuple(slice(n, n + s) for n, s in zip(low, parts["electron"].shape, strict=True))] += parts["electron"]
    in_its_unit = both / 3600 * 1000  # mGy per MBq s
    in_its_unit = np.transpose(in_its_unit, (1, 2, 0))

    def kernel_made(isotope: str, voxel_size_mm: float) -> Any:  # noqa: ARG001
        made = object.__new__(DoseVoxelKernel)  # its __init__ reads a kernel file that the wheel does not have
        made.kernel = in_its_unit
        return made

    module.DoseVoxelKernel = kernel_made
    images, masks = {}, {}
    for number, hours in enumerate(HOURS):
        images[number] = SimpleITK.GetImageFromArray(np.load(folder / f"map {hours:g}.npy"))
        images[number].SetSpacing((spacing,) * 3)
    names = {**{name: name for name in ORGANS}, "RemainderOfBody": "rest", "WholeBody": "body"}
    for region, file in names.items():
        masks[region] = np.transpose(np.load(folder / f"mask {file}.npy"), (1, 2, 0))
    study = Study(images, {number: {"Radionuclide": "Lu177"} for number in range(len(HOURS))})
    for number in range(len(HOURS)):
        study.masks[number] = masks
    clock = Clock()
    rows = {}
    for region in names:
        activity = np.array([study.activity_in(region, number) * 1e-6 for number in range(len(HOURS))])
        fitted, _ = fit_tac(
            time=np.array(HOURS),
            activity=activity,
            decayconst=math.log(2) / 159.528,
            exp_order=1,
            param_init=(activity[0], 0.01),
        )
        rows[region] = {
            "Time_hr": list(HOURS),
            "Fit_params": fitted,
            "TIA_MBq_h": quad(monoexp_fun, 0, np.inf, args=tuple(fitted[:-1])),
        }
    clock.step("activities and fits")
    dosimetry = types.SimpleNamespace(
        config={"ReferenceTimePoint": 0, "rois": {r: {"fit_order": 1} for r in names}, "ScaleDoseByDensity": False},
        nm_data=study,
        ct_data=None,
        results=pandas.DataFrame.from_dict(rows, orient="index"),
        toMBq=1e-6,
        toMBqs=3600,
    )
    module.VoxelSDosimetry.compute_voxel_tia(dosimetry)
    clock.step("map")
    module.VoxelSDosimetry.apply_voxel_s(dosimetry)
    clock.step("convolution")
    dose = dosimetry.dose_map.array_at(0)
    doses = {name: float(dose[masks[name]].mean()) / 1000 for name in ORGANS}
    clock.step("means")
    return clock.result(doses)


def floor(folder: Path, workers: int) -> dict[str, Any]:
    """What no route of this kind can beat: one copy of what is read and written; one transform there and back."""
    from scipy import fft

    maps = [np.load(folder / f"map {hours:g}.npy") for hours in HOURS]
    out = np.zeros_like(maps[0])
    start = time.perf_counter()
    for one in maps:
        np.copyto(out, one)
    copied = time.perf_counter() - start
    padded = [fft.next_fast_len(n + KERNEL_REACH, real=axis == 2) for axis, n in enumerate(out.shape)]
    start, used = time.perf_counter(), time.process_time()
    spectrum = fft.rfftn(out, padded, workers=workers)
    fft.irfftn(spectrum, padded, workers=workers, overwrite_x=True)
    return {
        "copy_s": copied,
        "fft_pair_s": time.perf_counter() - start,
        "fft_pair_cpu_s": time.process_time() - used,
        "padded": padded,
        "peak_MB": peak_MB(),
    }


def run_child(python: str, role: str, folder: Path, workers: int, engine: str = "kernel") -> dict[str, Any]:
    command = [python, __file__, "--child", role, str(folder), str(workers), engine]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{role} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    numbers = {key for key, value in runs[0].items() if isinstance(value, float)}
    return {**runs[-1], **{key: statistics.median(run[key] for run in runs) for key in numbers}}


def measured(repeats: int, workers: int, peer_python: str) -> dict[str, Any]:
    cases = {}
    load_average = os.getloadavg()[0]
    for name, (shape, spacing_mm) in CASES.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write_inputs(folder, shape, spacing_mm)
            runs: dict[str, list[dict[str, Any]]] = {"ours": [], "ours_local": [], "floor": [], "peer": []}
            for _ in range(repeats):
                runs["ours"].append(run_child(sys.executable, "ours", folder, workers))
                runs["ours_local"].append(run_child(sys.executable, "ours", folder, workers, "local"))
                runs["floor"].append(run_child(sys.executable, "floor", folder, workers))
                if peer_python and name in LIMITS:
                    runs["peer"].append(run_child(peer_python, "peer", folder, workers))
            found = {key: median(of) for key, of in runs.items() if of}
        if "peer" in found:
            a, b = found["ours"]["mean_Gy"], found["peer"]["mean_Gy"]
            found["largest_difference_of_mean_doses"] = max(abs(a[organ] / b[organ] - 1) for organ in ORGANS)
        cases[name] = found
        print(f"done: {name}", file=sys.stderr)
    return {
        "repeats": repeats,
        "workers": workers,
        "cpus": os.cpu_count(),
        "load_average": load_average,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kernel_voxels": 2 * KERNEL_REACH + 1,
        "peer": "PyTheranostics 0.1 (PyPI), own code with stand-ins for what its wheel lacks" if peer_python else None,
        "limits": LIMITS,
        "cases": cases,
    }


def markdown(found: dict[str, Any]) -> str:
    lines = [
        "| case | program | wall s | CPU s | peak MB | limit |",
        "|---|---|---|---|---|---|",
    ]
    titles = {"ours": "theratrial, kernel", "ours_local": "theratrial, local deposition", "peer": "PyTheranostics 0.1"}
    for case, of in found["cases"].items():
        for key, title in titles.items():
            if key in of:
                limit = (
                    "{} s, {} MB".format(*found["limits"][case]) if case in found["limits"] and key == "ours" else ""
                )
                row = of[key]
                lines.append(
                    f"| {case} | {title} | {row['wall_s']:.2f} | {row['cpu_s']:.2f} | {row['peak_MB']:.0f} | {limit} |"
                )
        base = of["floor"]
        lines.append(
            f"| {case} | floor: copy / rfftn + irfftn of {'x'.join(map(str, base['padded']))} "
            f"| {base['copy_s']:.3f} / {base['fft_pair_s']:.2f} | {base['fft_pair_cpu_s']:.2f} "
            f"| {base['peak_MB']:.0f} | |"
        )
    for case, of in found["cases"].items():
        if "peer" in of:
            a, b = of["ours"], of["peer"]
            lines.append(
                f"\n{case}: {b['wall_s'] / a['wall_s']:.1f} times faster (CPU {b['cpu_s'] / a['cpu_s']:.1f} times) "
                f"with {b['peak_MB'] / a['peak_MB']:.1f} times less memory than the peer; mean doses of regions agree "
                f"within {of['largest_difference_of_mean_doses']:.1e}."
            )
    first = found["cases"]["128x128x96"]
    growth = [
        f"{case} voxels: {of['ours']['cpu_s'] / first['ours']['cpu_s']:.1f} times the CPU time, "
        f"{of['ours']['peak_MB'] - first['ours']['peak_MB']:+.0f} MB"
        for case, of in found["cases"].items()
        if case.startswith("x")
    ]
    lines.append("\nGrowth against 128x128x96: " + "; ".join(growth) + ".")
    shares = [
        f"{case} {of['ours']['cpu_s'] / of['floor']['fft_pair_cpu_s']:.1f}" for case, of in found["cases"].items()
    ]
    lines.append(
        "\nCPU time of the whole route over one rfftn and irfftn of the padded size: " + ", ".join(shares) + "."
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peer-python", default="", help="Python of an environment with PyTheranostics 0.1 and scipy")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        role, folder, workers, engine = given.child
        one = {
            "ours": lambda: ours(Path(folder), int(workers), engine),
            "peer": lambda: peer(Path(folder)),
            "floor": lambda: floor(Path(folder), int(workers)),
        }[role]
        print(json.dumps(one()))
        return 0
    found = measured(given.repeats, given.workers, given.peer_python)
    print(markdown(found))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    busy = found["load_average"] > 1
    # On a busy machine the wall clock is the others'; CPU time is what this one would need at most on one free core.
    clock = "cpu_s" if busy else "wall_s"
    within = all(
        found["cases"][case]["ours"][clock] <= seconds and found["cases"][case]["ours"]["peak_MB"] <= MB
        for case, (seconds, MB) in LIMITS.items()
    )
    print(f"{'within' if within else 'BEYOND'} the limits by {'CPU' if busy else 'wall'} time", end="")
    print(f" (load average {found['load_average']:.1f} at the start)")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
