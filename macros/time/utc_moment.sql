{% macro utc_moment(timestamp_column) -%}
    {{ return(adapter.dispatch('utc_moment', 'regulars')(timestamp_column)) }}
{%- endmacro %}

{% macro default__utc_moment(timestamp_column) -%}
    ({{ timestamp_column }}) at time zone 'UTC'
{%- endmacro %}

{% macro spark__utc_moment(timestamp_column) -%}
    from_utc_timestamp({{ timestamp_column }}, current_timezone())
{%- endmacro %}
