{% macro say_where_baselines_ship(results) -%}
    {#- `ref` stands outside the condition: dbt must see the dependency also when it parses. -#}
    {%- set stored = {'pred_intent_models': ref('pred_intent_models'), 'pred_affinity_models': ref('pred_affinity_models')} -%}
    {%- set as_of = ref('int_as_of') -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- for result in results if result.node.name in stored and result.status == 'success' -%}
            {%- set newest = run_query(
                'select warnings from ' ~ stored[result.node.name] ~ ' where trained_as_of <= (select as_of_date from ' ~ as_of ~ ') order by trained_as_of desc, training_number desc limit 1'
            ) -%}
            {%- for row in newest.rows -%}
                {%- for sentence in fromjson(row[0] or '[]') -%}
                    {%- do log('Predictions: ' ~ sentence ~ '.', info=true) -%}
                {%- endfor -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
