{#---
description: >-
  The length in characters of every value of the column lies between min and max, both included.
  Rows without a value don't fail; an empty text has the length 0.
dimension: validity
entity: column
shape: row
parameters:
  required: [column]
  anyOf: [{required: [min]}, {required: [max]}]
  properties:
    column: {$ref: "#/$defs/column"}
    min: {$ref: "#/$defs/count"}
    max: {$ref: "#/$defs/count"}
example: {column: carrier, min: 2, max: 2}
---#}

{% macro sx_length_between(rule) %}
  {{- sx_beyond(rule, 'char_length(cast(' ~ sx_column(rule['column']) ~ ' as text))') -}}
{% endmacro %}

{% test sx_length_between(model, rule_id) %}
{{- sx_failing_rows(model, sx_length_between(sx_rule(rule_id))) -}}
{% endtest %}
