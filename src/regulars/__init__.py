"""Regulars: a shop's raw orders become customer segments, inside the shop's own warehouse."""

from importlib.metadata import version

__version__ = version("regulars")
