{% macro interested_in(kind=none, item=none, keyword=none, capture=0.7) -%}
    {#- A subquery of the customer_id of everyone likely to buy it within 90 days. Only what var `interests` names is scored, so
        anything else is refused here, not found empty later. -#}
    {%- if (keyword is none) == (kind is none or item is none) -%}
        {{ exceptions.raise_compiler_error("interested_in: give `kind` and `item`, or `keyword`") }}
    {%- endif -%}
    {%- if capture not in [0.5, 0.7, 0.9] -%}
        {{ exceptions.raise_compiler_error("interested_in: `capture` is " ~ capture ~ "; it must be 0.5, 0.7 or 0.9") }}
    {%- endif -%}
    {%- set found = [] -%}
    {%- for interest in var('interests') -%}
        {%- if keyword is not none and interest.keyword is defined and interest.keyword | lower == keyword | lower -%}
            {%- do found.append(interest.name) -%}
        {%- elif keyword is none and interest.kind is defined and interest.kind == kind
            and interest.item | string | lower == item | string | lower -%}
            {%- do found.append(interest.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not found -%}
        {%- set wanted = "{name: …, keyword: " ~ keyword ~ "}" if keyword is not none else "{name: …, kind: " ~ kind ~ ", item: " ~ item ~ "}" -%}
        {{ exceptions.raise_compiler_error("interested_in: var `interests` has no " ~ wanted ~ "; add it, and it is scored with the next build") }}
    {%- endif -%}
    (
        select customer_id
        from {{ ref('pred_interested_in') }}
        where
            interest = '{{ found[0] | replace("'", "''") }}'
            and capture_share <= {{ capture }}
    )
{%- endmacro %}
