"""Audiences as a person reads them in a terminal."""

import shutil
import textwrap
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import typer

from regulars.audiences.experiments import CONCLUSIONS, Difference, doubts, reading, said
from regulars.audiences.overview import Audience, Row, family_of
from regulars.summary.words import counted, money

UNLIMITED = (10_000, 24)
"""Where no terminal is: what is piped is not cut."""
LEAST_LABEL = 12
UNKNOWN = "–"
MANY = 10_000_000

FIGURES = ("customers", "share", "revenue", "buyers", "worth", "change")


def list_lines(rows: list[Row], database: Path, newest_look: date | None) -> Iterator[str]:
    """The table of all audiences."""
    if not rows:
        yield "There are no audiences yet; write one: regulars audience new NAME"
        return
    yield ""
    yield _bold(f"Audiences as of {rows[0]['as_of_date']}")
    yield from _past_day(rows[0]["as_of_date"], newest_look)
    yield f"revenue: so far, in {rows[0]['currency_code']}. buyers, worth: expected within the next 90 days."
    yield ""
    figures = [_figures(row) for row in rows]
    sizes = [max(map(len, column)) for column in zip(FIGURES, *figures, strict=True)]
    shown = [_short(row["audience"]) for row in rows]
    room = shutil.get_terminal_size(UNLIMITED).columns - sum(size + 2 for size in sizes)
    name_width = min(max(map(len, [*shown, "audience"])), max(LEAST_LABEL, room))
    label_width = min(room - name_width - 2, max(len(row["label"]) for row in rows))

    def line(name: str, label: str, values: tuple[str, ...]) -> str:
        words = f"  {label:<{label_width}}" if label_width >= LEAST_LABEL else ""
        return name + words + "".join(f"  {value:>{size}}" for value, size in zip(values, sizes, strict=True))

    yield _dim(line(f"{'audience':<{name_width}}", "label", FIGURES))
    family = None
    for row, short, values in zip(rows, shown, figures, strict=True):
        if family_of(row["audience"]) != family:
            family = family_of(row["audience"])
            yield _dim(f"{family}:")
        label, *rest = textwrap.wrap(row["label"], max(label_width, LEAST_LABEL)) or [""]
        yield line(_bold(f"{cut(short, name_width):<{name_width}}"), label, values)
        if label_width >= LEAST_LABEL:
            yield from (f"{'':<{name_width}}  {more}" for more in rest)
    yield ""
    if empty := [row["audience"] for row in rows if not row["customer_count"]]:
        yield f"Nobody is in {', '.join(empty)}; what to check: regulars audience show {empty[0]}"
    yield "share: of all customers. change: came minus went since the look before (– where there was none)."
    yield f"Everything is in {database}; the table to query is marts.audience_overview."
    yield "Who is in one, and why? regulars audience show AUDIENCE"


def show_lines(found: Audience) -> Iterator[str]:
    """One audience in full."""
    row = found.figures
    currency = row["currency_code"]
    yield f"{_bold(row['label'])}  {row['audience']}, as of {row['as_of_date']}"
    yield from _past_day(row["as_of_date"], found.newest_look)
    yield row["purpose"]
    for word in ("advice", "owner", "channel", "priority", "destinations"):
        if row[word] is not None:
            yield f"{word.capitalize()}: {row[word]}"
    yield f"Rule: {found.file} (hash {row['definition_hash']})"
    yield ""
    if not row["customer_count"]:
        yield (
            "Nobody is in it. Read the rule: does a block find nobody, or nobody who is in the others too? Count each "
            "alone:"
        )
        yield "  dbt show --inline \"select count(*) from {{ importance('vip') }} as who\""
        yield "What the shop brought no input for, dbt build says at its end."
    growth = "" if row["growth_count"] is None else f", {signed(row['growth_count'])} since {row['previous_look_on']}"
    yield f"{_customers(row['customer_count'])}, {share(row['customer_share'])} of all{growth}"
    yield f"  {counted(row['email_consent_count'], 'customer')} may get e-mail"
    yield (
        f"  {money(row['net_revenue_amount'], currency)} net so far, {share(row['net_revenue_share'])} of the shop's; "
        f"{amount(row['average_order_amount'])} an order, {figure(row['orders_per_year'])} orders a year, "
        f"{share(row['lost_share'])} of its buyers lost"
    )
    for days in (30, 90):
        yield (
            f"  next {days} days: {figure(row[f'expected_buyers_{days}d'])} buyers expected, "
            f"worth {amount(row[f'potential_revenue_{days}d'])} {currency}"
        )
    yield f"  lifetime value: {amount(row['customer_lifetime_value'])} {currency}"
    yield f"  arms: {', '.join(f'{count:,} {arm}' for arm, count in found.arms.items() if count) or 'nobody'}"
    primary = f"; primary in its channel: {row['primary_count']:,}" if row["channel"] else ""
    yield f"  in the sample: {row['sampled_count']:,}{primary}"
    yield f"  shares most with: {row['neighbours'] or 'no other audience'}"
    yield from _experiment_lines(found)
    yield ""
    if found.looks:
        yield _dim(f"{'looked on':<12}{'entered':>9}{'left':>9}{'in it':>9}")
        for look in found.looks:
            yield f"{look.looked_on!s:<12}{look.entered_count:>9,}{look.left_count:>9,}{look.member_count:>9,}"
    else:
        yield "No build has looked at it for its history yet; regulars backfill fills in past months."
    if found.members:
        yield ""
        yield _dim("Some of its customers")
        yield from (f"  {member.customer_id}: {member.reason}" for member in found.members)


def _past_day(as_of_date: date, newest_look: date | None) -> Iterator[str]:
    if newest_look is not None and newest_look > as_of_date:
        yield f"This is a past day; the newest build was as of {newest_look}. For today: dbt build"


def _experiment_lines(found: Audience) -> Iterator[str]:
    """What writing to them brought, or why nobody can say so yet."""
    if not found.holdout_share:
        return
    yield ""
    if not found.experiment:
        yield "Experiment: nobody has entered since the first day on which somebody was held back."
        return
    first = found.experiment[0]
    yield f"Experiment: what people bought within {first['window_days']} days of entering"
    arms = {arm: [row for row in found.experiment if row["comparison_arm"] == arm] for arm in ("control", "held_out")}
    currency = found.figures["currency_code"]
    for arm, rows in arms.items():
        if not rows:
            continue
        yield f"  treatment: {_brought(rows, 'treatment', currency)}"
        held = "held back of this audience" if arm == "control" else "held back of every audience"
        yield f"  {arm}, {held}: {_brought(rows, 'comparison', currency)}"
        if waiting := rows[0]["waiting_count"]:
            yield f"    {counted(waiting, 'more customer')} of both entered less than {first['window_days']} days ago"
        reasons = dict.fromkeys(_result(row, currency) for row in rows)
        if len(reasons) == 1:
            yield f"    {next(iter(reasons))}"
        else:
            yield from (
                f"    {'bought' if row['metric'] == 'conversion' else 'net revenue'}: {_result(row, currency)}"
                for row in rows
            )


def _brought(rows: list[Row], arm: str, currency: str) -> str:
    means = {row["metric"]: row[f"{arm}_mean"] for row in rows}
    errors = {row["metric"]: row["standard_error"] for row in rows}
    people = _customers(rows[0][f"{arm}_count"])
    if means["conversion"] is None:
        return people
    bought = said("conversion", means["conversion"], errors["conversion"])
    brought = said("net_revenue", means["net_revenue"], errors["net_revenue"])
    return f"{people}, {bought} % bought, {brought} {currency} net each"


def _result(row: Row, currency: str) -> str:
    if row["verdict"] == "not_enough_data":
        return str(row["reason"])
    difference = Difference(
        difference=row["difference"],
        low=row["difference_low"],
        high=row["difference_high"],
        standard_error=row["standard_error"],
        is_adjusted=row["is_adjusted"],
    )
    metric = row["metric"]
    detectable = ""
    if row["minimal_detectable_effect"] is not None:
        least = said(metric, row["minimal_detectable_effect"], row["standard_error"])
        unit = "points" if metric == "conversion" else currency
        detectable = f" A true difference of {least} {unit} would be found four times in five."
    trust = doubts((row["sample_ratio_p_value"], row["balance_p_value"]))
    return f"{reading(metric, difference, currency)}; {CONCLUSIONS[row['verdict']]}.{detectable}{trust}"


def signed(number: int) -> str:
    """A change with its sign; nothing changed is a plain 0."""
    return f"{number:+,}" if number else "0"


def amount(value: Decimal | None) -> str:
    """An amount in whole units; millions shortened once the digits say nothing more."""
    if value is None:
        return UNKNOWN
    return f"{round(value / 1_000_000):,}M" if abs(value) >= MANY else f"{round(value):,}"


def share(value: float | None) -> str:
    """A share in percent."""
    return UNKNOWN if value is None else f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def figure(value: float | None) -> str:
    """A number of buyers or orders: with one decimal while it is small."""
    return UNKNOWN if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def cut(text: str, width: int) -> str:
    """The text, or as much of it as fits."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def _figures(row: Row) -> tuple[str, ...]:
    return (
        f"{row['customer_count']:,}",
        share(row["customer_share"]),
        amount(row["net_revenue_amount"]),
        figure(row["expected_buyers_90d"]),
        amount(row["potential_revenue_90d"]),
        UNKNOWN if row["growth_count"] is None else signed(row["growth_count"]),
    )


def _short(audience: str) -> str:
    family, colon, item = audience.partition(":")
    return f"  :{item}" if colon else family


def _customers(count: int) -> str:
    return counted(count, "customer")


def _bold(text: str) -> str:
    return typer.style(text, bold=True)


def _dim(text: str) -> str:
    return typer.style(text, dim=True)
