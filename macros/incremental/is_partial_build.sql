{% macro is_partial_build() -%}
    {#- True where only changed keys need work: the table stands, and a complete build stands behind it. -#}
    {%- if not is_incremental() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set last_build = load_relation(this.incorporate(path={'identifier': 'int_last_build', 'schema': 'intermediate'})) -%}
    {{ return(last_build is not none) }}
{%- endmacro %}
