{% macro prediction_settings_text() -%}
    {#- The vars, and the SQL, that shape what a model learns from. -#}
    {%- set words = [] -%}
    {%- for name in [
        'prediction_min_buyers', 'prediction_min_history_days', 'prediction_max_idle_days', 'prediction_min_repeat_buyers',
        'prediction_snapshots', 'prediction_snapshot_days', 'prediction_least_look_back_days', 'prediction_training_rows',
        'shop_timezone', 'reporting_currency', 'affinity_snapshots', 'affinity_half_life_days', 'affinity_training_customers',
        'affinity_training_rows',
    ] -%}
        {%- do words.append(name ~ '=' ~ var(name)) -%}
    {%- endfor -%}
    {%- if execute -%}
        {%- for node in graph.get('nodes', {}).values() | sort(attribute='name')
            if node.resource_type == 'model' and 'predictions' in node.fqn and 'intermediate' in node.fqn -%}
            {%- do words.append(node.name ~ '=' ~ node.checksum.checksum) -%}
        {%- endfor -%}
    {%- endif -%}
    {#- A model's checksum is that of its file; the features themselves are written in macros. -#}
    {%- do words.append(purchase_history_features('pairs', 'purchase_days')) -%}
    {%- do words.append(halved_by_age('ordered_on', 'snapshot_on', 1)) -%}
    {{ return((words | join(';')) | replace("'", "")) }}
{%- endmacro %}
