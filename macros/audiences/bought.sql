{% macro bought(product=none, category=none, brand=none, keyword=none, since=none, until=none, at_least=1) -%}
    {#- Units kept: what came back was not bought. From `since` on, and before `until`. -#}
    {%- set asked = {'product': product, 'category': category, 'brand': brand, 'keyword': keyword} -%}
    {%- set kinds = [] -%}
    {%- for kind, item in asked.items() if item is not none -%}{%- do kinds.append(kind) -%}{%- endfor -%}
    {%- if kinds | length > 1 -%}
        {{ exceptions.raise_compiler_error("bought: " ~ kinds | join(' and ') ~ " at once; name one, and join two subqueries by `intersect`") }}
    {%- endif -%}
    {%- if at_least is not number or at_least is boolean or at_least <= 0 -%}
        {{ exceptions.raise_compiler_error("bought: at_least is '" ~ at_least ~ "'; it must be a number of units above 0") }}
    {%- endif -%}
    {%- set day = day_of('bought', 'since', since) if since is not none -%}
    {%- set day_after = day_of('bought', 'until', until) if until is not none -%}
    {%- if since is not none and until is not none -%}
        {%- do refuse_empty_period('bought', "since is '" ~ since ~ "' and until is '" ~ until ~ "'", 'since', since, until) -%}
    {%- endif -%}
    {%- set products = ref('dim_products') -%}
    {%- if kinds and kinds[0] != 'keyword' -%}
        {%- set column = {'product': 'product_id', 'category': 'category', 'brand': 'brand'}[kinds[0]] -%}
        {%- set known = known_values(products, column) -%}
        {%- if known is not none -%}
            {%- do refuse_unknown('bought', kinds[0], [asked[kinds[0]] | string], known) -%}
        {%- endif -%}
        {%- set is_it = column ~ " = '" ~ (asked[kinds[0]] | string | replace("'", "''")) ~ "'" -%}
    {%- elif kinds -%}
        {%- set text = "coalesce(product_title, '') || ' ' || coalesce(category, '') || ' ' || coalesce(brand, '') || ' ' || coalesce(tags, '')" -%}
        {%- set wanted = words_of("'" ~ (keyword | string | replace("'", "''")) ~ "'") -%}
        {#- At the start of a word, as interests are found: tea is in teapot, and not in steak. -#}
        {%- set is_it = "position(' ' || " ~ wanted ~ " in ' ' || " ~ words_of(text) ~ ") > 0 and " ~ wanted ~ " <> ''" -%}
    {%- endif -%}
    (
        select customer_id
        from {{ ref('fct_order_lines') }}
        where
            is_valid
            and customer_id is not null
            {%- if since is not none %}
            and ordered_on >= {{ day }}
            {%- endif %}
            {%- if until is not none %}
            and ordered_on < {{ day_after }}
            {%- endif %}
            {%- if kinds %}
            and product_id in (select product_id from {{ products }} where {{ is_it }})
            {%- endif %}
        group by customer_id
        having sum(net_unit_count) >= {{ at_least }}
    )
{%- endmacro %}
