{# The newest version of every key that was loaded stands in staging, and nothing else does. Red when a watermark
   skips a late file, a correction loses to what it corrects, or a row is left over that the landing table no longer
   holds. #}

{%- set tables = [
    {'source': 'shop', 'table': 'orders', 'key': {'order_id': 'order_id'}},
    {'source': 'shop', 'table': 'order_lines', 'key': {'order_id': 'order_id', 'line_number': 'line_number'}},
    {'source': 'shop', 'table': 'refunds', 'key': {'refund_id': 'refund_id'}},
    {'source': 'shop', 'table': 'customers', 'key': {source_customer_id('customer_id'): 'source_customer_id'}},
    {'source': 'shop', 'table': 'products', 'key': {'product_id': 'product_id'}},
    {'source': 'shop', 'table': 'exchange_rates', 'key': {'day': 'rate_on', 'upper(currency)': 'currency_code'}},
    {'source': 'email', 'table': 'email_events', 'key': {'event_id': 'event_id'}, 'model': 'stg_email__events'},
    {'source': 'web', 'table': 'web_events', 'key': {'event_id': 'event_id'}, 'model': 'stg_web__events'},
    {'source': 'ads', 'table': 'marketing_spend', 'key': {'day': 'spent_on', blank_to_null('channel'): 'channel'}},
] %}

with

{% for table in tables %}
{%- set model = table.model or 'stg_' ~ table.source ~ '__' ~ table.table -%}
{%- set row_key = [] -%}
{%- set staged_key = [] -%}
{%- for landing_column, staged_column in table.key.items() -%}
{%- do row_key.append('cast(' ~ landing_column ~ ' as ' ~ dbt.type_string() ~ ')') -%}
{%- do staged_key.append('cast(' ~ staged_column ~ ' as ' ~ dbt.type_string() ~ ')') -%}
{%- endfor -%}
landed_{{ table.table }} as (

    select
        {{ row_key | join(" || '|' || ") }} as row_key,
        max({{ utc_timestamp('_loaded_at') }}) as loaded_at

    from ({{ landing_rows(table.source, table.table) }}) as landing

    group by {{ row_key | join(" || '|' || ") }}

),

staged_{{ table.table }} as (

    select
        {{ staged_key | join(" || '|' || ") }} as row_key,
        loaded_at

    from {{ ref(model) }}

),

missing_{{ table.table }} as (

    select * from landed_{{ table.table }}
    except
    select * from staged_{{ table.table }}

),

left_over_{{ table.table }} as (

    select * from staged_{{ table.table }}
    except
    select * from landed_{{ table.table }}

),

{% endfor -%}

differences as (

    {% for table in tables -%}
    select
        '{{ table.table }}' as landing_table,
        'is not in staging' as problem,
        row_key,
        loaded_at

    from missing_{{ table.table }}

    union all

    select
        '{{ table.table }}' as landing_table,
        'is not in the landing table' as problem,
        row_key,
        loaded_at

    from left_over_{{ table.table }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from differences
