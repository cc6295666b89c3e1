{% macro attribute(name) -%}
    {#- Called as attribute('country', in=['DK', 'SE']): `in` is a word of Jinja, so it comes as a keyword argument only. A name that
        is no column of customer_segments is a key of the attributes that the shop imported with its profiles. -#}
    {%- set wanted = kwargs.get('in') -%}
    {%- if wanted is none or wanted is string or wanted is mapping or wanted is not sequence or not wanted -%}
        {{ exceptions.raise_compiler_error("attribute: " ~ name ~ " needs in=[…], a list of at least one value") }}
    {%- endif -%}
    {#- What dbt refers to must not depend on the warehouse: both, whichever it turns out to be. -#}
    {%- set segments, profiles = ref('customer_segments'), ref('int_customer_profiles') -%}
    {%- set has_tiers = name in ['rfm_tier', 'previous_rfm_tier'] -%}
    {%- set tiers = ref('rfm_tiers') if has_tiers else none -%}
    {%- set columns = {} -%}
    {%- set node = (graph.get('nodes') or {}).get('model.regulars.customer_segments') if execute else none -%}
    {%- for column in (node.columns.values() if node else []) -%}{%- do columns.update({column.name: column.data_type}) -%}{%- endfor -%}
    {%- set is_column = name in columns or not columns -%}
    {%- set values = attribute_literals(name, wanted, (columns.get(name) or 'unknown') if is_column else 'json') -%}
    {%- set is_text = not is_column or columns.get(name) == 'varchar' -%}
    {#- A label's codes are fixed: one that nobody has today is no mistake. A column of more values than these is not looked through. -#}
    {%- set most = 1000 -%}
    {%- if is_column and segment_codes(name) -%}
        {%- do refuse_unknown('attribute', name, wanted, segment_codes(name)) -%}
    {%- elif is_text -%}
        {%- set source = segments if is_column else profiles -%}
        {%- set known = known_values(source, name if is_column else json_text('attributes', name), most=most + 1) -%}
        {%- if known == [] and not is_column -%}
            {%- set keys = known_values(profiles, 'attribute_key', joined=json_keys_of('attributes', 'attribute_key'), most=most) -%}
            {%- do refuse_unknown('attribute', 'imported attribute and no column of customer_segments', [name], keys + columns | list) -%}
        {%- endif -%}
        {%- if known is not none and known | length <= most -%}
            {%- set of_tiers = (known_values(tiers, 'rfm_tier') or []) + ['prospects'] if has_tiers else [] -%}
            {%- set texts = [] -%}
            {%- for value in wanted -%}{%- do texts.append(value if (value is string) else value | string | lower) -%}{%- endfor -%}
            {#- A shop may have no customer in a country today and one tomorrow; what a tier is called does not come and go. -#}
            {%- do refuse_unknown('attribute', name, texts, (known + of_tiers) | unique | list, only_warn=not has_tiers) -%}
        {%- endif -%}
    {%- endif -%}
    (
        select customer_id
        from {{ segments if is_column else profiles }}
        where {{ name if is_column else json_text('attributes', name) }} in ({{ values | join(', ') }})
    )
{%- endmacro %}
