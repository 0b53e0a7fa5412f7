"""The shipped tables of this room: priors, their names, and reference masses."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from theratrial.errors import InputError
from theratrial.reference.tables import Table, table_from_text

OTHER = "other"
LESION = "lesion"


@cache
def population_table(stem: str) -> Table:
    """A table of this room, read and checked once."""
    text = files("theratrial.dosimetry.population").joinpath("data", f"{stem}.csv").read_text(encoding="utf-8")
    return table_from_text(text, f"dosimetry/population/{stem}")


def prior_region_name(region_id: str, *, kind: str = "organ") -> str:
    """Region of a prior that a protocol's region id stands for; ``other`` where the table knows none.

    Examples
    --------
    >>> prior_region_name("kidney_left"), prior_region_name("thyroid"), prior_region_name("met_3", kind="lesion")
    ('kidneys', 'other', 'lesion')
    """
    if kind == LESION:
        return LESION
    for row in population_table("region_names"):
        if fnmatchcase(region_id.casefold(), row.text("pattern")):
            return row.text("region")
    return OTHER


def prior_name_for(vector: str) -> tuple[str, str]:
    """Name of the prior for a product's vector where the protocol names none, and why.

    Examples
    --------
    >>> prior_name_for("trastuzumab, intact IgG1 antibody")[0], prior_name_for("small molecule")[0]
    ('trastuzumab_igg', 'unspecific')
    """
    for row in population_table("vectors"):
        if fnmatchcase(vector.casefold(), row.text("pattern")):
            return row.text("prior"), row.text("why")
    raise InputError(f"no prior is shipped for the vector {vector!r}; name one in dosimetry.population_prior")


def reference_mass_g(region: str, sex: str) -> float | None:
    """Reference mass [g] of a region of the protocol; None where the table has none.

    Parameters
    ----------
    sex
        ``female``, ``male``, or anything else for the mean of both.

    References
    ----------
    ICRP Publication 89. Basic anatomical and physiological data. Ann. ICRP 32(3-4), 2002.

    Examples
    --------
    >>> reference_mass_g("liver", "female"), reference_mass_g("liver", "all"), reference_mass_g("thumb", "male")
    (1400.0, 1600.0, None)
    """
    row = population_table("reference_masses").by("region").get(region)
    if row is None:
        return None
    female, male = row.number("adult_female"), row.number("adult_male")
    return {"female": female, "male": male}.get(sex, (female + male) / 2)
