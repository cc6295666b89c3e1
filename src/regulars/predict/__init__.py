"""Predictions learnt from the shop's own orders."""
