"""What a sample shop is made from: the options, checked once, and the random streams that follow from them."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from regulars.errors import UsageError
from regulars.load.landing import TABLES

FORMATS = ("csv", "parquet")
TABLE_NAMES = tuple(table.name for table in TABLES)
CHUNK_SIZE = 20_000
"""Customers made at a time. It is part of what decides the content: another size gives another shop."""

MAX_CUSTOMERS = 100_000_000
MAX_YEARS = 30
MAX_LINES_PER_ORDER = 50.0
MAX_SEED = 2**63 - 1
EARLIEST_START = date(1990, 1, 1)
LATEST_END = date(2099, 12, 31)

STREAMS = {
    "catalogue": 0,
    "rates": 1,
    "spend": 2,
    "people": 3,
    "orders": 4,
    "lines": 5,
    "guests": 6,
    "email": 7,
    "web": 8,
    "refunds": 9,
}
"""Every table draws from its own stream, so leaving one out (``--only``) does not change another."""


@dataclass(frozen=True)
class ShopSettings:
    """The options that decide the content of a shop.

    ``start_on`` and ``end_on`` are the first and the last day with orders, both included.
    """

    customer_count: int = 2000
    seed: int = 7
    start_on: date = date(2023, 1, 1)
    end_on: date = date(2025, 12, 31)
    lines_per_order: float = 2.4
    is_dirty: bool = True
    file_format: str = "csv"
    only: tuple[str, ...] = TABLE_NAMES
    chunk_size: int = CHUNK_SIZE

    def __post_init__(self) -> None:
        """Refuse what cannot be made, in the words of the command line."""
        if not 0 <= self.customer_count <= MAX_CUSTOMERS:
            raise UsageError(f"--customers {self.customer_count}: expected a number from 0 to {MAX_CUSTOMERS:,}")
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"--seed {self.seed}: expected a whole number from 0 to {MAX_SEED}")
        if self.end_on < self.start_on:
            raise UsageError(
                f"--end {self.end_on} lies before --start {self.start_on}; expected the same day or a later one"
            )
        if self.start_on < EARLIEST_START or self.end_on > LATEST_END:
            raise UsageError(
                f"--start {self.start_on} --end {self.end_on}: expected days from {EARLIEST_START} to {LATEST_END}"
            )
        if self.day_count > MAX_YEARS * 366:
            raise UsageError(f"--start {self.start_on} --end {self.end_on}: expected at most {MAX_YEARS} years")
        if not 1 <= self.lines_per_order <= MAX_LINES_PER_ORDER:
            raise UsageError(
                f"--lines-per-order {self.lines_per_order}: expected a number from 1 to {MAX_LINES_PER_ORDER:g}"
            )
        if self.file_format not in FORMATS:
            raise UsageError(f"--format {self.file_format}: unknown; expected {' or '.join(FORMATS)}")
        unknown = [name for name in self.only if name not in TABLE_NAMES]
        if unknown:
            raise UsageError(f"--only {','.join(unknown)}: unknown; expected names from {', '.join(TABLE_NAMES)}")
        if not self.only:
            raise UsageError(f"--only: expected at least one of {', '.join(TABLE_NAMES)}")

    @property
    def day_count(self) -> int:
        """Days from the first to the last, both included."""
        return (self.end_on - self.start_on).days + 1

    @property
    def first_day(self) -> int:
        """The first day as days since 1970."""
        return (self.start_on - date(1970, 1, 1)).days

    @property
    def chunk_count(self) -> int:
        """How many chunks hold the customers."""
        return -(-self.customer_count // self.chunk_size)

    def people_in(self, chunk: int) -> int:
        """How many customers a chunk holds."""
        return min(self.chunk_size, self.customer_count - chunk * self.chunk_size)

    def generator(self, stream: str, chunk: int = 0) -> np.random.Generator:
        """The random numbers of one stream and chunk: independent of every other, whoever computes them and when."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(STREAMS[stream], chunk))
        return np.random.Generator(np.random.Philox(sequence))
