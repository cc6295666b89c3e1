{% macro interested_in(product=none, category=none, brand=none, keyword=none, capture=0.7) -%}
    {#- A subquery of the customer_id of everyone likely to buy it within 90 days. Only what the seed `interests` asks for is
        scored, so anything else is refused here, not found empty later; and what the shop does not have is refused as in `bought`,
        though the seed names it. `ref` stands outside the conditions that the warehouse answers: dbt must see the dependency also
        when it parses. -#}
    {%- set interests = ref('int_interests') -%}
    {%- set given = {'product': product, 'category': category, 'brand': brand, 'keyword': keyword} -%}
    {%- set kinds = [] -%}
    {%- for kind in given if given[kind] is not none and given[kind] | string | trim != '' -%}
        {%- do kinds.append(kind) -%}
    {%- endfor -%}
    {%- if kinds | length != 1 -%}
        {{ exceptions.raise_compiler_error("interested_in: give exactly one of " ~ given.keys() | join(", ") ~ "; there is " ~ (kinds | join(" and ") or "none")) }}
    {%- endif -%}
    {%- if capture not in [0.5, 0.7, 0.9] -%}
        {{ exceptions.raise_compiler_error("interested_in: `capture` is " ~ capture ~ "; it must be 0.5, 0.7 or 0.9") }}
    {%- endif -%}
    {%- set kind = kinds[0] -%}
    {%- set item = given[kind] | string -%}
    {%- set quoted = "'" ~ item | replace("'", "''") ~ "'" -%}
    {%- set same_item = "lower(item) = lower(" ~ quoted ~ ")" if kind == 'keyword' else folded('item') ~ " = " ~ folded(quoted) -%}
    {%- if kind != 'keyword' -%}
        {%- set products, column = ref('dim_products'), affinity_kinds()[kind] -%}
        {%- if known_values(products, column, where=folded(column) ~ " = " ~ folded(quoted), most=1) == [] -%}
            {%- do refuse_unknown('interested_in', kind, [item], known_values(products, column)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- set is_asked_for = "kind = '" ~ kind ~ "' and " ~ same_item -%}
    {%- if known_values(interests, 'interest', where=is_asked_for) == [] -%}
        {%- set known = known_values(interests, 'item', where="kind = '" ~ kind ~ "'") -%}
        {%- set name = modules.re.sub('\\W+', '_', item | lower).strip('_') -%}
        {%- set written = '"' ~ item | replace('"', '""') ~ '"' if ',' in item or '"' in item else item -%}
        {{ exceptions.raise_compiler_error(
            "interested_in: no interest in " ~ kind ~ " '" ~ item ~ "' is foretold; there is " ~ (known | join(", ") or "no " ~ kind)
            ~ ". Add a line `" ~ name ~ "," ~ kind ~ "," ~ written ~ ",,` to seeds/interests.csv, and the next full `dbt build` has it"
        ) }}
    {%- endif -%}
    (
        select customer_id
        from {{ ref('pred_interested_in') }}
        where
            interest in (select interest from {{ interests }} where {{ is_asked_for }})
            and capture_share <= {{ capture }}
    )
{%- endmacro %}
