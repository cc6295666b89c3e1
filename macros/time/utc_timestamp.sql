{% macro utc_timestamp(timestamptz_column) -%}
    {#- A plain cast would use the session's time zone; this one cannot depend on it. -#}
    cast({{ timestamptz_column }} as timestamp with time zone) at time zone 'UTC'
{%- endmacro %}
