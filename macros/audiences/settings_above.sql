{% macro settings_above(node_id, known_settings) -%}
    {#- The checksums of a model and of everything above it, and the values of the rule vars they name, as words; each is looked at once. -#}
    {%- if node_id not in known_settings -%}
        {%- set words = [] -%}
        {%- set node = graph.nodes.get(node_id) -%}
        {%- if node and node.resource_type == 'seed' -%}
            {%- do words.append(node.name ~ '=' ~ node.checksum.checksum) -%}
        {%- elif node -%}
            {%- do words.append(node.name ~ '=' ~ node.checksum.checksum) -%}
            {#- Of a Python model the YAML says which vars it is given; of a staging model its table, which var has_<table> is about. -#}
            {%- set names = modules.re.findall("['\"]([a-z0-9_]+)['\"]", node.raw_code ~ node.unrendered_config) -%}
            {%- set tables = names if 'macro.regulars.landing_rows' in node.depends_on.macros else [] -%}
            {%- for macro, read in rule_vars().items() -%}
                {%- if not read and (macro in names or (macro.startswith('has_') and macro[4:] in tables)) -%}{%- do words.append(macro ~ '=' ~ var(macro)) -%}{%- endif -%}
                {%- if read and 'macro.regulars.' ~ macro in node.depends_on.macros -%}
                    {%- for name in read -%}{%- do words.append(name ~ '=' ~ var(name)) -%}{%- endfor -%}
                {%- endif -%}
            {%- endfor -%}
            {%- for parent in node.depends_on.nodes -%}
                {%- do words.extend(settings_above(parent, known_settings)) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do known_settings.update({node_id: words | unique | list}) -%}
    {%- endif -%}
    {{ return(known_settings[node_id]) }}
{%- endmacro %}
