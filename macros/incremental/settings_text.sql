{% macro settings_text() -%}
    {#- The vars, and the code, that shape rows of the incremental tables. -#}
    {%- set names = [
        'shop_timezone', 'shop_country', 'merge_customers_by_email', 'gift_tags', 'gift_wrap_tags',
        'gift_card_tags', 'core_category_share', 'gift_clues', 'least_discount_share', 'has_refunds', 'has_customers',
        'has_products', 'has_exchange_rates', 'has_email_events', 'has_web_events', 'landing_database', 'landing_schema', 'landing_tables',
    ] -%}
    {%- set words = [] -%}
    {%- for name in names -%}
        {%- do words.append(name ~ '=' ~ var(name)) -%}
    {%- endfor -%}
    {#- A new version of a model, stored or a view between, makes every row anew, as a changed var does. That some of these models shape
        no stored row costs one full computation after an upgrade; a list of those that do would be wrong one day. -#}
    {%- if execute -%}
        {%- for node in graph.get('nodes', {}).values() | sort(attribute='name')
            if node.resource_type == 'model' and (node.fqn[1] in ['staging', 'intermediate'] or node.name in tables_with_state()) -%}
            {%- do words.append(node.name ~ '=' ~ node.checksum.checksum) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return((words | join(';')) | replace("'", "")) }}
{%- endmacro %}
