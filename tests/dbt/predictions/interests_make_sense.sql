{# The rows of seeds/interests.csv that ask for nothing that can be foretold, each with what would be right. Where they can be
   asked for, they stand in the message itself: dbt shows only how many rows a test returns. -#}
{%- set problem -%}
    case
        when kind is null or kind not in ('category', 'brand', 'product', 'keyword')
            then 'kind is ' || coalesce(kind, 'empty') || '; it must be category, brand, product or keyword'
        when pick not in ('best_sellers', 'long_tail')
            then 'pick is ' || pick || '; it must be best_sellers or long_tail'
        when kind = 'keyword' and (item is null or pick is not null)
            then 'a keyword needs an item, and no pick'
        when (item is null) = (pick is null)
            then 'it must have either an item or a pick, best_sellers or long_tail'
        when pick is not null and coalesce(pick_count, 0) < 1
            then 'pick_count must be a whole number of at least 1'
        when pick is null and pick_count is not null
            then 'pick_count belongs to a pick; leave it empty beside an item'
        when pick = 'long_tail' and kind <> 'product'
            then 'long_tail picks products only'
    end
{%- endset -%}
{%- set problems = known_values(ref('interests'), "coalesce(interest, 'a row without a name') || ': ' || " ~ problem) -%}
{%- if problems -%}
    {{ exceptions.raise_compiler_error('seeds/interests.csv:\n  - ' ~ problems | join('\n  - ')) }}
{%- endif -%}

with

problems as (

    select
        interest,
        {{ problem }} as problem

    from {{ ref('interests') }}

)

select * from problems

where problem is not null
