{% macro forget_todays_stays() -%}
    {#- A second build of the same day says anew what the first one said; a look at a past date takes nothing back. -#}
    {%- set as_of, builds = ref('int_as_of'), ref('int_rfm_builds') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where entered_on = (select as_of_date from {{ as_of }})
        and entered_on = (select max(as_of_date) from {{ builds }})
    {%- endif -%}
{%- endmacro %}
