"""A cohort as a BIDS dataset: file names, raw data and derivatives."""
