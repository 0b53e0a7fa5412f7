"""A protocol travels to worker processes."""

from __future__ import annotations

import pickle

from theratrial.protocol.reader import shipped_protocol


def test_a_protocol_sent_to_a_worker_arrives_equal() -> None:
    protocol = shipped_protocol("IRCT20210612051548N3")
    assert pickle.loads(pickle.dumps(protocol)) == protocol
