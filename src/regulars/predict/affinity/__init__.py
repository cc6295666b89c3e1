"""Interested in: which product, category or brand a customer buys next, and who buys a given one."""

from regulars.predict.affinity.audience import AudienceModel, audience_size, fit_audience
from regulars.predict.affinity.model import SCHEMA, AffinityModel, evaluate, fit, score
from regulars.predict.affinity.neighbours import Neighbours, item_neighbours
from regulars.predict.affinity.snapshot import Snapshot, from_tables

__all__ = [
    "SCHEMA",
    "AffinityModel",
    "AudienceModel",
    "Neighbours",
    "Snapshot",
    "audience_size",
    "evaluate",
    "fit",
    "fit_audience",
    "from_tables",
    "item_neighbours",
    "score",
]
