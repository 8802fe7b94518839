{#---
description: >-
  No value of the column is one of those listed. Rows without a value don't fail. Values are
  compared by their written form unless all of them are numbers.
dimension: validity
entity: column
shape: row
parameters:
  required: [column, values]
  properties:
    column: {$ref: "#/$defs/column"}
    values: {type: array, minItems: 1, maxItems: 1000, items: {$ref: "#/$defs/value"}}
example: {column: tailnum, values: ["N/A", unknown, "-"]}
---#}

{% macro sx_rejected_values(rule) %}
  {{- sx_listed(sx_column(rule['column']), rule['values']) -}}
{% endmacro %}

{% test sx_rejected_values(model, rule_id) %}
{{- sx_failing_rows(model, sx_rejected_values(sx_rule(rule_id))) -}}
{% endtest %}
