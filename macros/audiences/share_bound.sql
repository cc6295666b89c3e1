{% macro share_bound(share) -%}
    {#- MD5 is even over its first eight hexadecimal digits: a hash below this text has the given share of all. Growing a share
        moves the bound one way, so nobody who was inside leaves. 'g' stands above every hash. -#}
    {{ return('g' if share >= 1 else '%08x' | format((share * 4294967296) | int)) }}
{%- endmacro %}
