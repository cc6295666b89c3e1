{% macro attribute(name) -%}
    {#- Called as attribute('country', in=['DK', 'SE']): `in` is a word of Jinja, so it comes as a keyword argument only. -#}
    {%- set wanted = kwargs.get('in') -%}
    {%- if wanted is none or wanted is string or wanted is mapping or wanted is not sequence or not wanted -%}
        {{ exceptions.raise_compiler_error("attribute: " ~ name ~ " needs in=[…], a list of at least one value") }}
    {%- endif -%}
    {%- set segments = ref('customer_segments') -%}
    {%- if execute and graph.get('nodes') -%}
        {%- set columns = [] -%}
        {%- for node in graph.nodes.values() if node.name == 'customer_segments' -%}
            {%- do columns.extend(node.columns.keys()) -%}
        {%- endfor -%}
        {%- do refuse_unknown('attribute', 'column of customer_segments', [name], columns) -%}
    {%- endif -%}
    {%- set values = [] -%}
    {%- for value in wanted -%}
        {%- do values.append(value | string | lower if value is boolean or value is number else "'" ~ (value | replace("'", "''")) ~ "'") -%}
    {%- endfor -%}
    (
        select customer_id
        from {{ segments }}
        where {{ name }} in ({{ values | join(', ') }})
    )
{%- endmacro %}
