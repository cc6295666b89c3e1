{% macro landing_columns(table) -%}
    {#- The same columns and types as src/regulars/load/landing.py; a test compares the two. -#}
    {%- set text, amount, at, flag = 'varchar', 'numeric(18, 4)', 'timestamp with time zone', 'boolean' -%}
    {%- set columns = {
        'orders': {
            'order_id': text, 'customer_id': text, 'email': text, 'ordered_at': at, 'status': text, 'currency': text,
            'shipping_amount': amount, 'tax_amount': amount, 'discount_codes': text, 'channel': text, 'is_gift': flag,
            'gift_note': text, 'ship_to_name': text, 'ship_to_country': text, 'ship_to_postal_code': text,
        },
        'order_lines': {
            'order_id': text, 'line_number': 'bigint', 'product_id': text, 'product_title': text, 'quantity': amount,
            'unit_price': amount, 'discount_amount': amount,
        },
        'refunds': {
            'refund_id': text, 'order_id': text, 'refunded_at': at, 'amount': amount, 'line_number': 'bigint',
            'quantity': amount,
        },
        'customers': {
            'customer_id': text, 'email': text, 'phone': text, 'first_name': text, 'last_name': text, 'country': text,
            'postal_code': text, 'language': text, 'created_at': at, 'email_consent': flag, 'sms_consent': flag,
            'ads_user_data_consent': flag, 'ads_personalization_consent': flag, 'tracking_consent': flag,
            'consent_updated_at': at, 'acquisition_channel': text, 'attributes': text,
        },
        'products': {
            'product_id': text, 'title': text, 'category': text, 'brand': text, 'tags': text, 'unit_cost': amount,
            'unit_price': amount, 'is_active': flag, 'is_in_stock': flag, 'created_at': at,
        },
        'email_events': {
            'event_id': text, 'customer_id': text, 'email': text, 'event_type': text, 'occurred_at': at,
            'campaign_id': text, 'is_machine_open': flag,
        },
        'web_events': {
            'event_id': text, 'customer_id': text, 'email': text, 'event_type': text, 'product_id': text,
            'occurred_at': at,
        },
        'marketing_spend': {'day': 'date', 'channel': text, 'amount': amount, 'currency': text},
        'exchange_rates': {'day': 'date', 'currency': text, 'rate': 'numeric(18, 8)'},
    } -%}
    {%- if table not in columns -%}
        {{ exceptions.raise_compiler_error("landing_columns: there is no landing table '" ~ table ~ "'; there are: " ~ columns | join(', ')) }}
    {%- endif -%}
    {%- set landing = columns[table] -%}
    {%- do landing.update({'_loaded_at': at}) -%}
    {{ return(landing) }}
{%- endmacro %}
