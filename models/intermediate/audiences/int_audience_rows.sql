{# Grain: one row per row that an audience model returns: audience and customer, once each. #}
-- A view: fifteen million rows are written once, with their arms, by int_audience_members.
{{ config(materialized='view') }}
{%- set with_value = [] -%}
{%- for name, node in audience_nodes().items() if 'value' in node.columns -%}{%- do with_value.append(name) -%}{%- endfor -%}

with

-- A column that only value-based seeds have is null in the others.
audience_rows as (

    {%- for name in audience_models() %}
    select
        '{{ name }}' as model_name,
        audience,
        customer_id,
        {% if name in with_value -%}
        cast(value as {{ type_double() }}) as member_value
        {%- else -%}
        cast(null as {{ type_double() }}) as member_value
        {%- endif %}

    from {{ ref(name) }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

)

select * from audience_rows
