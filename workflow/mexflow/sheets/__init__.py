"""Contact sheets of the datasets. Imports nothing: the plan asks what they show."""

RESIDUALS = ("ars", "rrs")
"""The residual images that a contact sheet shows."""

PAIR = "onset-apex"
"""The pair of frames whose flow it shows."""
