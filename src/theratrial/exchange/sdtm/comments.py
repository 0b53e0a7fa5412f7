"""CO: remarks of people about a record (SDTMIG 3.4, 5.1), taken from the qualifiers in which the domains give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from theratrial.exchange.datasets.values import ASSIGNED, Dataset, Value, Variable, dataset
from theratrial.exchange.sdtm.observations import supplemental_dataset, with_terms
from theratrial.exchange.sdtm.variables import SDTMIG, standard_variables

_REMARKS: Final = {"AECOMM": "INVESTIGATOR", "TRCOMM": "READER"}
"""QNAM of a remark -> COEVAL; a number behind the name goes on with a text of more than 200 letters."""
_LABEL: Final = "Supplemental Qualifiers for "


def with_comments(made: Sequence[Dataset], study_id: str) -> tuple[Dataset, ...]:
    """The data sets with remarks in CO instead of SUPP--; unchanged where there is none."""
    remarks: list[Mapping[str, Value]] = []
    kept: list[Dataset] = []
    for one in made:
        lines = one.records() if one.name.startswith("SUPP") else ()
        found = [line for line in lines if _remark(line)]
        remarks += found
        rest = [line for line in lines if not _remark(line)]
        if not found:
            kept.append(one)
        elif rest:
            kept.append(supplemental_dataset(one.name.removeprefix("SUPP"), one.label.removeprefix(_LABEL), rest))
    if not remarks:
        return tuple(made)
    place = 1 + max((at for at, one in enumerate(kept) if one.name in ("TS", "DM")), default=-1)
    return (*kept[:place], _co(remarks, study_id), *kept[place:])


def _remark(line: Mapping[str, Value]) -> str:
    name = str(line["QNAM"]).rstrip("0123456789")
    return name if name in _REMARKS else ""


def _co(lines: Sequence[Mapping[str, Value]], study_id: str) -> Dataset:
    texts: dict[tuple[str, str, int], dict[str, str]] = {}
    about: dict[tuple[str, str, int], Mapping[str, Value]] = {}
    for line in lines:
        key = (str(line["USUBJID"]), str(line["RDOMAIN"]), int(str(line["IDVARVAL"])))
        part = str(line["QNAM"]).removeprefix(_remark(line))
        texts.setdefault(key, {})[f"COVAL{part}"] = str(line["QVAL"])
        about[key] = line
    counts: dict[str, int] = {}
    records: list[dict[str, Value]] = []
    for key in sorted(texts):
        line = about[key]
        counts[key[0]] = counts.get(key[0], 0) + 1
        head = {name: line[name] for name in ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL")}
        told: dict[str, Value] = {"COSEQ": counts[key[0]], "COEVAL": _REMARKS[_remark(line)]}
        records.append({"STUDYID": study_id, "DOMAIN": "CO", **head, **told, **texts[key]})
    return dataset(
        "CO",
        "Comments",
        with_terms("CO", _variables({name for one in texts.values() for name in one}), records),
        records,
        keys=("STUDYID", "USUBJID", "RDOMAIN", "IDVARVAL", "COSEQ"),
        structure="One record per comment per subject",
        class_name="SPECIAL PURPOSE",
        standard=SDTMIG,
    )


def _variables(texts: set[str]) -> tuple[Variable, ...]:
    """COVAL, and COVAL1, COVAL2 ... behind it where a remark goes on."""
    assigned = {name: {"origin": ASSIGNED} for name in ("RDOMAIN", "IDVAR", "IDVARVAL", "COEVAL")}
    found: list[Variable] = []
    for one in standard_variables("CO", ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "COEVAL"), assigned):
        found.append(one)
        if one.name == "COVAL":
            more = sorted(texts - {"COVAL"}, key=lambda name: int(name.removeprefix("COVAL")))
            found += [replace(one, name=name, label=f"Comment ({name[5:]})", core="Perm") for name in more]
    return tuple(found)
