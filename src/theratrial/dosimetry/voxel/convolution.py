"""Convolution of a volume with kernels by FFT, in little more memory than the volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

_COLUMNS_AT_ONCE: Final = 32
"""Frequencies along x transformed along y and z together: bounds the padded part, and keeps it in the cache."""

Spectrum = Callable[[slice], NDArray[Any]]
"""Columns of the half spectrum -> kernel spectrum there, ``(pz, py, columns)``."""


def _cropped(kernel: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """The kernel without what lies further off than any two voxels of the volume."""
    middle = [size // 2 for size in kernel.shape]
    reach = [min(m, n - 1) for m, n in zip(middle, shape, strict=True)]
    return kernel[tuple(slice(m - r, m + r + 1) for m, r in zip(middle, reach, strict=True))]


def _is_even(kernel: NDArray[Any]) -> bool:
    return all(np.array_equal(kernel, np.flip(kernel, axis)) for axis in range(3))


def _even_spectrum(kernel: NDArray[Any], padded: Sequence[int], kind: Any) -> Spectrum:
    """Spectrum of a mirror-symmetric kernel: real, a product of cosines, made only for the columns asked for."""
    middle = [size // 2 for size in kernel.shape]
    octant = np.asarray(kernel[middle[0] :, middle[1] :, middle[2] :], dtype=np.float64).copy()
    for axis in range(3):
        octant[(slice(None),) * axis + (slice(1, None),)] *= 2
    # The spectrum is even too: half of the frequencies along z and y stand for all.
    count = [p // 2 + 1 for p in padded]
    cosines = [
        np.cos(2 * np.pi / p * (np.outer(np.arange(m + 1), np.arange(n)) % p))
        for m, n, p in zip(middle, count, padded, strict=True)
    ]
    along_z, along_y = cosines[0].T.astype(kind), cosines[1].T
    fold_z, fold_y = (np.minimum(np.arange(p), p - np.arange(p)) for p in padded[:2])

    def columns(part: slice) -> NDArray[Any]:
        yx = np.matmul(along_y, octant @ cosines[2][:, part]).astype(kind)
        size = yx.shape[2]
        zyx = (along_z @ yx.reshape(len(yx), -1)).reshape(count[0], count[1], size)
        return zyx[:, fold_y][fold_z]

    return columns


def _any_spectrum(kernel: NDArray[Any], padded: Sequence[int], kind: Any) -> Spectrum:
    """Spectrum of a kernel without symmetry: complex, held whole."""
    around = np.zeros(padded, dtype=kind)
    around[tuple(slice(0, size) for size in kernel.shape)] = kernel
    around = np.roll(around, [-(size // 2) for size in kernel.shape], axis=(0, 1, 2))
    whole = fft.rfftn(around)
    return lambda part: whole[:, :, part]


def convolved(values: NDArray[Any], kernels: Sequence[NDArray[Any]], *, workers: int = 1) -> tuple[NDArray[Any], ...]:
    """Linear convolution of a volume with each of the kernels, of the volume's shape and type; outside is nothing.

    Parameters
    ----------
    values
        ``(nz, ny, nx)``, float32 or float64; the transforms run in the same precision.
    kernels
        Odd dimensions, origin in the middle. Mirror-symmetric ones (those of a uniform medium) cost no transform.
    workers
        Threads of the transforms; the result does not depend on it.

    Notes
    -----
    Padding by half the kernel is enough: what wraps around then falls outside the volume. Only the rows that exist are
    transformed along x; along y and z the padding exists for `_COLUMNS_AT_ONCE` frequencies at a time.
    """
    kind = np.float64 if values.dtype == np.float64 else np.float32
    nz, ny, nx = values.shape
    cropped = [_cropped(kernel, values.shape) for kernel in kernels]
    reach = [max(kernel.shape[axis] // 2 for kernel in cropped) for axis in range(3)]
    pz, py = (fft.next_fast_len(n + r) for n, r in zip((nz, ny), reach, strict=False))
    px = fft.next_fast_len(nx + reach[2], real=True)
    spectra = [
        (_even_spectrum if _is_even(kernel) else _any_spectrum)(kernel, (pz, py, px), kind) for kernel in cropped
    ]
    rows = fft.rfft(values, n=px, axis=2, workers=workers)
    made = [rows] + [np.empty_like(rows) for _ in spectra[1:]]
    for start in range(0, rows.shape[2], _COLUMNS_AT_ONCE):
        part = slice(start, min(start + _COLUMNS_AT_ONCE, rows.shape[2]))
        block = fft.fft(rows[:, :, part], n=py, axis=1, workers=workers)
        block = fft.fft(block, n=pz, axis=0, workers=workers, overwrite_x=True)
        for number, (spectrum, out) in enumerate(zip(spectra, made, strict=True)):
            last = number == len(spectra) - 1
            product = np.multiply(block, spectrum(part), out=block if last else None)
            back = fft.ifft(product, axis=0, workers=workers, overwrite_x=True)[:nz]
            out[:, :, part] = fft.ifft(back, axis=1, workers=workers, overwrite_x=True)[:, :ny]
        del block, product, back
    return tuple(_real(made, nx, px, workers) for _ in spectra)


def _real(made: list[NDArray[Any]], nx: int, px: int, workers: int) -> NDArray[Any]:
    """Back along x, slab by slab so that the padded rows never exist all at once; takes the next array off the list."""
    rows = made.pop(0)
    nz, ny, _ = rows.shape
    out = np.empty((nz, ny, nx), dtype=rows.real.dtype)
    step = max(1, (1 << 20) // (ny * px))
    for start in range(0, nz, step):
        out[start : start + step] = fft.irfft(rows[start : start + step], n=px, axis=2, workers=workers)[:, :, :nx]
    return out
