"""All domains, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.sdtm.adverse import ae
from theratrial.exchange.sdtm.comments import with_comments
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.criteria import ie, ti
from theratrial.exchange.sdtm.design import ta, te, tv
from theratrial.exchange.sdtm.deviations import dv
from theratrial.exchange.sdtm.disposition import ds
from theratrial.exchange.sdtm.dm import dm
from theratrial.exchange.sdtm.dosimetry import xd
from theratrial.exchange.sdtm.exposure import ag, ec, ex
from theratrial.exchange.sdtm.image_reads import fa
from theratrial.exchange.sdtm.laboratory import lb
from theratrial.exchange.sdtm.lesions import tu
from theratrial.exchange.sdtm.measures import tr
from theratrial.exchange.sdtm.medications import cm
from theratrial.exchange.sdtm.procedures import pr
from theratrial.exchange.sdtm.relations import relrec
from theratrial.exchange.sdtm.responses import rs
from theratrial.exchange.sdtm.subject_status import ss
from theratrial.exchange.sdtm.summary import ts
from theratrial.exchange.sdtm.visits import se, sv
from theratrial.exchange.sdtm.vitals import vs
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder

Domain = Callable[[SdtmContext], tuple[Dataset, ...]]

DOMAINS: Final[Mapping[str, Domain]] = {
    "TA": ta,
    "TE": te,
    "TV": tv,
    "TI": ti,
    "TS": ts,
    "DM": dm,
    "SE": se,
    "SV": sv,
    "AG": ag,
    "CM": cm,
    "EC": ec,
    "EX": ex,
    "PR": pr,
    "AE": ae,
    "DS": ds,
    "DV": dv,
    "FA": fa,
    "IE": ie,
    "LB": lb,
    "RS": rs,
    "SS": ss,
    "TR": tr,
    "TU": tu,
    "VS": vs,
    "XD": xd,
}
"""Domain -> the function that makes its data sets: the domain, its SUPP--, or none where it has no record."""


def sdtm_datasets(folder: TrialFolder, result: TrialResult) -> tuple[Dataset, ...]:
    """Every data set that the trial fills, supplemental ones behind their domains."""
    return datasets_of(SdtmContext(folder, result))


def datasets_of(context: SdtmContext) -> tuple[Dataset, ...]:
    """The same of a context, which knows who is left out."""
    made = with_comments([one for domain in DOMAINS.values() for one in domain(context)], context.study_id)
    return (*made, *relrec(made, context.study_id))
