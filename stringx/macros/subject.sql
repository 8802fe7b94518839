{# What a runner asks of the judged table before anything is measured, each in a query of its own. #}

{# The table's columns in their order. #}
{% macro sx_subject_columns(table) -%}
select name, type from (
  {{ sx_columns_of(table) }}
) as sx_columns order by place
{%- endmacro %}

{# The highest value of a column above another, in its written form; NULL where there is none. #}
{% macro sx_highest(table, column, above) -%}
{%- set column = sx_column(column, 'sx_subject') -%}
select cast(max({{ column }}) as text) from {{ sx_table(table) }} as sx_subject
{%- if above is not none %} where {{ column }} > {{ sx_literal(above) }}{% endif %}
{%- endmacro %}

{# Whether texts can be read as values of a type, which is the warehouse's own word for it. #}
{% macro sx_read_as(texts, type) -%}
select {% for text in texts %}cast({{ sx_literal(text) }} as {{ type }}) is null{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
