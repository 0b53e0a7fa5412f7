"""The walker and pydicom read the same; whatever bytes a file has, the answer is a value or an InputError."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from slice_files import saved, series_folder, slice_dataset

from theratrial.errors import InputError, Problem
from theratrial.imaging import fastload
from theratrial.imaging.codecs import PixelLayout, stored_values
from theratrial.imaging.series import series_from_files, series_from_folder, volume
from theratrial.imaging.series_files import looked_at

NESTED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _undefined_length(dataset: Dataset) -> None:
    """A sequence of undefined length that holds another, with items of undefined length."""
    inner, outer = Dataset(), Dataset()
    inner.CodeValue, inner.CodeMeaning = "X", "nested"
    inner.is_undefined_length_sequence_item = True
    outer.PurposeOfReferenceCodeSequence = Sequence([inner, inner])
    outer["PurposeOfReferenceCodeSequence"].is_undefined_length = True
    outer.ReferencedSOPInstanceUID = "1.2.3.99"
    outer.is_undefined_length_sequence_item = True
    dataset.ReferencedImageSequence = Sequence([outer])
    dataset["ReferencedImageSequence"].is_undefined_length = True


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, Any]:
    dtype = draw(st.sampled_from(["<i2", "<u2", "<u1", "<i2", "<u2", "<i4"]))
    syntaxes = [ExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    # DICOM allows RLE up to 16 bits only.
    syntax = draw(st.sampled_from(syntaxes if dtype == "<i4" else [*syntaxes, RLELossless]))
    return {
        "dtype": dtype,
        "syntax": syntax,
        "seed": draw(st.integers(0, 2**31)),
        "slope": draw(st.sampled_from(["1", "0.1", "1.234567", "3.5e-3", "17.25", None])),
        "intercept": draw(st.sampled_from(["0", "-1024", "0.5", None])),
        "private": draw(st.integers(0, 40)),
        "undefined": draw(st.booleans()),
        "shape": (draw(st.integers(1, 9)), draw(st.integers(1, 9))),
    }


def _written(layout: dict[str, Any], path: Path) -> Path:
    kind = np.dtype(layout["dtype"])
    info = np.iinfo(kind)
    words = np.random.default_rng(layout["seed"]).integers(info.min, info.max, layout["shape"], kind, endpoint=True)
    dataset = slice_dataset(
        words,
        syntax=ExplicitVRLittleEndian if layout["syntax"] == RLELossless else layout["syntax"],
        RescaleSlope=layout["slope"],
        RescaleIntercept=layout["intercept"],
    )
    if layout["private"]:
        block = dataset.private_block(0x0009, "THERATRIAL TEST", create=True)
        for number in range(layout["private"]):
            block.add_new(number, ["LO", "UN", "OB", "DS", "UT"][number % 5], [b"12", "12"][number % 5 not in (1, 2)])
    if layout["undefined"]:
        _undefined_length(dataset)
    if layout["syntax"] == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False, encoding_plugin="pydicom")
    return saved(dataset, path)


@NESTED
@given(layout=layouts())
def test_the_fast_path_and_pydicom_agree_to_the_bit_on_every_layout(tmp_path: Path, layout: dict[str, Any]) -> None:
    path = _written(layout, tmp_path / "one.dcm")
    fast = series_from_files([path], hashed=False)
    slow = series_from_files([path], hashed=False, walk=False)
    assert slow.slices[0].pixel_start == -1
    direct = layout["syntax"] == ExplicitVRLittleEndian and np.dtype(layout["dtype"]).itemsize == 2
    assert (fast.slices[0].pixel_start >= 0) == direct
    values = volume(fast).values
    assert np.array_equal(values, volume(slow).values)
    # The oracle is pydicom's own array in double precision: two roundings of float32 may lie between.
    stored = pydicom.dcmread(path).pixel_array.astype(float)
    slope, intercept = float(layout["slope"] or 1), float(layout["intercept"] or 0)
    allowed = 2.5e-7 * (np.abs(stored * slope) + abs(intercept))
    assert np.all(np.abs(values[0] - (stored * slope + intercept)) <= allowed)


def test_the_walker_steps_over_nested_sequences_of_undefined_length(tmp_path: Path) -> None:
    dataset = slice_dataset(np.arange(6, dtype=np.int16).reshape(2, 3))
    _undefined_length(dataset)
    path = saved(dataset, tmp_path / "one.dcm")
    assert b"\xff\xff\xff\xff" in path.read_bytes()
    found = fastload.elements(path, frozenset({0x00280010, fastload.PIXEL_DATA}))
    assert found.pixel_start > 0  # -1 would mean that pydicom had to read it
    assert found.values[0x00280010] == b"\2\0"
    assert path.read_bytes()[found.pixel_start :] == dataset.PixelData


def test_big_endian_and_deflated_files_are_left_to_pydicom(tmp_path: Path) -> None:
    words = np.array([[1, -2], [300, 4]], np.int16)
    big = slice_dataset(words, syntax=ExplicitVRBigEndian)
    big.PixelData = words.astype(">i2").tobytes()
    plain = volume(series_from_files([saved(slice_dataset(words), tmp_path / "plain.dcm")], hashed=False)).values
    deflated = saved(slice_dataset(words, syntax="1.2.840.10008.1.2.1.99"), tmp_path / "deflated.dcm")
    for path in (saved(big, tmp_path / "big.dcm"), deflated):
        series = series_from_files([path], hashed=False)
        assert series.slices[0].pixel_start == -1
        assert np.array_equal(volume(series).values, plain)


@pytest.mark.parametrize(("signed", "expected"), [(False, [0x0ABC, 0x0001]), (True, [0x0ABC - 0x1000, 1])])
def test_bits_beyond_bits_stored_are_no_part_of_the_value(signed: bool, expected: list[int]) -> None:
    words = np.array([[0xFABC, 0x5001]], np.uint16).view(np.int16 if signed else np.uint16)
    layout = PixelLayout(1, 2, 16, 12, 11, signed)
    assert stored_values(words, layout).ravel().tolist() == expected


def test_left_adjusted_values_are_shifted_down() -> None:
    layout = PixelLayout(1, 1, 16, 12, 15, False)
    assert stored_values(np.array([[0xABC5]], np.uint16), layout).tolist() == [[0xABC]]


def test_a_header_longer_than_the_first_read_is_read_on(tmp_path: Path) -> None:
    dataset = slice_dataset(np.zeros((2, 2), np.int16), PatientComments="x" * 9000)
    dataset.private_block(0x0029, "BIG", create=True).add_new(1, "OB", b"\1\2" * 200_000)
    found = fastload.header(saved(dataset, tmp_path / "big.dcm"), ("Rows", "PatientComments", "Modality"))
    assert (found.Rows, len(found.PatientComments), found.Modality) == (2, 9000, "PT")


def test_header_gives_text_in_its_character_set_and_whole_sequences(tmp_path: Path) -> None:
    dataset = slice_dataset(
        np.zeros((2, 2), np.int16), SpecificCharacterSet="ISO_IR 192", SeriesDescription="Müller ۱۲"
    )
    found = fastload.header(
        saved(dataset, tmp_path / "a.dcm"), ("SeriesDescription", "RadiopharmaceuticalInformationSequence", "Units")
    )
    assert found.SeriesDescription == "Müller ۱۲"
    assert found.RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence[0].CodeMeaning == "^68^Gallium"
    assert found.get("PatientID") is None
    with pytest.raises(InputError, match="not a DICOM keyword"):
        fastload.header(tmp_path / "a.dcm", ["NoSuchKeyword"])


def test_header_agrees_with_pydicom_on_every_shared_file(shared: Path) -> None:
    keywords = (
        "SOPClassUID",
        "Modality",
        "PatientID",
        "SeriesInstanceUID",
        "Rows",
        "ImagePositionPatient",
        "StudyTime",
    )
    files = [p for p in (shared / "data").rglob("*") if p.is_file() and p.suffix in ("", ".dcm")]
    sampled, compared = files[:: max(1, len(files) // 150)], 0
    for path in sampled:
        try:
            whole = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        found = fastload.header(path, keywords)
        assert [found.get(k) for k in keywords] == [whole.get(k) for k in keywords], path
        compared += 1
    assert compared > 50


@pytest.fixture(scope="module")
def good_bytes() -> bytes:
    dataset = slice_dataset(np.arange(20, dtype=np.int16).reshape(4, 5))
    _undefined_length(dataset)
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _reads_or_refuses(path: Path) -> None:
    found = looked_at(path)
    if isinstance(found, Problem):
        return
    try:
        volume(series_from_files([path], hashed=False))
    except InputError:
        return


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_but_never_breaks(
    tmp_path: Path, good_bytes: bytes, data: st.DataObject
) -> None:
    content = bytearray(good_bytes[: data.draw(st.integers(0, len(good_bytes)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.dcm"
    path.write_bytes(bytes(content))
    _reads_or_refuses(path)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=600))
def test_random_bytes_behind_a_dicom_prefix_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "random.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + content)
    assert isinstance(looked_at(path), Problem)


def test_lengths_that_point_beyond_the_file_do_not_make_the_walker_read_beyond_it(
    tmp_path: Path, good_bytes: bytes
) -> None:
    at = good_bytes.index(b"\xe0\x7f\x10\x00OW")
    path = tmp_path / "long.dcm"
    path.write_bytes(good_bytes[: at + 8] + struct.pack("<I", 0x7FFFFFFF) + good_bytes[at + 12 :])
    found = looked_at(path)
    assert isinstance(found, Problem)
    assert "truncated" in found.message


def test_sequences_nested_without_end_are_refused(tmp_path: Path) -> None:
    meta = slice_dataset(np.zeros((1, 1), np.int16))
    stream = BytesIO()
    meta.save_as(stream, enforce_file_format=True)
    start = stream.getvalue().index(b"\x08\x00\x16\x00UI")
    nest = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    path = tmp_path / "nested.dcm"
    path.write_bytes(stream.getvalue()[:start] + nest * 100_000)
    assert isinstance(looked_at(path), Problem)


def test_a_file_that_shrinks_between_header_and_pixels_is_named(tmp_path: Path) -> None:
    series = series_from_folder(series_folder(tmp_path), hashed=False)
    victim = series.slices[2].path
    victim.write_bytes(victim.read_bytes()[:-10])
    with pytest.raises(InputError, match=rf"{victim.name}.*truncated"):
        volume(series)
