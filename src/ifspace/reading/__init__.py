"""A reading by a person: its state, every edit, undo, log, blinding and the order of the steps.

Needs neither a window nor napari. :class:`ifspace.reading.controller.ReadingController` takes every
command; windows show what it holds.
"""
