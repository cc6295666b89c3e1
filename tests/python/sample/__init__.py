"""Tests of `regulars sample`."""
