"""TA, TE and TV: what the protocol plans, generated from it (SDTMIG 3.4, 7.2 and 7.3)."""

from __future__ import annotations

from theratrial.exchange.datasets.values import Dataset, Value, dataset
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.observations import with_terms
from theratrial.exchange.sdtm.study import arm_of
from theratrial.exchange.sdtm.variables import SDTMIG, standard_variables


def ta(context: SdtmContext) -> tuple[Dataset, ...]:
    """Trial arms: the elements of the arm in their order."""
    code, title = arm_of(context.protocol)
    records = [
        {
            "STUDYID": context.study_id,
            "DOMAIN": "TA",
            "ARMCD": code,
            "ARM": title,
            "TAETORD": one.order,
            "ETCD": one.code,
            "ELEMENT": one.title,
            "TABRANCH": one.branch or None,
            "TATRANS": one.transition or None,
            "EPOCH": one.epoch,
        }
        for one in context.elements
    ]
    variables = standard_variables("TA", ("ELEMENT",))
    return (
        dataset(
            "TA",
            "Trial Arms",
            with_terms("TA", variables, records),
            records,
            keys=("STUDYID", "ARMCD", "TAETORD"),
            structure="One record per planned element per arm",
            class_name="TRIAL DESIGN",
            standard=SDTMIG,
            reference_data=True,
        ),
    )


def te(context: SdtmContext) -> tuple[Dataset, ...]:
    """Trial elements: when each begins and ends."""
    records = [
        {
            "STUDYID": context.study_id,
            "DOMAIN": "TE",
            "ETCD": one.code,
            "ELEMENT": one.title,
            "TESTRL": one.starts,
            "TEENRL": one.ends or None,
        }
        for one in context.elements
    ]
    return (
        dataset(
            "TE",
            "Trial Elements",
            standard_variables("TE", ("TEENRL",)),
            records,
            keys=("STUDYID", "ETCD"),
            structure="One record per planned element",
            class_name="TRIAL DESIGN",
            standard=SDTMIG,
            reference_data=True,
        ),
    )


def tv(context: SdtmContext) -> tuple[Dataset, ...]:
    """Trial visits: every visit of the plan with its rule; none has a fixed day."""
    records: list[dict[str, Value]] = [
        {
            "STUDYID": context.study_id,
            "DOMAIN": "TV",
            "VISITNUM": one.number,
            "VISIT": one.name,
            "TVSTRL": one.starts,
        }
        for one in context.visits
    ]
    return (
        dataset(
            "TV",
            "Trial Visits",
            standard_variables("TV", ("VISIT",)),
            records,
            keys=("STUDYID", "VISITNUM"),
            structure="One record per planned visit per arm",
            class_name="TRIAL DESIGN",
            standard=SDTMIG,
            reference_data=True,
        ),
    )
