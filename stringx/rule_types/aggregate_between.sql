{#---
description: >-
  An aggregate of the column lies between min and max, both included; either may be left out. Rows
  without a value are left out. Rows failed is 1 if it is out of bounds; over no values nothing
  fails. stddev is that of a sample; NaN is greater than any number.
dimension: accuracy
entity: column
shape: aggregate
parameters:
  required: [column, aggregate]
  anyOf: [{required: [min]}, {required: [max]}]
  if: {properties: {aggregate: {const: quantile}}}
  then: {required: [quantile]}
  else: {properties: {quantile: false}}
  properties:
    column: {$ref: "#/$defs/column"}
    aggregate: {enum: [min, max, avg, sum, stddev, median, quantile]}
    quantile: {type: number, minimum: 0, maximum: 1}
    min: {$ref: "#/$defs/bound"}
    max: {$ref: "#/$defs/bound"}
example: {column: dep_delay, aggregate: quantile, quantile: 0.95, max: 120}
---#}

{% macro sx_aggregate_between(rule) %}
  {{- sx_aggregate(rule['aggregate'], sx_column(rule['column']), rule.get('quantile')) -}}
{% endmacro %}

{% test sx_aggregate_between(model, rule_id) %}
{{- sx_out_of_bounds(model, sx_rule(rule_id), sx_aggregate_between(sx_rule(rule_id))) -}}
{% endtest %}
