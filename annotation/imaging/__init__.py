"""Pixels and geometry without Django: parse, decode, window, render, convert, synthesise.

Axis order of volumes is (z, y, x); positions are patient coordinates, LPS, in millimetres.
"""
