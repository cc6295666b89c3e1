{% macro previous_build() -%}
    {#-
        What the newest complete build described. `int_last_build` comes after everything that reads this, so a `ref` would be a
        circle; that it is written last is the point: after a build that broke half-way the old state stands, and the
        next build takes up every change since then again.
    -#}
    {%- set relation = load_relation(this.incorporate(path={'identifier': 'int_last_build', 'schema': 'intermediate'})) if execute else none -%}
    {%- if relation is none or flags.FULL_REFRESH -%}
        select
            cast(null as timestamp) as as_of_at,
            cast(null as timestamp) as loaded_through_at,
            cast(null as varchar) as settings_fingerprint
        where false
    {%- else -%}
        select
            as_of_at,
            loaded_through_at,
            settings_fingerprint
        from {{ relation }}
    {%- endif -%}
{%- endmacro %}
