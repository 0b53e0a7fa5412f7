"""The protocol as USDM 4.0 (CDISC/TransCelerate Digital Data Flow), out and back in."""

from theratrial.exchange.usdm.read import read_usdm
from theratrial.exchange.usdm.write import usdm_json, usdm_wrapper

__all__ = ["read_usdm", "usdm_json", "usdm_wrapper"]
