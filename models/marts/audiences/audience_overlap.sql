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
        count(*) as member_count,
        row_number() over (order by audience) as audience_number

    from members

    group by audience

),

-- Numbers instead of names: every pair of audiences of every customer goes through the next step.
numbered_members as (

    select
        members.customer_id,
        cast(sizes.audience_number as integer) as audience_number

    from members

    inner join sizes
        on members.audience = sizes.audience

),

pairs as (

    select
        first_members.audience_number,
        second_members.audience_number as other_number,
        count(*) as shared_count

    from numbered_members as first_members

    inner join numbered_members as second_members
        on
            first_members.customer_id = second_members.customer_id
            and first_members.audience_number < second_members.audience_number

    group by
        first_members.audience_number,
        second_members.audience_number

),

both_ways as (

    select
        audience_number,
        other_number,
        shared_count

    from pairs

    union all

    select
        other_number as audience_number,
        audience_number as other_number,
        shared_count

    from pairs

),

overlap as (

    select
        sizes.audience,
        other_sizes.audience as other_audience,
        both_ways.shared_count,
        cast(both_ways.shared_count as {{ type_double() }}) / sizes.member_count as shared_share,
        cast(both_ways.shared_count as {{ type_double() }})
        / (sizes.member_count + other_sizes.member_count - both_ways.shared_count) as jaccard

    from both_ways

    inner join sizes
        on both_ways.audience_number = sizes.audience_number

    inner join sizes as other_sizes
        on both_ways.other_number = other_sizes.audience_number

)

select * from overlap
