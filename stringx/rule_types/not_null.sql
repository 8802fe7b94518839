{#---
description: Every row has a value in the column.
dimension: completeness
entity: column
shape: row
parameters:
  required: [column]
  properties:
    column: {$ref: "#/$defs/column"}
example: {column: tailnum}
---#}

{% macro sx_not_null(rule) %}
  {{- sx_column(rule['column']) }} is null
{%- endmacro %}

{% test sx_not_null(model, rule_id) %}
{{- sx_failing_rows(model, sx_not_null(sx_rule(rule_id))) -}}
{% endtest %}
