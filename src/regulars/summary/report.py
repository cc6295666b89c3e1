"""The figures of the summary, read from the marts. Nothing is computed here that a mart does not hold."""

from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from regulars.summary.inputs import MissingInput, read_missing_inputs
from regulars.summary.suggestions import read_suggestions
from regulars.warehouse import check_finished, read_built

PARTITIONS = (
    ("lifecycle_state", "Lifecycle", ("new", "active", "slipping_away", "lost", "prospect")),
    ("importance", "Importance", ("vip", "frequent", "loyal", "one_time", "none")),
    (
        "persona",
        "Personas",
        (
            "high_roller",
            "brand_enthusiast",
            "potential_high_roller",
            "potential_brand_enthusiast",
            "lapsed_high_roller",
            "lapsed_enthusiast",
            "one_hit_wonder",
            "just_passing_through",
            "window_shopper",
            "almost_there",
            "waiting_for_wows",
            "false_start",
            "too_new",
            "dead_weight",
        ),
    ),
    (
        "customer_type",
        "Customer types",
        ("loyal", "low_value_active", "at_risk", "non_target", "abandoned_cart", "subscriber", "unreachable"),
    ),
    (
        "rfm_tier",
        "RFM tiers",
        (),
    ),
)


NO_DATE = date(1970, 1, 1)
"""What `int_as_of` says of a shop in which nothing has happened and nobody is known."""
NO_CURRENCY = "XXX"
"""What `int_as_of` says of a shop without orders (ISO 4217: no currency)."""


@dataclass(frozen=True)
class SegmentSize:
    """One label of one partition: customers, their share of all customers (0 to 1), their net revenue and its share."""

    code: str
    label: str
    customer_count: int
    customer_share: float
    net_revenue_amount: Decimal
    revenue_share: float


@dataclass(frozen=True)
class Partition:
    """One way to divide all customers; every customer is in exactly one of its segments."""

    kind: str
    title: str
    segments: tuple[SegmentSize, ...]


@dataclass(frozen=True)
class AdSegmentSize:
    """One advertising segment; a customer may be in many."""

    code: str
    label: str
    customer_count: int


@dataclass(frozen=True)
class Summary:
    """Everything the summary shows, in the reporting currency."""

    as_of_date: date
    currency_code: str
    customer_count: int
    buyer_count: int
    placed_order_count: int
    """Orders of any validity, purchases or not; ``order_count`` has only the valid ones."""
    order_with_lines_count: int
    order_count: int
    guest_order_count: int
    net_revenue_amount: Decimal
    guest_revenue_amount: Decimal
    average_order_amount: Decimal | None
    typical_gap_days: float
    gap_count: int
    """Gaps between two order days of a customer; with none, ``typical_gap_days`` is the var ``default_gap_days``."""
    excluded_orders: dict[str, int]
    unmatched_return_count: int
    unmatched_return_amount: Decimal
    rejected_row_count: int
    missing_inputs: tuple[MissingInput, ...] | None = None
    """Empty if the shop brought every optional input; None where an older build did not write them down."""
    partitions: tuple[Partition, ...] = field(default=())
    ad_segments: tuple[AdSegmentSize, ...] = field(default=())
    suggestions: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether nothing had happened and nobody was known as of the date."""
        return not self.customer_count and not self.placed_order_count

    @property
    def is_dated(self) -> bool:
        """Whether anything loaded, or the var ``as_of_date``, gave the build a date."""
        return self.as_of_date != NO_DATE

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for ``--json``; a shop without anything has neither a date nor a currency."""
        values = asdict(self)
        if not self.is_dated:
            values["as_of_date"] = None
        if self.currency_code == NO_CURRENCY:
            values["currency_code"] = None
        return values


Labels = dict[tuple[str, str], str]
"""The name of each segment in one language, by kind and code."""


def _labels(connection: duckdb.DuckDBPyConnection, language: str) -> Labels:
    rows = read_built(connection, "select language, segment_kind, code, label from seeds.segment_labels")
    return {(kind, code): label for label_language, kind, code, label in rows if label_language == language}


def _partition(
    connection: duckdb.DuckDBPyConnection, column: str, title: str, order: tuple[str, ...], labels: Labels
) -> Partition:
    rows = read_built(
        connection,
        f"""
        select
            {column},
            count(*),
            sum(net_revenue_amount)
        from marts.customer_segments
        group by {column}
        order by sum(net_revenue_amount) desc, count(*) desc, {column}
        """,
    )
    customers = sum(row[1] for row in rows)
    revenue = sum((row[2] for row in rows), Decimal(0))
    if order:
        rows.sort(key=lambda row: order.index(row[0]) if row[0] in order else len(order))
    return Partition(
        kind=column,
        title=title,
        segments=tuple(
            SegmentSize(
                code=code,
                label=labels.get((column, code), code),
                customer_count=count,
                customer_share=count / customers if customers else 0.0,
                net_revenue_amount=amount,
                revenue_share=float(amount / revenue) if revenue else 0.0,
            )
            for code, count, amount in rows
        ),
    )


def read_summary(connection: duckdb.DuckDBPyConnection, language: str = "en") -> Summary:
    """Read the summary of the newest build.

    Parameters
    ----------
    connection: an open warehouse.
    language: a language of the seed ``segment_labels`` (en, da, sv, nb, it, ru).

    Raises
    ------
    WarehouseError: if the marts are not there, or a build stopped half-way.
    """
    check_finished(connection)
    ((as_of_date, currency, aov, typical_gap),) = read_built(
        connection,
        "select as_of_date, currency_code, average_order_amount, typical_gap_days from intermediate.int_shop_facts",
    )
    ((customers, buyers),) = read_built(
        connection, "select count(*), count(*) filter (where order_count > 0) from marts.customer_segments"
    )
    ((placed_orders, orders_with_lines, orders, revenue, guest_orders, guest_revenue),) = read_built(
        connection,
        """
        select
            count(*),
            count(*) filter (where line_count > 0),
            count(*) filter (where is_valid),
            coalesce(sum(net_amount) filter (where is_valid), 0),
            count(*) filter (where is_valid and is_guest_order),
            coalesce(sum(net_amount) filter (where is_valid and is_guest_order), 0)
        from marts.fct_orders
        """,
    )
    ((gaps,),) = read_built(connection, "select coalesce(max(gap_count), 0) from intermediate.int_typical_gap_by_day")
    excluded = dict(
        read_built(
            connection,
            "select order_validity, count(*) from marts.fct_orders where not is_valid group by 1 order by 2 desc, 1",
        )
    )
    ((unmatched, unmatched_amount),) = read_built(
        connection,
        """
        select count(*), coalesce(sum(refund_amount), 0)
        from marts.fct_orders
        where line_count = 0 and refund_amount > 0
        """,
    )
    try:
        ((rejected,),) = connection.execute("select count(*) from raw.rejected_rows").fetchall()
    except duckdb.CatalogException:
        rejected = 0  # A shop that brings its own landing tables has no loader and no rejects.
    ad_segments = read_built(
        connection,
        """
        select
            split_part(ad_segment, ':', 1),
            count(distinct customer_id)
        from marts.customer_ad_segments
        group by 1
        order by 2 desc, 1
        """,
    )
    labels = _labels(connection, language)
    return Summary(
        as_of_date=as_of_date,
        currency_code=currency,
        customer_count=customers,
        buyer_count=buyers,
        placed_order_count=placed_orders,
        order_with_lines_count=orders_with_lines,
        order_count=orders,
        guest_order_count=guest_orders,
        net_revenue_amount=revenue,
        guest_revenue_amount=guest_revenue,
        average_order_amount=aov,
        typical_gap_days=typical_gap,
        gap_count=gaps,
        excluded_orders=excluded,
        unmatched_return_count=unmatched,
        unmatched_return_amount=unmatched_amount,
        rejected_row_count=rejected,
        missing_inputs=read_missing_inputs(connection),
        partitions=tuple(_partition(connection, column, title, order, labels) for column, title, order in PARTITIONS),
        ad_segments=tuple(
            AdSegmentSize(code, labels.get(("ad_segment", code), code), count) for code, count in ad_segments
        ),
        suggestions=read_suggestions(connection, currency),
    )
