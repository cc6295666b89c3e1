"""The layout `order_rows`: one row per order line, with the order's own columns on its first row or on all of them.

Discounts of the whole order are spread over its lines by what each costs, so that the lines of an order add up to what
the shop says was paid for goods, to the fourth decimal.
"""

from regulars.errors import UsageError
from regulars.load.casting import quote
from regulars.load.landing import ORDER_STATUSES, TABLES_BY_NAME, Column, Table
from regulars.load.mapping import Mapping
from regulars.load.positions import POSITIONS, number_rows
from regulars.load.prices_with_tax import take_out_tax
from regulars.load.profiles import complete_profiles
from regulars.load.staging import FAULTS, LINE_AMOUNT_RULE, Context, Output, Prepared, Replaced, cast_rows, find_column
from regulars.load.wording import ended

FIELDS = Table(
    name="order_lines",
    key=("order_id",),
    description="One row of the file.",
    columns=(
        Column("order_id", "text", "The order.", required=True),
        Column("customer_id", "text", "The customer; empty: guest."),
        Column("email", "text", "E-mail address."),
        Column("first_name", "text", "First name of the buyer."),
        Column("last_name", "text", "Last name of the buyer."),
        Column("phone", "text", "Phone of the buyer."),
        Column("country", "text", "Country of the buyer."),
        Column("postal_code", "text", "Postal code of the buyer."),
        Column("ordered_at", "timestamp", "When.", is_past=True),
        Column("status", "text", "State.", allowed=ORDER_STATUSES, unknown_reason="unknown_status"),
        Column("cancelled_at", "timestamp", "When it was cancelled."),
        Column("currency", "text", "ISO 4217.", is_currency=True),
        Column("net_subtotal_amount", "amount", "What the goods cost after discounts, in the terms of the prices."),
        Column("gross_subtotal_amount", "amount", "What the goods cost before discounts."),
        Column("order_discount_amount", "amount", "Discount of the whole order.", minimum=0),
        Column("shipping_amount", "amount", "Shipping."),
        Column("tax_amount", "amount", "Tax of goods and shipping."),
        Column("total_amount", "amount", "What was to be paid: goods, shipping and tax."),
        Column("discount_codes", "text", "Codes."),
        Column("refunded_amount", "amount", "Given back, of the whole order, with its tax and shipping."),
        Column("channel", "text", "Where the order came from."),
        Column("ship_to_name", "text", "Receiver."),
        Column("ship_to_first_name", "text", "Receiver."),
        Column("ship_to_last_name", "text", "Receiver."),
        Column("ship_to_country", "text", "Country of delivery."),
        Column("ship_to_postal_code", "text", "Postal code of delivery."),
        Column("product_id", "text", "SKU."),
        Column("product_title", "text", "Title."),
        Column("brand", "text", "Brand."),
        Column("quantity", "quantity", "Units."),
        Column("unit_price", "amount", "Price of a unit."),
        Column("line_discount_amount", "amount", "Discount of the line.", minimum=0),
        Column("line_subtotal_amount", "amount", "What the line costs before discounts."),
        Column("line_total_amount", "amount", "What the line costs after discounts."),
        Column("line_refunded_amount", "amount", "Given back, of the line, without tax."),
        Column("line_refunded_quantity", "quantity", "Units taken back."),
    ),
)
_ORDER_COLUMNS = (
    "customer_id",
    "email",
    "first_name",
    "last_name",
    "phone",
    "country",
    "postal_code",
    "ordered_at",
    "status",
    "cancelled_at",
    "currency",
    "net_subtotal_amount",
    "gross_subtotal_amount",
    "order_discount_amount",
    "shipping_amount",
    "tax_amount",
    "total_amount",
    "discount_codes",
    "refunded_amount",
    "channel",
    "ship_to_name",
    "ship_to_first_name",
    "ship_to_last_name",
    "ship_to_country",
    "ship_to_postal_code",
)

_ORDER_REJECTED = "The order itself was rejected: none of its rows that can be used has its date, status and currency."


def prepare(context: Context, mapping: Mapping, currency: str | None) -> Prepared:
    """Orders, lines, refunds, products and customers out of an order export."""
    fields = dict(mapping.fields)
    if currency:
        # Taken where the export leaves the currency out; a currency that it names stays.
        fields["currency"] = fields["currency"].model_copy(update={"default": currency})
    is_line = "(quantity is not null or unit_price is not null or product_title is not null or product_id is not null)"
    no_price = "unit_price is null and line_subtotal_amount is null and line_total_amount is null"
    rules = [
        LINE_AMOUNT_RULE,
        (f"{is_line} and quantity is null", "missing_value", "quantity"),
        (f"{is_line} and {no_price}", "missing_value", "unit_price"),
    ]
    try:
        ignored = cast_rows(context, FIELDS, fields, "load_rows_cast", rules)
    except UsageError as error:
        if mapping.hint:
            raise UsageError(f"{ended(str(error))} {mapping.hint}") from error
        raise
    _orders(context, is_line, currency)
    _lines(context)
    notes = take_out_tax(context.connection)
    _rest(context)
    names = ("customers", "products", "orders", "order_lines", "refunds")
    outputs = [Output(TABLES_BY_NAME[name], f"load_out_{name}", has_unique_key=True) for name in names]
    # An export without the columns of refunds says nothing about them, so none is withdrawn.
    speaks_of_refunds = any(
        name in fields and find_column(context.source, fields[name].source)
        for name in ("refunded_amount", "line_refunded_amount")
    )
    refund_id = "(?s)^(.*)-refund(?:-[0-9]+)?$" if speaks_of_refunds else None
    return Prepared(outputs, ignored, notes, Replaced("load_rows_cast", "order_id", refund_id))


def _orders(context: Context, is_line: str, currency: str | None) -> None:
    connection = context.connection
    picks = ", ".join(f"arg_min({name}, _line) filter ({name} is not null) as {name}" for name in _ORDER_COLUMNS)
    connection.execute(
        f"create or replace temp table load_rows_orders as select order_id, min(_line) as _line, {picks} "
        f"from load_rows_cast where _fault is null group by order_id"
    )
    row = connection.execute(
        "select count(*), count(currency), min(_line) filter (currency is null) from load_rows_orders"
    ).fetchone()
    if row and row[0] and not row[1] and currency is None:
        raise UsageError(f"{context.source.name} does not say the currency; add --currency, for example --currency EUR")
    # Without its first row an order has no date and no state; its other rows cannot be used either.
    connection.execute(
        "create or replace temp table load_rows_incomplete as select order_id from load_rows_orders "
        "where ordered_at is null or status is null or currency is null"
    )
    connection.execute(
        f"insert into {FAULTS} select _line, 'order_lines', 'order_line_without_order', "
        f"{quote('order_id: ' + _ORDER_REJECTED)} "
        f"from load_rows_cast semi join load_rows_incomplete using (order_id) where _fault is null"
    )
    number_rows(context, "load_rows_cast", "order_id")
    connection.execute("delete from load_rows_orders where order_id in (select order_id from load_rows_incomplete)")
    connection.execute(
        f"""
        create or replace temp table load_rows as
        select *, {is_line} as is_line from (
            select load_rows_cast.*, position as line_number
            from load_rows_cast inner join {POSITIONS} using (_line)
        ) as rows anti join load_rows_incomplete using (order_id)
        where _fault is null
        """
    )


def _lines(context: Context) -> None:
    # Where the export has line totals, the price of a unit is rounded up, so that the line's discount can take what the
    # rounding added and the net of the line is the shop's figure exactly.
    context.connection.execute(
        """
        create or replace temp table load_rows_lines as
        with priced as (
            select
                _line, order_id, line_number, product_id, product_title, quantity,
                case
                    when line_subtotal_amount is not null and quantity > 0
                        then cast(
                            ceil(cast(line_subtotal_amount as decimal(38, 4)) * 10000 / quantity) / 10000
                            as decimal(18, 4)
                        )
                    when unit_price is not null then unit_price
                    when quantity > 0
                        then cast(
                            ceil(cast(line_total_amount as decimal(38, 4)) * 10000 / quantity) / 10000
                            as decimal(18, 4)
                        )
                    else 0
                end as unit_price,
                coalesce(line_discount_amount, 0) as line_discount,
                coalesce(line_total_amount, case when unit_price is null then line_subtotal_amount end) as line_total
            from load_rows where is_line
        ),
        gross as (
            select *, cast(round(cast(quantity as decimal(38, 4)) * unit_price, 4) as decimal(38, 4)) as gross
            from priced
        ),
        net as (
            select
                *,
                case
                    when line_total is not null then greatest(gross - line_total, 0) else line_discount
                end as own_discount
            from gross
        ),
        wanted as (
            select
                net.*,
                net.gross - net.own_discount as line_net,
                sum(net.gross - net.own_discount) over (partition by net.order_id) as order_net,
                case
                    when bool_or(line_total is not null) over (partition by net.order_id) then 0
                    when net_subtotal_amount is not null
                        then sum(net.gross - net.own_discount) over (partition by net.order_id) - net_subtotal_amount
                    when gross_subtotal_amount is not null
                        then sum(net.gross - net.own_discount) over (partition by net.order_id)
                            - (gross_subtotal_amount - coalesce(order_discount_amount, 0))
                    else coalesce(order_discount_amount, 0)
                end as to_spread
            from net inner join load_rows_orders as orders on net.order_id = orders.order_id
        ),
        spread as (
            select
                *,
                case
                    when order_net > 0 and line_net > 0
                        then cast(
                            round(cast(least(greatest(to_spread, 0), order_net) as double) * line_net / order_net, 4)
                            as decimal(38, 4)
                        )
                    else 0
                end as share,
                row_number() over (partition by order_id order by line_net desc, line_number) as size_rank
            from wanted
        )
        select
            _line, order_id, line_number, coalesce(product_id, product_title) as product_id, product_title, quantity,
            unit_price,
            cast(
                own_discount + share
                + case
                    when size_rank = 1 and order_net > 0
                        then least(greatest(to_spread, 0), order_net) - sum(share) over (partition by order_id)
                    else 0
                end as decimal(18, 4)
            ) as discount_amount
        from spread
        """
    )


def _rest(context: Context) -> None:
    connection = context.connection
    connection.execute(
        """
        create or replace temp view load_out_orders as
        select
            _line, order_id, customer_id, email, ordered_at,
            case
                when cancelled_at is not null and status not in ('refunded', 'partially_refunded') then 'cancelled'
                when status = 'paid' and refunded_amount > 0 then 'partially_refunded'
                else status
            end as status,
            currency, shipping_amount, tax_amount, discount_codes, channel, cast(null as boolean) as is_gift,
            cast(null as varchar) as gift_note,
            coalesce(
                ship_to_name, nullif(trim(concat_ws(' ', ship_to_first_name, ship_to_last_name)), '')
            ) as ship_to_name,
            ship_to_country, ltrim(ship_to_postal_code, '''') as ship_to_postal_code
        from load_rows_orders
        """
    )
    connection.execute("create or replace temp view load_out_order_lines as select * from load_rows_lines")
    # The exports give amounts but no dates of refunds: the day of the cancellation, else that of the order. What was
    # given back of a whole order holds tax and shipping too, so that the goods' part of it is theirs in the total:
    # all of the total is all of the goods. Where lines say what was given back for them, the rest is tax and shipping.
    connection.execute(
        """
        create or replace temp table load_out_refunds as
        with by_line as (
            select
                load_rows._line, load_rows.order_id, load_rows.line_number,
                abs(load_rows.line_refunded_amount) as amount,
                nullif(abs(load_rows.line_refunded_quantity), 0) as quantity
            from load_rows where is_line and line_refunded_amount <> 0
        ),
        goods as (
            select order_id, sum(round(cast(quantity as decimal(38, 4)) * unit_price, 4) - discount_amount) as amount
            from load_rows_lines group by order_id
        ),
        whole as (
            select
                orders.*,
                case
                    when total_amount > 0 and abs(refunded_amount) >= total_amount
                        then goods.amount - coalesce(given.amount, 0)
                    when given.amount > 0 then 0
                    when total_amount > 0
                        then least(
                            cast(
                                round(
                                    cast(abs(refunded_amount) as double)
                                    * cast(goods.amount as double) / cast(total_amount as double), 4
                                ) as decimal(18, 4)
                            ),
                            abs(refunded_amount), goods.amount
                        )
                    else least(abs(refunded_amount), goods.amount)
                end as amount
            from load_rows_orders as orders
            inner join goods on orders.order_id = goods.order_id
            left join (select order_id, sum(amount) as amount from by_line group by order_id) as given
                on orders.order_id = given.order_id
            where refunded_amount <> 0
        )
        select
            by_line._line, by_line.order_id || '-refund-' || line_number as refund_id, by_line.order_id,
            coalesce(cancelled_at, ordered_at) as refunded_at, amount, line_number, quantity
        from by_line inner join load_rows_orders as orders on by_line.order_id = orders.order_id
        union all
        select
            _line, order_id || '-refund', order_id, coalesce(cancelled_at, ordered_at),
            cast(amount as decimal(18, 4)), null, null
        from whole where amount > 0
        """
    )
    connection.execute(
        """
        create or replace temp table load_out_products as
        select
            min(load_rows._line) as _line, lines.product_id, arg_max(load_rows.product_title, load_rows._line) as title,
            cast(null as varchar) as category, arg_max(load_rows.brand, load_rows._line) as brand,
            cast(null as varchar) as tags, cast(null as decimal(18, 4)) as unit_cost,
            cast(null as decimal(18, 4)) as unit_price, cast(null as boolean) as is_active,
            cast(null as boolean) as is_in_stock, cast(null as timestamp with time zone) as created_at
        from load_rows_lines as lines inner join load_rows on lines._line = load_rows._line
        where lines.product_id is not null group by lines.product_id
        """
    )
    latest = ", ".join(
        f"arg_max({name}, (ordered_at, order_id)) filter ({name} is not null) as {name}"
        for name in ("email", "phone", "first_name", "last_name", "country", "postal_code")
    )
    connection.execute(
        f"""
        create or replace temp table load_out_customers as
        select
            min(_line) as _line, customer_id, {latest}, cast(null as varchar) as language,
            min(ordered_at) as created_at, cast(null as boolean) as email_consent,
            cast(null as boolean) as sms_consent, cast(null as boolean) as ads_user_data_consent,
            cast(null as boolean) as ads_personalization_consent, cast(null as boolean) as tracking_consent,
            cast(null as timestamp with time zone) as consent_updated_at, cast(null as varchar) as acquisition_channel,
            cast(null as varchar) as attributes
        from load_rows_orders where customer_id is not null group by customer_id
        """
    )
    complete_profiles(connection)
