"""What a Python model needs of an engine: a capped sample of a relation, its rows in batches, and rows to give back."""

from regulars.runtime.relations import from_parts, map_batches, rows, sample, table

__all__ = ["from_parts", "map_batches", "rows", "sample", "table"]
