{% macro utc_timestamp(timestamptz_column) -%}
    {{ return(adapter.dispatch('utc_timestamp', 'regulars')(timestamptz_column)) }}
{%- endmacro %}

{% macro default__utc_timestamp(timestamptz_column) -%}
    {#- A plain cast would use the session's time zone; this one cannot depend on it. -#}
    cast({{ timestamptz_column }} as timestamp with time zone) at time zone 'UTC'
{%- endmacro %}

{% macro spark__utc_timestamp(timestamptz_column) -%}
    {#- Spark keeps moments and shows them in the session's zone. -#}
    to_utc_timestamp(cast({{ timestamptz_column }} as timestamp), current_timezone())
{%- endmacro %}
