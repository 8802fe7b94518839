{#---
description: >-
  The number of rows lies between min and max, both included. Rows failed is 1 if it doesn't; no
  rows at all are a count of 0, which may well be out of bounds.
dimension: completeness
entity: table
shape: aggregate
parameters:
  anyOf: [{required: [min]}, {required: [max]}]
  properties:
    min: {$ref: "#/$defs/count"}
    max: {$ref: "#/$defs/count"}
example: {min: 100, max: 5000}
---#}

{% macro sx_row_count_between(rule) %}
  {{- 'count(*)' -}}
{% endmacro %}

{% test sx_row_count_between(model, rule_id) %}
{{- sx_out_of_bounds(model, sx_rule(rule_id), sx_row_count_between(sx_rule(rule_id))) -}}
{% endtest %}
