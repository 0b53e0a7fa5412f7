"""From counts to activity: planar conjugate views, SPECT with recovery, hybrid, and the regions they are measured in.

The room between `imaging` (which reads) and `dosimetry` (which integrates): it answers one question, how much activity
was in this region at the time of this scan, and how well that is known. Its modules are imported by name.
"""
