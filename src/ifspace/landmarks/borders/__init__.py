"""Borders of bone and tendon in one slice: what the packages beside this one share.

Everything here works on the raster of :mod:`ifspace.image`, in mm, and decides nothing: signals
of the tissues, the stack of slices, lines and areas, rays and surfaces of the cortex, edges below
the pixel, the gap between two edges and the tendons that narrow it.
"""
