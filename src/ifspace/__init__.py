"""Measure the ischiofemoral and the quadratus femoris space on MRI."""

__version__ = "0.1.0"
