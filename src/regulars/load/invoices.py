"""The layout `invoice_lines`: one row per invoice line, returns as negative quantities, charges among the products.

Every row goes to exactly one place, so that money is conserved:
- quantity below zero: a refund of -quantity * price, pointing at the latest earlier sale line of the same customer and
  product that still has the quantity; without one, at the order row of its own invoice;
- a stock code that is no product: a charge, summed into the shipping_amount of its invoice;
- everything else: an order line, numbered by its position among the rows of the invoice.
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

from regulars.load.casting import quote
from regulars.load.landing import TABLES_BY_NAME, Column, Table
from regulars.load.mapping import InvoiceRules, Mapping
from regulars.load.positions import POSITIONS, WHOLE_ORDERS, list_whole_orders, number_rows
from regulars.load.profiles import complete_profiles
from regulars.load.staging import LINE_AMOUNT_RULE, Context, Output, Prepared, Replaced, cast_rows
from regulars.load.wording import counted

FIELDS = Table(
    name="order_lines",
    key=("invoice_id",),
    description="One row of the file.",
    columns=(
        Column("invoice_id", "text", "Number of the invoice; C at its start: a cancellation.", required=True),
        Column("product_id", "text", "Stock code.", required=True),
        Column("product_title", "text", "Description."),
        Column("quantity", "quantity", "Units; negative: a return.", required=True),
        Column("invoiced_at", "timestamp", "When.", required=True, is_past=True),
        Column("unit_price", "amount", "Price of a unit.", required=True),
        Column("customer_id", "text", "Customer; empty: guest."),
        Column("country", "text", "Name of the customer's country."),
    ),
)

_REFUND_ID = "(?s)^(.*)-[0-9]+$"
"""A refund is named after its invoice and the position of its row."""


class _Sale(NamedTuple):
    sold_at: datetime
    order_id: str
    line_number: int


def prepare(context: Context, mapping: Mapping) -> Prepared:
    """Orders, lines, refunds, products and customers out of invoice lines."""
    rules = mapping.invoices
    if rules is None:
        raise AssertionError("the mapping was validated")
    connection = context.connection
    negative_refund = ("quantity < 0 and unit_price < 0", "negative_value", "unit_price")
    ignored = cast_rows(context, FIELDS, mapping.fields, "load_invoice_cast", [LINE_AMOUNT_RULE, negative_refund])
    _classify(context, rules)
    matched, returned = _match_returns(context)
    _derive(context, rules)
    charges = connection.execute("select count(*) from load_invoice where kind = 'charge'").fetchone()
    notes = [
        f"{counted(charges[0] if charges else 0, 'charge row')} summed into orders.shipping_amount",
        f"{matched:,} of {counted(returned, 'return')} matched to the sale they take back",
    ]
    names = ("customers", "products", "orders", "order_lines", "refunds")
    outputs = [Output(TABLES_BY_NAME[name], f"load_out_{name}", has_unique_key=True) for name in names]
    return Prepared(outputs, ignored, notes, Replaced("load_invoice_cast", "invoice_id", _REFUND_ID))


def _classify(context: Context, rules: InvoiceRules) -> None:
    countries = " ".join(
        f"when {quote(name.lower())} then {quote(code) if code else 'null'}" for name, code in rules.countries.items()
    )
    number_rows(context, "load_invoice_cast", "invoice_id")
    context.connection.execute(
        f"""
        create or replace temp table load_invoice as
        select
            _line, invoice_id, upper(product_id) as product_id, product_title, quantity, invoiced_at, unit_price,
            regexp_replace(customer_id, '\\.0$', '') as customer_id,
            case lower(country) {countries} else null end as country,
            case
                when quantity < 0 then 'return'
                when regexp_full_match(upper(product_id), {quote(rules.product_pattern)}) then 'line'
                else 'charge'
            end as kind,
            position
        from load_invoice_cast inner join {POSITIONS} using (_line)
        where _fault is null
        """
    )


def _match_returns(context: Context) -> tuple[int, int]:
    """Give each return the latest earlier sale line of its customer and product with enough quantity left.

    Sales stored by earlier loads take part, less what stored refunds took from them before the return. Returns are few
    (1.7 % of the rows), and each changes what the next may take, so a loop in time order is both exact and fast; only
    the sales of customers and products with a return are fetched.
    """
    connection = context.connection
    returns = connection.execute(
        "select _line, invoiced_at, customer_id, product_id, -quantity from load_invoice "
        "where kind = 'return' order by invoiced_at, _line"
    ).fetchall()
    connection.execute(
        "create or replace temp table load_returned as "
        "select distinct customer_id, product_id from load_invoice where kind = 'return' and customer_id is not null"
    )
    sales = connection.execute(
        """
        with orders as (
            select order_id, customer_id, ordered_at from (
                select *, row_number() over (partition by order_id order by _loaded_at desc) as version from raw.orders
                where order_id not in (select invoice_id from load_invoice) and customer_id is not null
            ) where version = 1
        ),
        lines as (
            select order_id, line_number, product_id, quantity from (
                select *, row_number() over (partition by order_id, line_number order by _loaded_at desc) as version
                from raw.order_lines
            ) where version = 1
        )
        select customer_id, product_id, invoiced_at, invoice_id, position, quantity
        from load_invoice semi join load_returned using (customer_id, product_id)
        where kind = 'line'
        union all
        select orders.customer_id, lines.product_id, ordered_at, lines.order_id, lines.line_number, lines.quantity
        from orders
        inner join lines on orders.order_id = lines.order_id
        inner join load_returned as returned
            on orders.customer_id = returned.customer_id and lines.product_id = returned.product_id
        order by 3, 4, 5
        """
    ).fetchall()
    sees_orders_whole = not list_whole_orders(context, "load_invoice_cast", "invoice_id")
    # What this file withdraws takes nothing any more.
    taken = connection.execute(
        f"""
        select refunded_at, order_id, line_number, quantity from (
            select *, row_number() over (partition by refund_id order by _loaded_at desc) as version from raw.refunds
            where refund_id not in (select invoice_id || '-' || position from load_invoice where kind = 'return')
                and regexp_extract(refund_id, ?, 1) not in (
                    select order_id from {WHOLE_ORDERS} where {sees_orders_whole}
                )
        )
        where version = 1 and line_number is not null and quantity is not null
        """,
        [_REFUND_ID],
    ).fetchall()
    by_pair: dict[tuple[str, str], list[_Sale]] = {}
    left: dict[tuple[str, int], Decimal] = {}
    for customer, product, sold_at, order_id, line_number, quantity in sales:
        by_pair.setdefault((customer, product), []).append(_Sale(sold_at, order_id, line_number))
        left[order_id, line_number] = quantity
    events = [(row[0], 0, index, row) for index, row in enumerate(taken)]
    events += [(row[1], 1, row[0], row) for row in returns]
    found: list[tuple[int, str, int]] = []
    for _, is_return, _, row in sorted(events, key=lambda event: event[:3]):
        if not is_return:
            _, order_id, line_number, quantity = row
            if (order_id, line_number) in left:
                left[order_id, line_number] -= quantity
            continue
        line, returned_at, customer, product, quantity = row
        for sale in reversed(by_pair.get((customer, product), [])):
            key = (sale.order_id, sale.line_number)
            if sale.sold_at <= returned_at and left[key] >= quantity:
                left[key] -= quantity
                found.append((line, *key))
                break
    lines, order_ids, line_numbers = zip(*found, strict=True) if found else ((), (), ())
    table = pa.table(
        {
            "_line": pa.array(lines, pa.int64()),
            "order_id": pa.array(order_ids, pa.string()),
            "line_number": pa.array(line_numbers, pa.int64()),
        }
    )
    connection.register("regulars_matches", table)
    connection.execute("create or replace temp table load_matches as select * from regulars_matches")
    connection.unregister("regulars_matches")
    return len(found), len(returns)


def _derive(context: Context, rules: InvoiceRules) -> None:
    connection = context.connection
    amount = "cast(sum(cast(unit_price as decimal(38, 4)) * quantity) filter (where kind = 'charge') as decimal(18, 4))"
    # A cancellation, or an invoice of stock adjustments only, sold nothing: its order row carries the refunds that
    # match no sale, and never counts as a purchase.
    connection.execute(
        f"""
        create or replace temp table load_out_orders as
        select
            min(_line) as _line,
            invoice_id as order_id,
            arg_min(customer_id, _line) as customer_id,
            cast(null as varchar) as email,
            min(invoiced_at) as ordered_at,
            case
                when starts_with(upper(invoice_id), 'C') or bool_and(kind = 'return') then 'cancelled' else 'paid'
            end as status,
            {quote(rules.currency)} as currency,
            coalesce({amount}, 0) as shipping_amount,
            cast(null as decimal(18, 4)) as tax_amount,
            cast(null as varchar) as discount_codes,
            cast(null as varchar) as channel,
            cast(null as boolean) as is_gift,
            cast(null as varchar) as gift_note,
            cast(null as varchar) as ship_to_name,
            arg_min(country, _line) as ship_to_country,
            cast(null as varchar) as ship_to_postal_code
        from load_invoice
        group by invoice_id
        """
    )
    connection.execute(
        """
        create or replace temp view load_out_order_lines as
        select
            _line, invoice_id as order_id, position as line_number, product_id, product_title, quantity, unit_price,
            cast(0 as decimal(18, 4)) as discount_amount
        from load_invoice where kind = 'line'
        """
    )
    connection.execute(
        """
        create or replace temp view load_out_refunds as
        select
            load_invoice._line,
            invoice_id || '-' || position as refund_id,
            coalesce(load_matches.order_id, invoice_id) as order_id,
            invoiced_at as refunded_at,
            cast(-cast(quantity as decimal(38, 4)) * unit_price as decimal(18, 4)) as amount,
            load_matches.line_number,
            -quantity as quantity
        from load_invoice left join load_matches using (_line)
        where kind = 'return'
        """
    )
    # Titles of adjustments ("damaged", "?") are typed by hand, so sales decide; the most frequent, ties alphabetical.
    connection.execute(
        """
        create or replace temp table load_out_products as
        select
            _line, product_id, product_title as title, cast(null as varchar) as category,
            cast(null as varchar) as brand, cast(null as varchar) as tags, cast(null as decimal(18, 4)) as unit_cost,
            cast(null as decimal(18, 4)) as unit_price, cast(null as boolean) as is_active,
            cast(null as boolean) as is_in_stock, cast(null as timestamp with time zone) as created_at
        from (
            select
                min(min(_line)) over (partition by product_id) as _line, product_id, product_title,
                row_number() over (
                    partition by product_id
                    order by
                        product_title is null, count(*) filter (where unit_price > 0) desc, count(*) desc, product_title
                ) as rank
            from load_invoice where kind = 'line' group by product_id, product_title
        ) where rank = 1
        """
    )
    connection.execute(
        """
        create or replace temp table load_out_customers as
        select
            min(_line) as _line, customer_id, cast(null as varchar) as email, cast(null as varchar) as phone,
            cast(null as varchar) as first_name, cast(null as varchar) as last_name,
            arg_max(country, _line) as country, cast(null as varchar) as postal_code, cast(null as varchar) as language,
            min(invoiced_at) as created_at, cast(null as boolean) as email_consent,
            cast(null as boolean) as sms_consent, cast(null as boolean) as ads_user_data_consent,
            cast(null as boolean) as ads_personalization_consent, cast(null as boolean) as tracking_consent,
            cast(null as timestamp with time zone) as consent_updated_at, cast(null as varchar) as acquisition_channel,
            cast(null as varchar) as attributes
        from load_invoice where customer_id is not null group by customer_id
        """
    )
    complete_profiles(connection)
