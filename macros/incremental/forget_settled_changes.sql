{% macro forget_settled_changes() -%}
    {#- Changes noted before a complete build are done with; those of a build that broke half-way stay, with the customers as they were. -#}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where build_before not in (
            select
                settings_fingerprint
                || cast(loaded_through_at as {{ dbt.type_string() }})
                || cast(as_of_at as {{ dbt.type_string() }})
            from ({{ previous_build() }}) as last_build
        )
    {%- endif -%}
{%- endmacro %}
