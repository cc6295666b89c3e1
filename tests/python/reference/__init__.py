"""The segment rules a second time, in pandas, written from the specification and never from the project's SQL.

Two computations that share no code and give the same table are each other's best test. ``compute`` reads the landing
tables of a DuckDB file and returns the frames; ``assert_agrees`` holds them against the marts of a built warehouse.

Amounts are whole numbers of 1/10,000 of the currency (``TICKS_PER_UNIT``), so money is exact on this side too; every
column whose name ends in ``_amount`` is in these ticks. Days are whole numbers since 1970-01-01 inside, dates outside.
"""

from .agreement import assert_agrees, differences
from .computation import compute
from .money import TICKS_PER_UNIT
from .rules import Rules

__all__ = ["TICKS_PER_UNIT", "Rules", "assert_agrees", "compute", "differences"]
