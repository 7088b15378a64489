"""The functions behind the public names of `ifspace`; import them from there."""
