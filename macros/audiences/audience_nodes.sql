{% macro audience_nodes() -%}
    {#- The audience models as dbt's graph has them, by name. The graph copies a whole node each time one is asked for: only these are. -#}
    {%- set nodes = {} -%}
    {%- if execute -%}
        {%- for node_id in graph.nodes if node_id.startswith('model.') and node_id.split('.')[2].startswith('aud_') -%}
            {%- do nodes.update({node_id.split('.')[2]: graph.nodes[node_id]}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(nodes) }}
{%- endmacro %}
