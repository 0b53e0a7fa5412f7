"""Before which injections a negative pregnancy test is needed: the one reading of the protocol that all rooms share."""

from __future__ import annotations

from theratrial.protocol.schema import Protocol


def pregnancy_test_needed(protocol: Protocol, product_id: str, sex: str | None) -> bool:
    """Whether a pregnancy test must be negative, or recorded as not applicable, before an injection of a product.

    ``safety_gate.pregnancy_test_before`` names the roles of products that need one. While that clause or the product
    is open nobody has decided that none is needed, so one is.
    """
    if sex == "male":
        return False
    gate = protocol.safety_gate.reading
    clause = protocol.products.get(product_id)
    if gate is None:
        return True
    if not gate.pregnancy_test_required:
        return False
    return clause is None or clause.reading is None or clause.reading.role in gate.pregnancy_test_before
