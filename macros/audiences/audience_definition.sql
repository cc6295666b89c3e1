{% macro audience_definition(name, said, node, nodes, known_settings) -%}
    {#- One audience model as int_audience_definitions has it. Its hash covers what makes its rule: its own SQL, every model
        and seed above it, and the rule vars they name. A changed label or destination changes no rule. -#}
    {%- set open, seen, words, blocks = [node.unique_id], [], [], [] -%}
    {%- set audience_ids = nodes.values() | map(attribute='unique_id') | list -%}
    {%- for _ in range(1000) if open -%}
        {%- set each = graph.nodes[open.pop()] -%}
        {%- if each.unique_id not in seen -%}
            {%- do seen.append(each.unique_id) -%}
            {%- do words.append(each.name ~ '=' ~ each.raw_code) -%}
            {%- do blocks.extend(each.depends_on.macros) -%}
            {%- for parent in each.depends_on.nodes -%}
                {%- if parent in audience_ids -%}
                    {%- do open.append(parent) -%}
                {%- else -%}
                    {%- do words.extend(settings_above(parent, known_settings)) -%}
                {%- endif -%}
            {%- endfor -%}
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
        'guardrails': said.get('guardrails', {}),
        'blocks': blocks | map('replace', 'macro.regulars.', '') | unique | sort | list,
        'experiment_key': local_md5([
            var('experiment_salt'), said.get('experiment') or name, said.get('holdout_share', 0), var('global_holdout_share'),
        ] | join('|'))[:16],
        'definition_hash': local_md5(words | unique | sort | join('\n'))[:16],
    }) }}
{%- endmacro %}
