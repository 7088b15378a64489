"""The one sentence that README, window, PDF and SR share."""

NOTICE = (
    "For research and for assistance to a qualified reader; not a medical device. "
    "Distances and published values are shown; no diagnosis is made."
)
