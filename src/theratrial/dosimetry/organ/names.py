"""What printed S tables call a region, and what we call it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from theratrial.errors import InputError

_PRINTED: Final[dict[str, str]] = {
    "gb_cont": "gallbladder_contents",
    "gallbladder": "gallbladder_wall",
    "lli_cont": "left_colon_contents",
    "lli": "left_colon_wall",
    "lli_wall": "left_colon_wall",
    "left_colon": "left_colon_wall",
    "uli_cont": "right_colon_contents",
    "uli": "right_colon_wall",
    "uli_wall": "right_colon_wall",
    "right_colon": "right_colon_wall",
    "si_cont": "small_intestine_contents",
    "small_intestine": "small_intestine_wall",
    "si_wall": "small_intestine_wall",
    "stomcont": "stomach_contents",
    "stomach": "stomach_wall",
    "heartcon": "heart_contents",
    "heart_blood": "heart_contents",
    "hrt_wall": "heart_wall",
    "heart": "heart_wall",
    "red_mar": "red_marrow",
    "cortbone": "cortical_bone",
    "trabbone": "trabecular_bone",
    "bone_surfaces": "osteogenic_cells",
    "ub_cont": "urinary_bladder_contents",
    "bladder": "urinary_bladder_wall",
    "urinary_bladder": "urinary_bladder_wall",
    "salivary": "salivary_glands",
    "oesophagus": "esophagus",
    "kidney": "kidneys",
    "lung": "lungs",
    "tot_body": "total_body",
    "whole_body": "total_body",
    "body": "total_body",
}
"""Abbreviations of OLINDA/EXM and IDAC exports, after lower case and underscores."""


def region_name(printed: str, names: Mapping[str, str] | None = None) -> str:
    """Our name of a region as a table prints it.

    Parameters
    ----------
    names
        Printed name -> our name, asked before the known abbreviations; keys as printed, spaces around them ignored.

    Raises
    ------
    InputError
        If nothing is left of the name.

    Examples
    --------
    >>> region_name("Red Mar."), region_name("HeartCon"), region_name("Salivary Glands")
    ('red_marrow', 'heart_contents', 'salivary_glands')
    """
    text = printed.strip()
    if names and text in names:
        return names[text]
    slug = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if not slug:
        raise InputError(f"{printed!r} names no region; each row and column of an S table needs a name")
    return _PRINTED.get(slug, slug)


def organ(region: str) -> str:
    """The organ a region belongs to: that of ``stomach_wall`` and ``stomach_contents`` is ``stomach``."""
    return re.sub(r"_(wall|contents)$", "", region)


def contents_of(wall: str) -> str | None:
    """Name of the contents that a wall encloses; None where the region is no wall."""
    return f"{organ(wall)}_contents" if wall.endswith("_wall") else None
