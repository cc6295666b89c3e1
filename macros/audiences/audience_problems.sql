{% macro audience_problems(name, said, node) -%}
    {#- What makes no sense in one audience's YAML, also beside what the model returns, as sentences. -#}
    {%- set problems = [] -%}
    {%- set known = ['label', 'purpose', 'advice', 'owner', 'channel', 'priority', 'destinations', 'experiment', 'holdout_share',
                     'sample_share', 'sample_at_least', 'guardrails', 'is_family'] -%}
    {%- for key in said if key not in known -%}
        {%- do problems.append(name ~ ": meta.audience has '" ~ key ~ "'; there are: " ~ known | join(', ')) -%}
    {%- endfor -%}
    {%- for key in ['label', 'purpose'] if not said.get(key) or said[key] is not string -%}
        {%- do problems.append(name ~ ': meta.audience needs a ' ~ key) -%}
    {%- endfor -%}
    {%- if not node.description -%}
        {%- do problems.append(name ~ ' has no description') -%}
    {%- endif -%}
    {%- for key in ['holdout_share', 'sample_share'] if key in said and (said[key] is not number or said[key] is boolean or said[key] < 0 or said[key] > 1) -%}
        {%- do problems.append(name ~ ': ' ~ key ~ " is '" ~ said[key] ~ "'; it must be a number from 0 to 1") -%}
    {%- endfor -%}
    {%- if said.get('holdout_share', 0) is number and said.get('holdout_share', 0) + var('global_holdout_share') > 1 -%}
        {%- do problems.append(name ~ ': holdout_share ' ~ said.holdout_share ~ ' and var global_holdout_share ' ~ var('global_holdout_share') ~ ' add up to more than 1; with that var it can be at most ' ~ (1 - var('global_holdout_share')) | round(6)) -%}
    {%- endif -%}
    {#- Asked of what was built: no reading of its SQL is sure to find every way to return a column. -#}
    {%- if 'value' not in node.columns and can_be_asked(ref(name)) -%}
        {%- for column in adapter.get_columns_in_relation(ref(name)) if column.name | lower == 'value' -%}
            {%- do problems.append(name ~ ' returns a column value that its YAML does not have under columns, and nobody would get it; describe it there, or leave it out') -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for key in ['priority', 'sample_at_least'] if key in said and (said[key] is not integer or said[key] is boolean or said[key] < 1) -%}
        {%- do problems.append(name ~ ': ' ~ key ~ " is '" ~ said[key] ~ "'; it must be a whole number of at least 1") -%}
    {%- endfor -%}
    {%- if 'is_family' in said and said.is_family is not boolean -%}
        {%- do problems.append(name ~ ": is_family is '" ~ said.is_family ~ "'; it must be true or false") -%}
    {%- endif -%}
    {%- if 'priority' in said and not said.get('channel') -%}
        {%- do problems.append(name ~ ': a priority needs a channel: it decides between the audiences of one') -%}
    {%- endif -%}
    {%- if 'destinations' in said and (said.destinations is string or said.destinations is not sequence) -%}
        {%- do problems.append(name ~ ": destinations is '" ~ said.destinations ~ "'; it must be a list such as [klaviyo]") -%}
    {%- endif -%}
    {%- set limits = said.get('guardrails', {}) -%}
    {%- if limits is not mapping -%}
        {%- do problems.append(name ~ ": guardrails is '" ~ limits ~ "'; it must be a mapping such as {open_rate_at_least: 0.1}") -%}
    {%- else -%}
        {%- for key, value in limits.items() if key not in ['open_rate_at_least', 'unsubscribe_rate_below', 'complaint_rate_below']
            or value is not number or value is boolean or value < 0 or value > 1 -%}
            {%- do problems.append(name ~ ': guardrails has ' ~ key ~ ': ' ~ value ~ '; there are open_rate_at_least, unsubscribe_rate_below and complaint_rate_below, from 0 to 1') -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}
