"""Time and memory of loading a PET and a CT series to float32, against SimpleITK's ImageSeriesReader in the same run.

Writes a synthetic PET of 300 slices 256 x 256 (a slope per slice, private elements) and a CT of 300 slices 512 x 512 to
a temporary folder, then loads both in fresh processes, alternating the loaders; imports are excluded, the page cache is
warm. Memory is the growth of the resident peak over what the process held after its imports, against the bytes of the
two output arrays.

    python benchmarks/load_series.py [--repeats 5] [--slices 300]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results" / "load_series.json"
LOADERS = ("theratrial", "theratrial, hashed", "theratrial by pydicom", "SimpleITK", "SimpleITK, names given")
TARGET_RATIO = 5.0
TARGET_MEMORY = 1.5


def write_series(folder: Path, modality: str, slices: int, size: int) -> None:
    """A synthetic series in shuffled file order."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    rng = np.random.default_rng(7)
    folder.mkdir(parents=True)
    pet = modality == "PT"
    sop_class = f"1.2.840.10008.5.1.4.1.1.{'128' if pet else '2'}"
    study, series, frame = generate_uid(), generate_uid()[:50], generate_uid()
    for number, name in zip(range(slices), rng.permutation(slices), strict=True):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
        dataset.SOPInstanceUID = f"{series}.{number + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.Modality, dataset.PatientID, dataset.PatientName = modality, "BENCH", "BENCH"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.SeriesDate = dataset.AcquisitionDate = "20250101"
        dataset.SeriesTime = dataset.AcquisitionTime = "110000"
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 2.0 * number], [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [2.0, 2.0], 2.0
        dataset.Rows = dataset.Columns = size
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 1
        dataset.RescaleIntercept = 0 if pet else -1024
        dataset.RescaleSlope = f"{0.5 + rng.random():.9f}" if pet else 1
        if pet:
            dataset.Units, dataset.DecayCorrection = "BQML", "START"
            dataset.FrameReferenceTime, dataset.ActualFrameDuration = 0, 180000
            block = dataset.private_block(0x0009, "BENCH PRIVATE", create=True)
            for element in range(30):
                block.add_new(element, "LO", f"private value {element}")
        dataset.PixelData = rng.integers(0, 3000, (size, size), dtype=np.int16).tobytes()
        dataset.save_as(folder / f"{name:05d}.dcm", enforce_file_format=True)


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def load(loader: str, folders: list[Path]) -> dict[str, Any]:
    """Load the folders in this process; times, growth of the peak, and the sums of the voxels."""
    if loader.startswith("theratrial"):
        import pydicom  # noqa: F401 - imports are not timed

        from theratrial.imaging.series import series_from_folder, volume

        def one(folder: Path) -> Any:
            read = series_from_folder(folder, hashed=loader.endswith("hashed"), walk=not loader.endswith("pydicom"))
            return volume(read).values
    else:
        import SimpleITK

        names = {
            folder: SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
            for folder in (folders if loader.endswith("given") else [])
        }

        def one(folder: Path) -> Any:
            reader = SimpleITK.ImageSeriesReader()
            reader.SetOutputPixelType(SimpleITK.sitkFloat32)
            reader.SetFileNames(names.get(folder) or reader.GetGDCMSeriesFileNames(str(folder)))
            images.append(reader.Execute())  # a view does not keep its image alive, and a copy would cost it memory
            return SimpleITK.GetArrayViewFromImage(images[-1])

        images: list[Any] = []

    # Sets the resident peak back to what is resident now, so that what the imports needed does not count.
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_bytes()
    seconds, arrays = {}, []
    used = time.process_time()
    for folder in folders:
        start = time.perf_counter()
        arrays.append(one(folder))
        seconds[folder.name] = time.perf_counter() - start
    return {
        "seconds": seconds,
        "cpu_s": time.process_time() - used,
        "peak_bytes": _peak_bytes() - before,
        "output_bytes": sum(a.nbytes for a in arrays),
        "sums": [float(a.sum(dtype="f8")) for a in arrays],
    }


def measured(slices: int, repeats: int) -> dict[str, Any]:
    """Medians over fresh processes."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in LOADERS}
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / "PET", Path(temporary) / "CT"]
        write_series(folders[0], "PT", slices, 256)
        write_series(folders[1], "CT", slices, 512)
        for _ in range(repeats):
            for name in LOADERS:
                command = [sys.executable, __file__, "--child", name, *map(str, folders)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[name].append(json.loads(done.stdout))
    sums = [run["sums"] for of in runs.values() for run in of]
    equal = all(abs(a / b - 1) < 1e-6 for each in sums for a, b in zip(each, sums[0], strict=True))
    table = {
        name: {
            "PET_s": statistics.median(run["seconds"]["PET"] for run in of),
            "CT_s": statistics.median(run["seconds"]["CT"] for run in of),
            "total_s": statistics.median(sum(run["seconds"].values()) for run in of),
            "cpu_s": statistics.median(run["cpu_s"] for run in of),
            "peak_over_output": statistics.median(run["peak_bytes"] / run["output_bytes"] for run in of),
        }
        for name, of in runs.items()
    }
    ours = table["theratrial"]
    return {
        "slices": slices,
        "repeats": repeats,
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "loaders": table,
        "all_sums_equal": equal,
        "times_faster_than_SimpleITK": table["SimpleITK"]["total_s"] / ours["total_s"],
        "times_faster_than_SimpleITK_names_given": table["SimpleITK, names given"]["total_s"] / ours["total_s"],
        "peak_over_output": ours["peak_over_output"],
        "target": {"times_faster": TARGET_RATIO, "peak_over_output": TARGET_MEMORY},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(load(given.child[0], [Path(p) for p in given.child[1:]])))
        return 0
    found = measured(given.slices, given.repeats)
    columns = ("PET_s", "CT_s", "total_s", "cpu_s", "peak_over_output")
    print(f"{'loader':24}" + "".join(f"{column:>18}" for column in columns))
    for name, row in found["loaders"].items():
        print(f"{name:24}" + "".join(f"{row[column]:18.3f}" for column in columns))
    ratio, memory = found["times_faster_than_SimpleITK"], found["peak_over_output"]
    print(f"{ratio:.1f} times faster than SimpleITK (target {TARGET_RATIO:g}); with names given to it: ", end="")
    print(
        f"{found['times_faster_than_SimpleITK_names_given']:.1f}; peak {memory:.2f} x output (target {TARGET_MEMORY})"
    )
    print("all loaders give the same sums" if found["all_sums_equal"] else "THE LOADERS DISAGREE")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if found["all_sums_equal"] and ratio >= TARGET_RATIO and memory <= TARGET_MEMORY else 1


if __name__ == "__main__":
    sys.exit(main())
