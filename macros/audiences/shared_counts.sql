{% macro shared_counts(members) -%}
    {#- How many customers each two audiences share; the one whose name comes first stands first. -#}
    {{ return(adapter.dispatch('shared_counts', 'regulars')(members)) }}
{%- endmacro %}

{% macro default__shared_counts(members) -%}
    select
        first_members.audience,
        second_members.audience as other_audience,
        count(*) as shared_count

    from {{ members }} as first_members

    inner join {{ members }} as second_members
        on
            first_members.customer_id = second_members.customer_id
            and first_members.audience < second_members.audience

    group by
        first_members.audience,
        second_members.audience
{%- endmacro %}

{% macro duckdb__shared_counts(members) -%}
    {#- One bit a customer, in blocks of 4,096: two audiences are compared 64 customers at a time, where a join would go through every
        pair of audiences of every customer. -#}
    with

    customers as (

        select
            customer_id,
            row_number() over (order by customer_id) - 1 as customer_number

        from (select distinct customer_id from {{ members }})

    ),

    blocks as (

        select
            members.audience,
            customers.customer_number // 4096 as block_number,
            bitstring_agg(cast(customers.customer_number % 4096 as integer), 0, 4095) as customer_bits

        from {{ members }} as members

        inner join customers
            on members.customer_id = customers.customer_id

        group by
            members.audience,
            customers.customer_number // 4096

    ),

    shared_blocks as (

        select
            first_blocks.audience,
            second_blocks.audience as other_audience,
            bit_count(first_blocks.customer_bits & second_blocks.customer_bits) as shared_count

        from blocks as first_blocks

        inner join blocks as second_blocks
            on
                first_blocks.block_number = second_blocks.block_number
                and first_blocks.audience < second_blocks.audience

    )

    select
        audience,
        other_audience,
        cast(sum(shared_count) as bigint) as shared_count

    from shared_blocks

    group by
        audience,
        other_audience

    having sum(shared_count) > 0
{%- endmacro %}
