{% macro ad_segment() -%}
    {#- A category's own segment is spelt category_buyers:<category>; which categories there are, the shop's products say. -#}
    {%- set fixed, of_categories = [], [] -%}
    {%- for code in varargs -%}
        {%- do (of_categories if code.startswith('category_buyers:') else fixed).append(code) -%}
    {%- endfor -%}
    {%- if fixed or not of_categories -%}
        {%- do refuse_unknown('ad_segment', 'segment', fixed, segment_codes('ad_segment') + ['category_buyers:<category>']) -%}
    {%- endif -%}
    {%- set known = known_values(ref('dim_products'), "'category_buyers:' || category") if of_categories else none -%}
    {%- if known is not none -%}
        {%- do refuse_unknown('ad_segment', 'segment', of_categories, known) -%}
    {%- endif -%}
    {%- set quoted = [] -%}
    {%- for code in varargs -%}{%- do quoted.append(code | replace("'", "''")) -%}{%- endfor -%}
    {{ labelled_customers(ref('customer_ad_segments'), 'ad_segment', quoted) }}
{%- endmacro %}
