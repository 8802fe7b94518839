{#---
description: >-
  The share of rows that have a value in the column lies between min and max percent, both included.
  Rows failed is 1 if it doesn't; over no rows nothing fails.
dimension: completeness
entity: column
shape: aggregate
parameters:
  required: [column]
  anyOf: [{required: [min]}, {required: [max]}]
  properties:
    column: {$ref: "#/$defs/column"}
    min: {$ref: "#/$defs/percent"}
    max: {$ref: "#/$defs/percent"}
example: {column: dep_time, min: 95}
---#}

{% macro sx_not_null_percent(rule) %}
  {{- '100.0 * count(' ~ sx_column(rule['column']) ~ ') / nullif(count(*), 0)' -}}
{% endmacro %}

{% test sx_not_null_percent(model, rule_id) %}
{{- sx_out_of_bounds(model, sx_rule(rule_id), sx_not_null_percent(sx_rule(rule_id))) -}}
{% endtest %}
