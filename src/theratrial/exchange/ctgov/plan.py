"""The sharing plan and the links of a study."""

from __future__ import annotations

from typing import Any

from theratrial.exchange.ctgov.parsed import Node
from theratrial.exchange.ctgov.prose import SHARING_ACCESS, SHARING_DESCRIPTION
from theratrial.exchange.ctgov.vocabulary import coded_of
from theratrial.exchange.ctgov.write import INFO_TYPES, PROTOCOL_LINK, RESULTS_LINK


def read_sharing(module: Node) -> dict[str, Any]:
    """The plan; of documents only those that will be shared are known."""
    found: dict[str, Any] = {"when": module["timeFrame"].text()}
    plan = coded_of("sharing", module["ipdSharing"].words)
    if plan is not None:
        module["ipdSharing"].take()
        found["individual_participant_data"] = plan
    for one in module["infoTypes"].entries():
        if one.words in INFO_TYPES:
            one.take()
            found[INFO_TYPES[one.words]] = "yes"
    if description := module["description"].text():
        found |= SHARING_DESCRIPTION.read(description)
    if access := module["accessCriteria"].text():
        found |= SHARING_ACCESS.read(access)
    if not found.get("where"):
        found["where"] = module["url"].text()
    return found


def read_links(module: Node) -> dict[str, Any]:
    """Links that our own export labels; others have no place."""
    urls: list[str] = []
    protocol = ""
    for one in module["seeAlsoLinks"].entries():
        label, url = one["label"].words, one["url"].words
        if label == RESULTS_LINK and url:
            urls.append(url)
        elif label == PROTOCOL_LINK and url and not protocol:
            protocol = url
        else:
            continue
        one["label"].take()
        one["url"].take()
    return {"urls": urls, "protocol_url": protocol}
