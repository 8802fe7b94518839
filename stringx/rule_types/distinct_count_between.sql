{#---
description: >-
  The number of different values in the column lies between min and max, both included. Rows without
  a value are left out. Rows failed is 1 if the number is out of bounds; without any value it is 0.
dimension: uniqueness
entity: column
shape: aggregate
parameters:
  required: [column]
  anyOf: [{required: [min]}, {required: [max]}]
  properties:
    column: {$ref: "#/$defs/column"}
    min: {$ref: "#/$defs/count"}
    max: {$ref: "#/$defs/count"}
example: {column: origin, min: 3, max: 3}
---#}

{% macro sx_distinct_count_between(rule) %}
  {{- 'count(distinct ' ~ sx_column(rule['column']) ~ ')' -}}
{% endmacro %}

{% test sx_distinct_count_between(model, rule_id) %}
{{- sx_out_of_bounds(model, sx_rule(rule_id), sx_distinct_count_between(sx_rule(rule_id))) -}}
{% endtest %}
