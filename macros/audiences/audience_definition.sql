{% macro audience_definition(name, said, node, audience_nodes) -%}
    {#- One audience model as int_audience_definitions has it. Its hash covers what makes its rule: its own SQL, the audiences and
        seeds it is built from, and the vars that any model above it names. A changed label or destination changes no rule. -#}
    {%- set open, seen, words, blocks = [node.unique_id], [], [], [] -%}
    {%- set all_nodes = graph.nodes -%}
    {%- set names_of_vars = rule_vars() -%}
    {%- for _ in range(100000) if open -%}
        {%- set each = all_nodes.get(open.pop()) -%}
        {%- if each and each.unique_id not in seen -%}
            {%- do seen.append(each.unique_id) -%}
            {%- if each.resource_type == 'seed' -%}
                {%- do words.append(each.name ~ '=' ~ each.checksum.checksum) -%}
            {%- else -%}
                {%- if each.name in audience_nodes -%}
                    {%- do words.append(each.name ~ '=' ~ each.raw_code) -%}
                    {%- do blocks.extend(each.depends_on.macros) -%}
                {%- endif -%}
                {%- do open.extend(each.depends_on.nodes) -%}
                {%- for quoted in modules.re.findall("'([a-z0-9_]+)'", each.raw_code) if quoted in names_of_vars -%}
                    {%- do words.append(quoted ~ '=' ~ var(quoted)) -%}
                {%- endfor -%}
                {%- for macro, quoted_vars in names_of_vars.items() if 'macro.regulars.' ~ macro in each.depends_on.macros -%}
                    {%- for quoted in quoted_vars -%}{%- do words.append(quoted ~ '=' ~ var(quoted)) -%}{%- endfor -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'model_name': name,
        'audience': name | replace('aud_', '', 1),
        'label': said.get('label'),
        'purpose': said.get('purpose'),
        'advice': said.get('advice'),
        'owner': said.get('owner'),
        'channel': said.get('channel'),
        'priority': said.get('priority'),
        'destinations': said.get('destinations', []) | join(', ') or none,
        'experiment': said.get('experiment') or name | replace('aud_', '', 1),
        'holdout_share': said.get('holdout_share', 0),
        'sample_share': said.get('sample_share'),
        'sample_at_least': said.get('sample_at_least', 1000),
        'is_family': said.get('is_family', false),
        'has_value': 'value' in node.columns,
        'guardrails': said.get('guardrails', {}),
        'blocks': blocks | map('replace', 'macro.regulars.', '') | unique | sort | list,
        'definition_hash': local_md5(words | unique | sort | join('\n'))[:16],
    }) }}
{%- endmacro %}
