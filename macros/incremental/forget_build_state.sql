{% macro forget_build_state() -%}
    delete from {{ ref('int_build_states') }} where table_name = '{{ this.identifier }}'
{%- endmacro %}
