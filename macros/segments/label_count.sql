{% macro label_count(count_column, one, many) -%}
    cast({{ count_column }} as {{ dbt.type_string() }}) || case when {{ count_column }} = 1 then ' {{ one }}' else ' {{ many }}' end
{%- endmacro %}
