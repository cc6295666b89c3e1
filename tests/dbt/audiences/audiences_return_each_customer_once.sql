{# What audience models return and must not: nobody, somebody twice, somebody unknown, or a name that is not theirs. One row per audience
   and fault. -#}
{%- set problems -%}
    with

    audience_rows as (

        select
            model_name,
            audience,
            customer_id,
            substring(model_name from 5) as own_name

        from {{ ref('int_audience_rows') }}

    ),

    definitions as (

        select
            model_name,
            is_family

        from {{ ref('int_audience_definitions') }}

    ),

    customers as (

        select customer_id from {{ ref('dim_customers') }}

    ),

    by_customer as (

        select
            model_name,
            audience,
            own_name,
            customer_id,
            count(*) as row_count

        from audience_rows

        group by model_name, audience, own_name, customer_id

    ),

    by_audience as (

        select
            by_customer.model_name,
            by_customer.audience,
            by_customer.own_name,
            sum(case when by_customer.customer_id is null then by_customer.row_count end) as nobody_count,
            count(case when by_customer.row_count > 1 then by_customer.customer_id end) as twice_count,
            min(case when by_customer.row_count > 1 then by_customer.customer_id end) as twice_example,
            count(case when customers.customer_id is null then by_customer.customer_id end) as unknown_count,
            min(case when customers.customer_id is null then by_customer.customer_id end) as unknown_example

        from by_customer

        left join customers
            on by_customer.customer_id = customers.customer_id

        group by by_customer.model_name, by_customer.audience, by_customer.own_name

    ),

    by_name as (

        select
            audience,
            count(*) as model_count,
            min(model_name) as first_model_name,
            max(model_name) as last_model_name

        from by_audience

        group by audience

    )

    select
        audience,
        'rows of ' || model_name || ' without a customer_id: ' || cast(nobody_count as {{ dbt.type_string() }})
        || '; leave them out' as problem

    from by_audience

    where nobody_count > 0

    union all

    select
        audience,
        'customers whom ' || model_name || ' returns more than once: ' || cast(twice_count as {{ dbt.type_string() }})
        || ', one is ' || twice_example || '; a join there has more than one row a customer' as problem

    from by_audience

    where twice_count > 0

    union all

    select
        audience,
        'customers whom ' || model_name || ' returns and dim_customers does not have: '
        || cast(unknown_count as {{ dbt.type_string() }}) || ', one is ' || unknown_example
        || '; take customer_id from a mart' as problem

    from by_audience

    where unknown_count > 0

    union all

    select
        by_audience.audience,
        by_audience.model_name || ' returns this name; it must be ' || by_audience.own_name
        || case
            when definitions.is_family then ', or of the family ' || by_audience.own_name || ':<item>'
            else '; a family of ' || by_audience.own_name || ':<item> says is_family: true in its YAML'
        end as problem

    from by_audience

    inner join definitions
        on by_audience.model_name = definitions.model_name

    where
        not coalesce(
            by_audience.audience = by_audience.own_name
            or (
                definitions.is_family
                and left(by_audience.audience, length(by_audience.own_name) + 1) = by_audience.own_name || ':'
                and length(by_audience.audience) > length(by_audience.own_name) + 1
            ),
            false
        )

    union all

    select
        audience,
        first_model_name || ' and ' || last_model_name || ' both return this name; each needs its own' as problem

    from by_name

    where model_count > 1
{%- endset -%}
{%- do say_problems('models/audiences/ return what no audience can have', problems) -%}

{{ problems }}
