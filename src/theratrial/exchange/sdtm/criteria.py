"""TI and IE: the protocol's criteria, and those that a participant did not meet (SDTMIG 3.4, 7.4 and 6.3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from theratrial.exchange.datasets.values import ASSIGNED, DERIVED, Dataset, Method, dataset
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.judged import judged_at
from theratrial.exchange.sdtm.observations import MAXIMUM_TEXT, SUBJECT, Record, observations, with_terms
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.exchange.sdtm.variables import SDTMIG, standard_variables
from theratrial.protocol.schema import Protocol

_NOT_MET: Final = Method(
    "IERESULT",
    "Criterion not met",
    "N for an inclusion criterion that is not met, Y for an exclusion criterion that applies, as computed from the "
    "records by the protocol's condition. A criterion that cannot be judged has no line: it is not known to be unmet.",
)

_JUDGED: Final = Method(
    "IEDTC",
    "When a criterion was found not met",
    "The moment of the newest record that the criterion was judged by (of a selection image: when it was read); the "
    "day of screening where that is later, as for a therapy of earlier years.",
)


@dataclass(frozen=True, slots=True)
class NumberedCriterion:
    """A criterion under the code that TI and IE give it."""

    id: str
    code: str
    text: str
    category: str
    rule: str


def numbered_criteria(protocol: Protocol) -> tuple[NumberedCriterion, ...]:
    """The protocol's criteria in its order: INCL01, INCL02 ..., EXCL01 ..."""
    counts = {"inclusion": 0, "exclusion": 0}
    found = []
    for criterion_id, clause in protocol.eligibility.items():
        if (reading := clause.reading) is None:
            continue
        counts[reading.kind] += 1
        code = f"{'INCL' if reading.kind == 'inclusion' else 'EXCL'}{counts[reading.kind]:02d}"
        said = ascii_text(" ".join(sentence.text for sentence in clause.verbatim) or reading.title)
        # A text longer than a transport file takes is not cut: the title says what it is about.
        text = said if len(said) <= MAXIMUM_TEXT else ascii_text(reading.title)
        rule = ascii_text(reading.condition)
        found.append(
            NumberedCriterion(criterion_id, code, text, reading.kind.upper(), rule if len(rule) <= MAXIMUM_TEXT else "")
        )
    return tuple(found)


def ti(context: SdtmContext) -> tuple[Dataset, ...]:
    """Trial inclusion and exclusion criteria."""
    records = [
        {
            "STUDYID": context.study_id,
            "DOMAIN": "TI",
            "IETESTCD": one.code,
            "IETEST": one.text,
            "IECAT": one.category,
            "TIRL": one.rule or None,
            "TIVERS": ascii_text(context.result.protocol_version)[:MAXIMUM_TEXT],
        }
        for one in numbered_criteria(context.protocol)
    ]
    variables = standard_variables("TI", ("TIRL", "TIVERS"))
    return (
        dataset(
            "TI",
            "Trial Inclusion/Exclusion Criteria",
            with_terms("TI", variables, records),
            records,
            keys=("STUDYID", "IETESTCD"),
            structure="One record per I/E criterion",
            class_name="TRIAL DESIGN",
            standard=SDTMIG,
            reference_data=True,
        ),
    )


def ie(context: SdtmContext) -> tuple[Dataset, ...]:
    """Criteria not met: nothing else belongs here, the whole checklist is in the records."""
    return observations(
        context,
        "IE",
        "Inclusion/Exclusion Criteria Not Met",
        "IETESTCD IETEST IECAT IEORRES IESTRESC EPOCH IEDTC IEDY",
        _unmet(context),
        keys="IETESTCD",
        structure="One record per inclusion/exclusion criterion not met per subject",
        changes={
            "IEORRES": {"origin": DERIVED, "method": _NOT_MET},
            "IESTRESC": {"origin": DERIVED, "method": _NOT_MET},
            "IECAT": {"origin": ASSIGNED},
            "IEDTC": {"origin": DERIVED, "method": _JUDGED},
        },
    )


def _unmet(context: SdtmContext) -> Iterator[Record]:
    known = {one.id: one for one in numbered_criteria(context.protocol)}
    for subject in context.subjects:
        judged = subject.result.eligibility.criteria if subject.result is not None else ()
        for one in judged:
            if one.truth != "not met" or one.criterion_id not in known:
                continue
            criterion = known[one.criterion_id]
            answer = "N" if criterion.category == "INCLUSION" else "Y"
            yield {
                SUBJECT: subject,
                "IETESTCD": criterion.code,
                "IETEST": criterion.text,
                "IECAT": criterion.category,
                "IEORRES": answer,
                "IESTRESC": answer,
                "IEDTC": judged_at(context, subject, one),
            }
