{% macro audience_definitions() -%}
    {#- What the YAML beside each audience says, as one mapping an audience model, checked; empty while dbt only parses. -#}
    {%- set found, problems, names = [], [], [] -%}
    {%- if execute -%}
        {%- set nodes, known_settings = audience_nodes(), {} -%}
        {%- for name in nodes if name not in audience_models() -%}
            {%- do problems.append(name ~ ' is not in the list of macros/audiences/audience_models.sql; add it there') -%}
        {%- endfor -%}
        {%- for name in audience_models() -%}
            {%- if audience_models().count(name) > 1 and name not in names -%}
                {%- do problems.append(name ~ ' stands twice in the list of macros/audiences/audience_models.sql') -%}
            {%- endif -%}
            {%- do names.append(name) -%}
            {%- set node = nodes.get(name) -%}
            {%- set said = (node.config.meta or {}).get('audience') if node else none -%}
            {%- if node and said is not mapping -%}
                {%- do problems.append(name ~ ' has no `config: {meta: {audience: …}}` in a YAML beside it (label and purpose at least); `regulars audience new` writes one') -%}
            {%- elif node -%}
                {%- set wrong = audience_problems(name, said, node) -%}
                {%- do problems.extend(wrong) -%}
                {%- if not wrong -%}{%- do found.append(audience_definition(name, said, node, nodes, known_settings)) -%}{%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if problems -%}
        {{ exceptions.raise_compiler_error('audiences that cannot be built (docs/audiences.md):\n  - ' ~ problems | join('\n  - ')) }}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
