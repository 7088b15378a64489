"""The same cohort in the words of BIDS: names, derivatives, and the levels of a BIDS app."""
