{% macro newest_load_in(relation) -%}
    (select {{ utc_moment("coalesce(" ~ looking_back('max(loaded_at)') ~ ", timestamp '1900-01-01')") }} from {{ relation }})
{%- endmacro %}
