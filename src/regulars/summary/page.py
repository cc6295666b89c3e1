"""The summary as a person reads it in a terminal."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import typer

from regulars.summary.report import NO_CURRENCY, Partition, Summary
from regulars.summary.words import counted, money

LABEL_WIDTH = 27
BAR_WIDTH = 16
FALLBACK_WIDTH = (100, 24)


def print_summary(found: Summary, database: Path) -> None:
    """Print the summary of a build."""
    for line in _lines(found, database):
        typer.echo(line)


def _lines(found: Summary, database: Path) -> Iterator[str]:
    yield ""
    if found.is_empty:
        yield from _nothing(found)
        yield from _unused(found)
        return
    yield _bold(f"Your shop as of {found.as_of_date}")
    yield from _totals(found)
    yield ""
    if not found.customer_count:
        yield "There are no customers yet, so there are no segments to show."
        yield ""
    else:
        yield from _tables(found)
        if found.suggestions:
            yield _bold("What to look at next")
            yield from (f"  - {suggestion}" for suggestion in found.suggestions)
            yield ""
    if found.missing_inputs:
        yield _bold("Not known, because there are")
        yield from (f"  - {missing.words}: {missing.absent_without}" for missing in found.missing_inputs)
        yield ""
    yield from _notes(found)
    yield f"Everything is in {database}; the table to query is marts.customer_segments."
    if found.customer_count:
        yield "Why is a customer where she is? regulars explain CUSTOMER_ID"


def _nothing(found: Summary) -> Iterator[str]:
    if found.is_dated:
        yield f"Nothing had happened in this shop before {found.as_of_date}: no orders, no customers."
        yield "Choose a later day with the var as_of_date, or leave it out for the newest: dbt build"
    else:
        yield "There is nothing in this shop yet: the newest build found no orders, no customers and no events."
        yield "Load its files and build again: regulars load FILES, then dbt build, then regulars summary"


def _totals(found: Summary) -> Iterator[str]:
    currency = found.currency_code
    customers = counted(found.customer_count, "customer")
    if not found.placed_order_count:
        yield f"{customers} and no orders yet, so nobody has bought."
    elif not found.order_with_lines_count:
        none = "without a line" if found.placed_order_count == 1 else "none of them with a line"
        yield f"{customers}; {counted(found.placed_order_count, 'order')}, {none}, so nobody has bought."
        yield "The lines say what was bought and for how much: regulars load order_lines.csv, then dbt build"
    else:
        yield (
            f"{customers}{_buyers(found)}; "
            f"{counted(found.order_count, 'order')}, {money(found.net_revenue_amount, currency)} net."
        )
    if found.guest_order_count:
        amount = money(found.guest_revenue_amount, currency)
        if found.guest_order_count == found.order_count:
            came = "The order came from a guest" if found.order_count == 1 else "All orders came from guests"
        else:
            whom = "a guest" if found.guest_order_count == 1 else "guests"
            came = f"{found.guest_order_count:,} of the orders ({amount}) came from {whom}"
        counts = "it counts" if found.guest_order_count == 1 else "they count"
        yield f"{came}; {counts} for the shop and for no customer."
    if found.average_order_amount is not None:
        average = f"An average order is {found.average_order_amount:,.2f} {currency}; "
        if found.gap_count:
            days = "1 day" if found.typical_gap_days == 1 else f"{found.typical_gap_days:g} days"
            yield f"{average}between two orders a customer usually waits {days}."
        else:
            yield (
                f"{average}no customer has ordered on two days yet, "
                f"so {found.typical_gap_days:g} days between two orders are taken as usual."
            )


def _buyers(found: Summary) -> str:
    if found.customer_count == 0:
        return ""
    if found.customer_count == 1:
        return ", who has bought" if found.buyer_count else ", who has not bought"
    buyers = f"{found.buyer_count:,}" if found.buyer_count else "none"
    return f", {buyers} of them {'have' if found.buyer_count > 1 else 'has'} bought"


def _tables(found: Summary) -> Iterator[str]:
    labels = [segment.label for partition in found.partitions for segment in partition.segments]
    label_width = max(LABEL_WIDTH, *map(len, labels), *(len(segment.label) for segment in found.ad_segments))
    for partition in found.partitions:
        yield from _table(partition, found.currency_code, label_width)
        yield ""
    if found.ad_segments:
        yield _dim("Ad segments (a customer may be in many)")
        yield from (f"  {segment.label:<{label_width}}{segment.customer_count:>9,}" for segment in found.ad_segments)
        yield ""


def _table(partition: Partition, currency: str, label_width: int) -> Iterator[str]:
    revenue_title = "revenue" if currency == NO_CURRENCY else f"revenue {currency}"
    revenues = [f"{round(segment.net_revenue_amount):,}" for segment in partition.segments]
    revenue_width = max(map(len, [revenue_title, *revenues]))
    fixed = label_width + len("customers") + revenue_width + len("of revenue") + 4 * 2
    bar_width = max(0, min(BAR_WIDTH, shutil.get_terminal_size(FALLBACK_WIDTH).columns - fixed))

    def row(label: str, customers: str, bar: str, revenue: str, share: str) -> str:
        return f"{label}  {customers:>9}  {bar:<{bar_width}}  {revenue:>{revenue_width}}  {share:>10}"

    yield _dim(row(f"{partition.title:<{label_width}}", "customers", "", revenue_title, "of revenue"))
    for segment, revenue in zip(partition.segments, revenues, strict=True):
        bar = "▇" * max(1, round(segment.customer_share * bar_width)) if bar_width else ""
        label = _bold(f"{segment.label:<{label_width}}")
        yield row(label, f"{segment.customer_count:,}", bar, revenue, f"{segment.revenue_share:.0%}")


def _notes(found: Summary) -> Iterator[str]:
    notes = [f"{count:,} {code.replace('_', ' ')}" for code, count in found.excluded_orders.items()]
    if notes:
        yield f"Orders that are no purchase: {', '.join(notes)} (marts.fct_orders.order_validity)."
    if found.unmatched_return_count:
        amount = money(found.unmatched_return_amount, found.currency_code)
        if found.unmatched_return_count == 1:
            yield f"1 of them is a return without the sale it takes back ({amount}); it is in no customer's revenue."
        else:
            yield (
                f"{found.unmatched_return_count:,} of them are returns without the sale they take back ({amount}); "
                "they are in no customer's revenue."
            )
    if "no_exchange_rate" in found.excluded_orders:
        yield "Load exchange_rates for the days of orders without one; until then their money counts nowhere."
    yield from _unused(found)


def _unused(found: Summary) -> Iterator[str]:
    if found.rejected_row_count:
        were = "was" if found.rejected_row_count == 1 else "were"
        yield (
            f"{counted(found.rejected_row_count, 'row')} {were} rejected by loads so far "
            "(raw.rejected_rows says why, also of rows put right since)."
        )


def _bold(text: str) -> str:
    return typer.style(text, bold=True)


def _dim(text: str) -> str:
    return typer.style(text, dim=True)
