{#---
description: >-
  No two rows share the same combination of values in the columns, where a missing value is like any
  other: two rows that both lack it share it. Rows failed counts the combinations that stand more
  than once. With the scope table a combination of the batch may stand nowhere else in the table either.
dimension: uniqueness
entity: row
shape: key
parameters:
  required: [columns]
  properties:
    columns: {type: array, minItems: 2, maxItems: 32, uniqueItems: true, items: {$ref: "#/$defs/column"}}
    scope:
      enum: [batch, table]
      default: batch
      description: whether a value of the batch may stand in the rest of the table
example: {columns: [origin, time_hour]}
---#}

{% macro sx_unique_combination(rule) %}
  {{- sx_columns(rule['columns']) -}}
{% endmacro %}

{% test sx_unique_combination(model, rule_id) %}
{{- sx_repeated_keys(model, sx_rule(rule_id), sx_unique_combination(sx_rule(rule_id)), []) -}}
{% endtest %}
