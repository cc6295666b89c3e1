{% macro newest_load_in(relation) -%}
    (select coalesce(max(loaded_at), timestamp '1900-01-01') at time zone 'UTC' from {{ relation }})
{%- endmacro %}
