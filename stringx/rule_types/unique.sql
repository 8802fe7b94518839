{#---
description: >-
  No two rows share the same value in the columns. Rows failed counts the values (or combinations)
  that stand more than once. A row without a value in one of the columns is left out. With the scope
  table a value of the batch may stand nowhere else in the table either.
dimension: uniqueness
entity: column
shape: key
parameters:
  required: [columns]
  properties:
    columns: {type: array, minItems: 1, maxItems: 32, uniqueItems: true, items: {$ref: "#/$defs/column"}}
    scope:
      enum: [batch, table]
      default: batch
      description: whether a value of the batch may stand in the rest of the table
example: {columns: [origin, time_hour]}
---#}

{% macro sx_unique(rule) %}
  {{- sx_columns(rule['columns']) -}}
{% endmacro %}

{% test sx_unique(model, rule_id) %}
{{- sx_repeated_keys(model, sx_rule(rule_id), sx_unique(sx_rule(rule_id)), sx_rule(rule_id)['columns']) -}}
{% endtest %}
