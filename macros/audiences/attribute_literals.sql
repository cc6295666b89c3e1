{% macro attribute_literals(name, wanted, data_type) -%}
    {#- The values as SQL, to be compared with an attribute of that type; one of another type is refused. -#}
    {%- set is_boolean = data_type == 'boolean' -%}
    {%- set is_number = data_type in ['integer', 'bigint', 'double precision'] or data_type.startswith('numeric') -%}
    {%- set expected = 'true or false' if is_boolean else 'a number' if is_number else 'a date as in 2026-01-31' if data_type == 'date'
        else 'a text, a number, true or false' -%}
    {%- set literals = [] -%}
    {%- for value in wanted -%}
        {%- set fits = (value is boolean) if is_boolean else (value is number and value is not boolean) if is_number
            else is_date(value) if data_type == 'date' else (value is string or value is number) -%}
        {%- if not fits -%}
            {{ exceptions.raise_compiler_error("attribute: " ~ name ~ " is compared with '" ~ value ~ "'; it must be " ~ expected) }}
        {%- endif -%}
        {%- set text = value if (value is string) else value | string | lower -%}
        {%- set quoted = "'" ~ text | replace("'", "''") ~ "'" -%}
        {%- do literals.append('date ' ~ quoted if data_type == 'date' else text if (value is not string and data_type not in ['varchar', 'json']) else quoted) -%}
    {%- endfor -%}
    {{ return(literals) }}
{%- endmacro %}
