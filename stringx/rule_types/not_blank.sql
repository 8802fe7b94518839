{#---
description: >-
  Every row has a value in the column that is more than blanks. A row without a value fails, and so
  does one with an empty text or with nothing but spaces, tabs and line breaks.
dimension: completeness
entity: column
shape: row
parameters:
  required: [column]
  properties:
    column: {$ref: "#/$defs/column"}
example: {column: tailnum}
---#}

{% macro sx_not_blank(rule) %}
  {%- set column = sx_column(rule['column']) -%}
  {{- column }} is null or trim(both {{ sx_literal(' \t\n\r\f\v\xa0') }} from cast({{ column }} as text)) = ''
{%- endmacro %}

{% test sx_not_blank(model, rule_id) %}
{{- sx_failing_rows(model, sx_not_blank(sx_rule(rule_id))) -}}
{% endtest %}
