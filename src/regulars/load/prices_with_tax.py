"""Takes the tax out of the lines of orders whose prices include it.

The lines of a shop are kept without tax, as its revenue is. An export does not say whether its prices include tax, but
its sums do: the order's total is goods + shipping where they do, and goods + shipping + tax where they do not.
"""

import duckdb

TOLERANCE = "0.02"
"""Shops round each part of a sum to the cent."""

_NET_AND_SHIPPING = "net_subtotal_amount + coalesce(shipping_amount, 0)"
_HAS_TAX = "net_subtotal_amount is not null and tax_amount > 0"


def take_out_tax(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Bring ``load_rows_lines`` to prices without tax, by what ``load_rows_orders`` says; gives notes for the summary.

    The goods' part of the order's tax is its share of the total: tax * goods / total. It is exact where shipping is
    taxed at the rate of the goods, and off by the difference where it is not.
    """
    connection.execute(
        f"""
        create or replace temp table load_taxed_orders as
        select order_id, cast(tax_amount as double) / cast(total_amount as double) as tax_share
        from load_rows_orders
        where {_HAS_TAX} and total_amount > tax_amount
            and abs(total_amount - ({_NET_AND_SHIPPING})) <= {TOLERANCE}
            and abs(total_amount - ({_NET_AND_SHIPPING})) < abs(total_amount - ({_NET_AND_SHIPPING}) - tax_amount)
        """
    )
    # Price and discount shrink alike, so that a discount stays the same part of its line. Every order comes to its
    # goods less their tax, to the fourth decimal: what rounding leaves over goes to a line of one piece, whose price
    # takes it, else to the largest. The price of several pieces may not divide; it is rounded up, and the discount
    # takes what that added.
    connection.execute(
        """
        create or replace temp table load_untaxed_lines as
        with lines as (
            select
                lines.*, tax_share, round(cast(quantity as decimal(38, 4)) * unit_price, 4) as gross
            from load_rows_lines as lines inner join load_taxed_orders using (order_id)
        ),
        shrunk as (
            select
                *,
                gross - discount_amount as net_with_tax,
                cast(round(cast(discount_amount as double) * (1 - tax_share), 4) as decimal(38, 4)) as discount,
                cast(round(cast(unit_price as double) * (1 - tax_share), 4) as decimal(38, 4)) as price,
                cast(round(cast(gross - discount_amount as double) * (1 - tax_share), 4) as decimal(38, 4)) as share
            from lines
        ),
        rounded as (
            select
                *,
                case when discount_amount = 0 then round(quantity * price, 4) else share end as net,
                row_number() over (
                    partition by order_id order by quantity = 1 desc, net_with_tax desc, line_number
                ) as rank,
                sum(net_with_tax) over (partition by order_id) as order_with_tax
            from shrunk
        ),
        exact as (
            select
                * exclude (net),
                net + case
                    when rank = 1 then
                        order_with_tax
                        - cast(round(cast(order_with_tax as double) * tax_share, 4) as decimal(38, 4))
                        - sum(net) over (partition by order_id)
                    else 0
                end as net
            from rounded
        ),
        priced as (
            select
                * exclude (price),
                case
                    when quantity > 0 then cast(ceil((net + discount) * 10000 / quantity) / 10000 as decimal(18, 4))
                    else price
                end as price
            from exact
        )
        select
            _line, order_id, line_number, product_id, product_title, quantity,
            cast(price as decimal(18, 4)) as unit_price,
            cast(
                case when quantity > 0 then round(quantity * price, 4) - net else discount end as decimal(18, 4)
            ) as discount_amount
        from priced
        """
    )
    connection.execute("delete from load_rows_lines where order_id in (select order_id from load_taxed_orders)")
    connection.execute("insert into load_rows_lines by name select * from load_untaxed_lines")
    return _notes(connection)


def _notes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    row = connection.execute(
        f"""
        select
            (select count(*) from load_taxed_orders),
            count(*) filter (total_amount is null),
            count(*) filter (abs(total_amount - ({_NET_AND_SHIPPING}) - tax_amount) > {TOLERANCE})
        from load_rows_orders anti join load_taxed_orders using (order_id) where {_HAS_TAX}
        """
    ).fetchone()
    taxed, without_total, misfits = row if row else (0, 0, 0)
    notes = []
    if taxed:
        notes.append(f"orders at prices with tax: {taxed:,}; the tax was taken out of their lines")
    if without_total:
        notes.append(
            f"orders with tax but without the shop's total: {without_total:,}; nothing tells whether their prices "
            "include the tax, so none was taken out"
        )
    if misfits:
        notes.append(
            f"orders whose total is neither goods + shipping nor that + tax, within {TOLERANCE}: {misfits:,}; "
            "their prices stay as they are"
        )
    return notes
