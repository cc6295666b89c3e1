{% macro refuse_unknown(block, what, given, known, only_warn=false) -%}
    {#- Stop, or warn, with what was asked for and what there is instead; of many, those that look most like it. -#}
    {%- if not given -%}
        {{ exceptions.raise_compiler_error(block ~ ': name at least one ' ~ what ~ '; there are: ' ~ known | join(', ')) }}
    {%- endif -%}
    {%- set unknown = [] -%}
    {%- for value in given if value not in known -%}
        {%- do unknown.append(value) -%}
    {%- endfor -%}
    {%- if unknown -%}
        {%- set alike = [] -%}
        {%- for value in known if value | lower | truncate(3, true, '', 0) == unknown[0] | string | lower | truncate(3, true, '', 0)
            or unknown[0] | string | lower in value | lower -%}
            {%- do alike.append(value) -%}
        {%- endfor -%}
        {%- set shown = known if known | length <= 40 else (alike or known) -%}
        {%- set left_out = known | length - shown[:40] | length -%}
        {%- set more = ' and ' ~ left_out ~ (' others' if alike else ' more') if left_out > 0 else '' -%}
        {%- set sentence = block ~ ": there is no " ~ what ~ " '" ~ unknown | join("' and no '") ~ "'; there "
            ~ ('are: ' ~ shown[:40] | join(', ') ~ more if known else 'are none') -%}
        {%- if only_warn -%}
            {%- do exceptions.warn((model.name ~ ': ' if model is defined else '') ~ sentence) -%}
        {%- else -%}
            {{ exceptions.raise_compiler_error(sentence) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
