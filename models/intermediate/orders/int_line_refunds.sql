{# Grain: one row per line of an order with refunds: its own refunds, and its part of those of the whole order. #}
{{ config(post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"]) }}

with

refunds as (

    select
        order_id,
        line_number,
        returned_quantity,
        refund_amount

    from {{ ref('int_order_refunds') }}

),

lines as (

    select
        order_id,
        line_number,
        quantity,
        gross_amount - discount_amount as line_amount

    from {{ ref('int_order_line_amounts') }}

    where order_id in (select order_id from {{ ref('int_order_refunds') }})

),

direct_refunds as (

    select
        order_id,
        line_number,
        sum(returned_quantity) as returned_quantity,
        sum(refund_amount) as refund_amount

    from refunds

    where line_number is not null

    group by
        order_id,
        line_number

),

whole_order_refunds as (

    select
        order_id,
        sum(refund_amount) as refund_amount

    from refunds

    where line_number is null

    group by order_id

),

-- What its own refunds leave of a line: nobody gives the same money back twice.
open_lines as (

    select
        lines.order_id,
        lines.line_number,
        whole_order_refunds.refund_amount as order_refund_amount,
        greatest(lines.line_amount - coalesce(direct_refunds.refund_amount, 0), 0) as line_amount

    from lines

    inner join whole_order_refunds
        on lines.order_id = whole_order_refunds.order_id

    left join direct_refunds
        on
            lines.order_id = direct_refunds.order_id
            and lines.line_number = direct_refunds.line_number

),

lines_with_shares as (

    select
        order_id,
        line_number,
        order_refund_amount,
        sum(line_amount) over (partition by order_id) as order_amount,
        line_amount,
        row_number() over (
            partition by order_id
            order by line_amount desc, line_number asc
        ) as size_rank

    from open_lines

),

rounded_shares as (

    select
        order_id,
        line_number,
        size_rank,
        order_refund_amount,
        case
            when order_amount <= 0 then 0
            -- In whole ten-thousandths, which doubles hold exactly, so that a half is a half.
            else
                cast(
                    round(
                        cast(cast(order_refund_amount as numeric(22, 4)) * 10000 as {{ type_double() }})
                        * cast(cast(line_amount as numeric(22, 4)) * 10000 as {{ type_double() }})
                        / cast(cast(order_amount as numeric(22, 4)) * 10000 as {{ type_double() }})
                    ) / 10000 as numeric(18, 4)
                )
        end as share_amount

    from lines_with_shares

),

-- What rounding leaves over goes to the largest line, so that the shares add up to the refund to the last digit.
spread_refunds as (

    select
        order_id,
        line_number,
        cast(
            share_amount + case
                when size_rank = 1
                    then order_refund_amount - sum(share_amount) over (partition by order_id)
                else 0
            end as numeric(18, 4)
        ) as refund_amount

    from rounded_shares

),

line_refunds as (

    select
        lines.order_id,
        lines.line_number,
        -- All the money of a line back, and not a word of how many: all of it came back.
        cast(
            case
                when
                    direct_refunds.returned_quantity = 0
                    and direct_refunds.refund_amount > 0
                    and direct_refunds.refund_amount >= lines.line_amount
                    then lines.quantity
                else coalesce(direct_refunds.returned_quantity, 0)
            end as numeric(18, 4)
        ) as returned_quantity,
        cast(
            coalesce(direct_refunds.refund_amount, 0) + coalesce(spread_refunds.refund_amount, 0) as numeric(18, 4)
        ) as refund_amount

    from lines

    left join direct_refunds
        on
            lines.order_id = direct_refunds.order_id
            and lines.line_number = direct_refunds.line_number

    left join spread_refunds
        on
            lines.order_id = spread_refunds.order_id
            and lines.line_number = spread_refunds.line_number

)

select * from line_refunds
