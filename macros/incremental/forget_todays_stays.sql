{% macro forget_todays_stays() -%}
    {#- A second build of the same day says anew what the first one said. -#}
    {%- set as_of = ref('int_as_of') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where entered_on = (select as_of_date from {{ as_of }})
        and entered_on = (select max(newest.entered_on) from {{ this }} as newest)
    {%- endif -%}
{%- endmacro %}
