{#---
description: >-
  In every row the left column compares with the right one as the operator says. Rows without a value
  in either don't fail.
dimension: consistency
entity: row
shape: row
parameters:
  required: [left, operator, right]
  properties:
    left: {$ref: "#/$defs/column"}
    operator: {enum: ["<", "<=", "=", "<>", ">=", ">"]}
    right: {$ref: "#/$defs/column"}
example: {left: dep_time, operator: "<=", right: arr_time}
---#}

{% macro sx_columns_compare(rule) %}
  {%- set opposites = {'<': '>=', '<=': '>', '=': '<>', '<>': '=', '>=': '<', '>': '<='} -%}
  {{- sx_column(rule['left']) }} {{ sx_choice(rule['operator'], opposites) }} {{ sx_column(rule['right']) -}}
{% endmacro %}

{% test sx_columns_compare(model, rule_id) %}
{{- sx_failing_rows(model, sx_columns_compare(sx_rule(rule_id))) -}}
{% endtest %}
