{% macro has_tag(tags_column, tags) -%}
    {#- `tags_column` is written ',tag,tag,' by staging, so a whole tag is found and a part of one is not. -#}
    {%- if tags -%}
        coalesce(
            {%- for tag in tags %}
            {{ tags_column }} like '%,{{ tag | lower | replace("'", "''") }},%'{{ ' or' if not loop.last }}
            {%- endfor %},
            false
        )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
