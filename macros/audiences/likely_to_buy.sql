{% macro likely_to_buy(days=30, top_share=0.2) -%}
    {#- The likeliest of those who have a probability; whoever ties with the last of them is in too. -#}
    {%- if days not in [30, 90] -%}
        {{ exceptions.raise_compiler_error("likely_to_buy: days is " ~ days ~ "; it must be 30 or 90") }}
    {%- endif -%}
    {%- if top_share is not number or top_share is boolean or top_share <= 0 or top_share > 1 -%}
        {{ exceptions.raise_compiler_error("likely_to_buy: top_share is '" ~ top_share ~ "'; it must be above 0 and at most 1") }}
    {%- endif -%}
    (
        select customer_id
        from (
            select
                customer_id,
                rank() over (order by purchase_probability_{{ days }}d desc) as place,
                count(*) over () as customer_count
            from {{ ref('pred_purchase_intent') }}
            where purchase_probability_{{ days }}d is not null
        ) as ranked
        where place <= {{ top_share }} * customer_count
    )
{%- endmacro %}
