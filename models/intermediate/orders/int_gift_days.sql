{# Grain: one row per country and day on which people there buy for somebody else. #}
{{ config(post_hook=["{{ forget_build_state() }}", "{{ remember_build_state() }}"]) }}

with

occasions as (

    select
        upper(country) as country,
        cast(starts_on as date) as starts_on,
        {{ days_between('starts_on', 'ends_on') }} + 1 as day_count

    from {{ ref('gift_occasions') }}

),

longest as (

    select coalesce(max(day_count), 0) as day_count from occasions

),

day_numbers as (

    {{ number_series('longest.day_count', 'longest', digits=3) }}

),

gift_days as (

    select distinct
        occasions.country,
        {{ add_days('occasions.starts_on', 'day_numbers.number') }} as gift_on

    from occasions

    inner join day_numbers
        on occasions.day_count > day_numbers.number

)

select * from gift_days
