{#---
description: >-
  Every row has a value in at least one of the columns. Rows failed counts those that have none.
dimension: completeness
entity: row
shape: row
parameters:
  required: [columns]
  properties:
    columns: {type: array, minItems: 2, maxItems: 32, uniqueItems: true, items: {$ref: "#/$defs/column"}}
example: {columns: [email, phone]}
---#}

{% macro sx_one_of_not_null(rule) %}
  {%- for column in rule['columns'] -%}
    {{ sx_column(column) }} is null{{ ' and ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}

{% test sx_one_of_not_null(model, rule_id) %}
{{- sx_failing_rows(model, sx_one_of_not_null(sx_rule(rule_id))) -}}
{% endtest %}
