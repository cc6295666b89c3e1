"""A whole shop: chunk after chunk, in order, in bounded memory."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from regulars.sample.catalogue import Catalogue, catalogue_of
from regulars.sample.days import exchange_rates_of, marketing_spend_of
from regulars.sample.dirt import dirty_rows_of
from regulars.sample.email_events import email_events_of
from regulars.sample.folder import (
    TRUTH_FOLDER,
    TRUTH_SHOP_FILE,
    TRUTH_TABLE_FILE,
    TableFile,
    shop_folder,
    write_json,
)
from regulars.sample.orders import sales_of
from regulars.sample.people import ROLES, people_of
from regulars.sample.seasons import Seasons, seasons_of
from regulars.sample.settings import ShopSettings
from regulars.sample.truth import SCHEMA as TRUTH_SCHEMA
from regulars.sample.truth import shop_truth_of, truth_of
from regulars.sample.web_events import web_events_of


@dataclass(frozen=True)
class Chunk:
    """The rows that one chunk of people adds to the shop."""

    tables: dict[str, pa.Table]
    truth: pa.Table
    counts: Counter[str]


@dataclass(frozen=True)
class Summary:
    """What was written."""

    rows: dict[str, int]
    """By table, with the rows that a load must refuse."""
    rejected: dict[str, dict[str, int]]
    """Rows that a load must refuse, by table and reason."""
    counts: dict[str, int]
    """What is in the shop: people by role, guest orders and the like."""


def chunk_of(settings: ShopSettings, seasons: Seasons, catalogue: Catalogue, number: int) -> Chunk:
    """Make one chunk; it depends on nothing but its arguments."""
    people, customers = people_of(settings, seasons, number)
    sales = sales_of(settings, seasons, catalogue, people, number)
    tables = {
        "customers": customers,
        "orders": sales.order_table,
        "order_lines": sales.line_table,
        "refunds": sales.refund_table,
    }
    if "email_events" in settings.only:
        tables["email_events"] = email_events_of(settings, people, sales.orders, number)
    if "web_events" in settings.only:
        tables["web_events"] = web_events_of(settings, catalogue, people, sales.orders, number)
    truth = truth_of(settings, seasons, catalogue, people, sales)
    counts: Counter[str] = Counter()
    for role, name in enumerate(ROLES):
        counts[f"people_{name}"] = int((people.role == role).sum())
    counts["people_with_second_account"] = len(truth) - truth["second_customer_id"].null_count
    counts["people_without_id"] = truth["customer_id"].null_count
    counts["guest_orders"] = int((sales.orders.person < 0).sum())
    return Chunk({name: table for name, table in tables.items() if name in settings.only}, truth, counts)


def chunks_of(settings: ShopSettings, seasons: Seasons, catalogue: Catalogue, threads: int) -> Iterator[Chunk]:
    """Every chunk in order; at most ``threads`` + 1 of them exist at a time."""
    numbers = range(settings.chunk_count)
    if threads <= 1:
        yield from (chunk_of(settings, seasons, catalogue, number) for number in numbers)
        return
    waiting: deque[Future[Chunk]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for number in numbers:
                waiting.append(pool.submit(chunk_of, settings, seasons, catalogue, number))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def write_shop(
    settings: ShopSettings,
    target: Path,
    *,
    overwrite: bool = False,
    threads: int = 2,
    on_progress: Callable[[int], None] | None = None,
) -> Summary:
    """Write a shop into a folder, which appears complete or not at all.

    The same settings give the same bytes, whatever ``threads`` (chunks made at the same time). ``overwrite`` replaces a
    sample shop that is there already. ``on_progress`` is called with the number of customers of each chunk written.

    Raises
    ------
    UsageError: the folder is not empty, or cannot be written.
    """
    with shop_folder(target, overwrite=overwrite) as folder:
        truth_folder = folder / TRUTH_FOLDER
        truth_folder.mkdir()
        seasons = seasons_of(settings)
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(closing(TableFile(folder, name, settings.file_format)))
                for name in settings.only
            }
            truth_file = stack.enter_context(
                pq.ParquetWriter(truth_folder / TRUTH_TABLE_FILE, TRUTH_SCHEMA, compression="zstd")
            )
            rejected: dict[str, Counter[str]] = {name: Counter() for name in settings.only}
            counts: Counter[str] = Counter()

            def add(name: str, table: pa.Table, number: int) -> None:
                files[name].write(table)
                if settings.is_dirty:
                    dirty = dirty_rows_of(settings, name, table, number)
                    for rows in dirty.tables:
                        files[name].write(rows)
                    rejected[name].update(dirty.counts)

            if settings.customer_count:
                catalogue = catalogue_of(settings)
                for name, table in (
                    ("products", catalogue.table),
                    ("marketing_spend", marketing_spend_of(settings, seasons)),
                    ("exchange_rates", exchange_rates_of(settings)),
                ):
                    if name in files:
                        add(name, table, 0)
                for number, chunk in enumerate(chunks_of(settings, seasons, catalogue, threads)):
                    for name, table in chunk.tables.items():
                        add(name, table, number)
                    truth_file.write_table(chunk.truth)
                    counts.update(chunk.counts)
                    if on_progress is not None:
                        on_progress(settings.people_in(number))
        summary = Summary(
            rows={name: file.row_count for name, file in files.items()},
            rejected={name: dict(reasons) for name, reasons in rejected.items() if reasons},
            counts=dict(counts),
        )
        truth = shop_truth_of(settings, seasons)
        truth |= {"rows": summary.rows, "rows_to_reject": summary.rejected, "counts": summary.counts}
        write_json(truth_folder / TRUTH_SHOP_FILE, truth)
    return summary
