{#---
description: >-
  Every value of the column lies between min and max, both included; either may be left out. Rows
  without a value don't fail. Text bounds are read in the column's own type, dates for example.
dimension: validity
entity: column
shape: row
parameters:
  required: [column]
  anyOf: [{required: [min]}, {required: [max]}]
  properties:
    column: {$ref: "#/$defs/column"}
    min: {$ref: "#/$defs/bound"}
    max: {$ref: "#/$defs/bound"}
example: {column: wind_speed, min: 0, max: 100}
---#}

{% macro sx_value_between(rule) %}
  {{- sx_beyond(rule, sx_column(rule['column'])) -}}
{% endmacro %}

{% test sx_value_between(model, rule_id) %}
{{- sx_failing_rows(model, sx_value_between(sx_rule(rule_id))) -}}
{% endtest %}
