{% macro from_time_zone(local_timestamp, time_zone) -%}
    {{ return(adapter.dispatch('from_time_zone', 'regulars')(local_timestamp, time_zone)) }}
{%- endmacro %}

{% macro default__from_time_zone(local_timestamp, time_zone) -%}
    ({{ local_timestamp }} at time zone '{{ time_zone }}') at time zone 'UTC'
{%- endmacro %}

{% macro spark__from_time_zone(local_timestamp, time_zone) -%}
    to_utc_timestamp({{ local_timestamp }}, '{{ time_zone }}')
{%- endmacro %}
