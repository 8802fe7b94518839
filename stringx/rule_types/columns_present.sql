{#---
description: >-
  The table has the columns, and the warehouse role may read them. Rows failed counts the columns it
  lacks. The batch has no part in it: it is the table that has columns. Names are compared as the
  warehouse compares them.
dimension: completeness
entity: table
shape: query
parameters:
  required: [columns]
  properties:
    columns: {type: array, minItems: 1, maxItems: 1000, uniqueItems: true, items: {$ref: "#/$defs/column_name"}}
example: {columns: [origin, time_hour]}
---#}

{% macro sx_columns_present(rule, model) %}
select sx_expected.name from (values
  {%- for column in rule['columns'] %}
  ({{ sx_literal(column) }}){{ ',' if not loop.last }}
  {%- endfor %}
) as sx_expected (name)
where {{ sx_name_form('sx_expected.name') }} not in (
  select {{ sx_name_form('sx_column.name') }} from (
    {{ sx_columns_of(var('sx_table')) }}
  ) as sx_column
)
{%- endmacro %}

{% test sx_columns_present(model, rule_id) %}
{{- sx_columns_present(sx_rule(rule_id), model) -}}
{% endtest %}
