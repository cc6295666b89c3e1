{% macro has_tag(tags_column, tags) -%}
    {#- `tags_column` is written ',tag,tag,' by staging, so a whole tag is found and a part of one is not. -#}
    {%- if tags -%}
        coalesce(
            {%- for tag in tags %}
            {{ dbt.position("'," ~ (tag | trim | lower | replace("'", "''")) ~ ",'", tags_column) }} > 0{{ ' or' if not loop.last }}
            {%- endfor %},
            false
        )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
