{# Grain: one row per audience model, with what the YAML beside it says. #}
{%- set text = dbt.type_string() -%}
{%- set columns = {
    'model_name': text, 'audience': text, 'label': text, 'purpose': text, 'advice': text, 'owner': text, 'channel': text,
    'priority': 'integer', 'destinations': text, 'experiment': text, 'holdout_share': type_double(),
    'sample_share': type_double(), 'sample_at_least': 'integer', 'definition_hash': text, 'experiment_key': text,
} -%}
{%- set limits = ['open_rate_at_least', 'unsubscribe_rate_below', 'complaint_rate_below'] -%}
{%- set reasons = ['lifecycle', 'importance', 'persona', 'rfm_tier', 'customer_type'] -%}

-- What the YAML says is read from dbt's graph; so that a build of one audience and what stands behind it reads it anew:
{%- for name in audience_models() %}
-- depends_on: {{ ref(name) }}
{%- endfor %}

with

definitions as (

    {% for definition in audience_definitions() %}
    select
        {%- for column, type in columns.items() %}
        {%- set value = definition[column] %}
        cast({{ 'null' if value is none else "'" ~ (value | string | replace("'", "''")) ~ "'" }} as {{ type }}) as {{ column }},
        {%- endfor %}
        cast({{ var('global_holdout_share') }} as {{ type_double() }}) as global_holdout_share,
        {%- for limit in limits %}
        cast({{ definition.guardrails.get(limit, 'null') }} as {{ type_double() }}) as {{ limit }},
        {%- endfor %}
        {%- for block in reasons %}
        {{ 'true' if block in definition.blocks else 'false' }} as is_by_{{ block }},
        {%- endfor %}
        {{ definition.is_family | string | lower }} as is_family,
        '{{ share_bound(definition.holdout_share) }}' as control_below,
        {{ loop.index }} as model_number

    union all
    {% endfor %}
    select
        {%- for column, type in columns.items() %}
        cast(null as {{ type }}) as {{ column }},
        {%- endfor %}
        cast(null as {{ type_double() }}) as global_holdout_share,
        {%- for limit in limits %}
        cast(null as {{ type_double() }}) as {{ limit }},
        {%- endfor %}
        {%- for block in reasons %}
        false as is_by_{{ block }},
        {%- endfor %}
        false as is_family,
        cast(null as {{ text }}) as control_below,
        cast(null as integer) as model_number

    where 1 = 0

)

select * from definitions
