"""The figures of the summary, read from the marts. Nothing is computed here that a mart does not hold."""

from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from regulars.errors import WarehouseError

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
    order_count: int
    guest_order_count: int
    net_revenue_amount: Decimal
    guest_revenue_amount: Decimal
    average_order_amount: Decimal | None
    typical_gap_days: float
    excluded_orders: dict[str, int]
    unmatched_return_count: int
    unmatched_return_amount: Decimal
    rejected_row_count: int
    has_email_source: bool
    partitions: tuple[Partition, ...] = field(default=())
    ad_segments: tuple[AdSegmentSize, ...] = field(default=())
    suggestions: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for ``--json``."""
        return asdict(self)


def _rows(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query, parameters).fetchall()
    except duckdb.CatalogException as error:
        raise WarehouseError("the segments are not built in this warehouse yet; run: dbt build") from error


def _partition(
    connection: duckdb.DuckDBPyConnection, column: str, title: str, order: tuple[str, ...], language: str
) -> Partition:
    rows = _rows(
        connection,
        f"""
        select
            segments.{column},
            coalesce(max(labels.label), segments.{column}),
            count(*),
            sum(segments.net_revenue_amount)
        from marts.customer_segments as segments
        left join seeds.segment_labels as labels
            on labels.segment_kind = ? and labels.code = segments.{column} and labels.language = ?
        group by segments.{column}
        order by sum(segments.net_revenue_amount) desc, count(*) desc, segments.{column}
        """,
        column,
        language,
    )
    customers = sum(row[2] for row in rows)
    revenue = sum((row[3] for row in rows), Decimal(0))
    if order:
        rows.sort(key=lambda row: order.index(row[0]) if row[0] in order else len(order))
    return Partition(
        kind=column,
        title=title,
        segments=tuple(
            SegmentSize(
                code=code,
                label=label,
                customer_count=count,
                customer_share=count / customers if customers else 0.0,
                net_revenue_amount=amount,
                revenue_share=float(amount / revenue) if revenue else 0.0,
            )
            for code, label, count, amount in rows
        ),
    )


def _suggestions(connection: duckdb.DuckDBPyConnection, currency: str) -> tuple[str, ...]:
    """What a marketer would look at first; only what is there, the most revenue first."""
    looks = (
        (
            "importance = 'vip' and lifecycle_state in ('slipping_away', 'lost')",
            "{n} of your VIPs are slipping away or lost; they have spent {amount} so far.",
        ),
        (
            "lifecycle_state in ('active', 'slipping_away') and lifecycle_changes_on <= as_of_date + 14",
            "{n} customers move to slipping away or lost within 14 days unless they order; they have spent {amount}.",
        ),
        (
            "is_won_back and lifecycle_state in ('new', 'active')",
            "{n} customers came back after they were lost, worth {amount} so far: what brought them?",
        ),
        (
            "persona in ('potential_high_roller', 'one_hit_wonder')",
            "{n} customers spent above average on one or two orders ({amount} in all): another is worth asking for.",
        ),
        ("persona = 'window_shopper'", "{n} people looked at products lately and never bought."),
        ("customer_type = 'abandoned_cart'", "{n} people who never bought have an open cart."),
    )
    found = []
    for condition, sentence in looks:
        ((count, amount),) = _rows(
            connection,
            f"select count(*), coalesce(sum(net_revenue_amount), 0) from marts.customer_segments where {condition}",
        )
        if count:
            found.append(sentence.format(n=f"{count:,}", amount=f"{amount:,.0f} {currency}"))
    return tuple(found)


def read_summary(connection: duckdb.DuckDBPyConnection, language: str = "en") -> Summary:
    """Read the summary of the newest build.

    Parameters
    ----------
    connection: an open warehouse.
    language: a language of the seed ``segment_labels`` (en, da, sv, nb, it, ru).

    Raises
    ------
    WarehouseError: if the marts are not there.
    """
    ((as_of_date, currency, aov, typical_gap, has_email),) = _rows(
        connection,
        "select as_of_date, currency_code, average_order_amount, typical_gap_days, has_email_source"
        " from intermediate.int_shop_facts",
    )
    ((customers, buyers),) = _rows(
        connection, "select count(*), count(*) filter (where order_count > 0) from marts.customer_segments"
    )
    ((orders, revenue, guest_orders, guest_revenue),) = _rows(
        connection,
        """
        select
            count(*),
            coalesce(sum(net_amount), 0),
            count(*) filter (where is_guest_order),
            coalesce(sum(net_amount) filter (where is_guest_order), 0)
        from marts.fct_orders
        where is_valid
        """,
    )
    excluded = dict(
        _rows(
            connection,
            "select order_validity, count(*) from marts.fct_orders where not is_valid group by 1 order by 2 desc, 1",
        )
    )
    ((unmatched, unmatched_amount),) = _rows(
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
    ad_segments = _rows(
        connection,
        """
        select
            split_part(segments.ad_segment, ':', 1),
            coalesce(max(labels.label), split_part(segments.ad_segment, ':', 1)),
            count(distinct segments.customer_id)
        from marts.customer_ad_segments as segments
        left join seeds.segment_labels as labels
            on
                labels.segment_kind = 'ad_segment'
                and labels.code = split_part(segments.ad_segment, ':', 1)
                and labels.language = ?
        group by 1
        order by 3 desc, 1
        """,
        language,
    )
    return Summary(
        as_of_date=as_of_date,
        currency_code=currency,
        customer_count=customers,
        buyer_count=buyers,
        order_count=orders,
        guest_order_count=guest_orders,
        net_revenue_amount=revenue,
        guest_revenue_amount=guest_revenue,
        average_order_amount=aov,
        typical_gap_days=typical_gap,
        excluded_orders=excluded,
        unmatched_return_count=unmatched,
        unmatched_return_amount=unmatched_amount,
        rejected_row_count=rejected,
        has_email_source=has_email,
        partitions=tuple(_partition(connection, column, title, order, language) for column, title, order in PARTITIONS),
        ad_segments=tuple(AdSegmentSize(*row) for row in ad_segments),
        suggestions=_suggestions(connection, currency),
    )
