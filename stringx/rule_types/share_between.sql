{#---
description: >-
  Of the rows that have a value in the column, the share with one of those listed lies between min
  and max percent, both included. Values are compared by their written form unless all of them are
  numbers. Rows failed is 1 if the share is out of bounds; over no values nothing fails.
dimension: accuracy
entity: column
shape: aggregate
parameters:
  required: [column, values]
  anyOf: [{required: [min]}, {required: [max]}]
  properties:
    column: {$ref: "#/$defs/column"}
    values: {type: array, minItems: 1, maxItems: 1000, items: {$ref: "#/$defs/value"}}
    min: {$ref: "#/$defs/percent"}
    max: {$ref: "#/$defs/percent"}
example: {column: status, values: [cancelled], max: 5}
---#}

{% macro sx_share_between(rule) %}
  {%- set column = sx_column(rule['column']) -%}
  100.0 * count(*) filter (where {{ sx_listed(column, rule['values']) }}) / nullif(count({{ column }}), 0)
{%- endmacro %}

{% test sx_share_between(model, rule_id) %}
{{- sx_out_of_bounds(model, sx_rule(rule_id), sx_share_between(sx_rule(rule_id))) -}}
{% endtest %}
