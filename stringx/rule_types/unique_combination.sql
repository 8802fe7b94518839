{#---
description: >-
  No two rows share the same combination of values in the columns, where a missing value is like any
  other: two rows that both lack it share it. Rows failed counts the combinations that stand more
  than once.
dimension: uniqueness
entity: row
shape: key
parameters:
  required: [columns]
  properties:
    columns: {type: array, minItems: 2, maxItems: 32, uniqueItems: true, items: {$ref: "#/$defs/column"}}
example: {columns: [origin, time_hour]}
---#}

{% macro sx_unique_combination(rule) %}
  {%- for column in rule['columns'] -%}
    {{ sx_column(column) }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}

{% test sx_unique_combination(model, rule_id) %}
{{- sx_repeated_keys(model, sx_unique_combination(sx_rule(rule_id)), []) -}}
{% endtest %}
