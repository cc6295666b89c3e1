{% macro fingerprint(columns) -%}
    {%- set row_text = [] -%}
    {%- for column in columns -%}
        {%- do row_text.append("coalesce(cast(" ~ column ~ " as " ~ dbt.type_string() ~ "), '')") -%}
    {%- endfor -%}
    {%- set row_text = row_text | join(" || '|' || ") -%}
    {{ dbt.hash(dbt.listagg(row_text, "','", "order by " ~ row_text)) }}
{%- endmacro %}
