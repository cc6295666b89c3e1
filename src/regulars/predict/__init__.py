"""Predictions from a shop's own order history: who buys, when, what, and for how much."""
