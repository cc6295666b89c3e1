{# Grain: one row per audience and other audience that share a customer. #}

with

members as (

    select
        audience,
        customer_id

    from {{ ref('int_audience_members') }}

),

sizes as (

    select
        audience,
        count(*) as member_count

    from members

    group by audience

),

pairs as (

    {{ shared_counts('members') }}

),

both_ways as (

    select
        audience,
        other_audience,
        shared_count

    from pairs

    union all

    select
        other_audience as audience,
        audience as other_audience,
        shared_count

    from pairs

),

overlap as (

    select
        both_ways.audience,
        both_ways.other_audience,
        both_ways.shared_count,
        cast(both_ways.shared_count as {{ type_double() }}) / sizes.member_count as shared_share,
        cast(both_ways.shared_count as {{ type_double() }})
        / (sizes.member_count + other_sizes.member_count - both_ways.shared_count) as jaccard

    from both_ways

    inner join sizes
        on both_ways.audience = sizes.audience

    inner join sizes as other_sizes
        on both_ways.other_audience = other_sizes.audience

)

select * from overlap
