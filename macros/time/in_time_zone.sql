{% macro in_time_zone(utc_timestamp, time_zone) -%}
    {{ return(adapter.dispatch('in_time_zone', 'regulars')(utc_timestamp, time_zone)) }}
{%- endmacro %}

{% macro default__in_time_zone(utc_timestamp, time_zone) -%}
    ({{ utc_timestamp }} at time zone 'UTC') at time zone '{{ time_zone }}'
{%- endmacro %}

{% macro spark__in_time_zone(utc_timestamp, time_zone) -%}
    from_utc_timestamp({{ utc_timestamp }}, '{{ time_zone }}')
{%- endmacro %}
