{# Two interests in the same item would be one audience twice. They stand in the message itself where they can be asked for: dbt
   shows only how many rows a test returns. -#}
{%- set key = "kind || ':' || " ~ folded('item') -%}
{%- set is_asked_for_again = key ~ ' in (select ' ~ key ~ ' from ' ~ ref('int_interests') ~ ' group by ' ~ key ~ ' having count(*) > 1)' -%}
{%- set again = known_values(
    ref('int_interests'), "kind || ' ' || item || ' is the interest ' || interest", where=is_asked_for_again
) -%}
{%- if again -%}
    {{ exceptions.raise_compiler_error('seeds/interests.csv asks for an item more than once; keep one line of each:\n  - ' ~ again | join('\n  - ')) }}
{%- endif -%}

select
    interest,
    kind,
    item

from {{ ref('int_interests') }}

where {{ is_asked_for_again }}
