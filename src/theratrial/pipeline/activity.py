"""From calibrator readings to the activity that was administered; made in `theratrial.trialfolder.net_activity`."""

from theratrial.trialfolder.net_activity import METHOD, VERSION, decayed_MBq, net_administered_activity

__all__ = ["METHOD", "VERSION", "decayed_MBq", "net_administered_activity"]
