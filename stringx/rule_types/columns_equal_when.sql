{#---
description: >-
  Two columns are equal in the rows where a third one has one of the values. Rows without a value in
  any of the three don't fail. The values are compared by their written form unless all of them are
  numbers.
dimension: consistency
entity: row
shape: row
parameters:
  required: [left, right, when, values]
  properties:
    left: {$ref: "#/$defs/column"}
    right: {$ref: "#/$defs/column"}
    when: {$ref: "#/$defs/column"}
    values: {type: array, minItems: 1, maxItems: 1000, items: {$ref: "#/$defs/value"}}
example: {left: billing_city, right: shipping_city, when: ships_to_billing, values: [true]}
---#}

{% macro sx_columns_equal_when(rule) %}
  {{- sx_column(rule['left']) }} <> {{ sx_column(rule['right']) }} and {{ sx_listed(sx_column(rule['when']), rule['values']) -}}
{% endmacro %}

{% test sx_columns_equal_when(model, rule_id) %}
{{- sx_failing_rows(model, sx_columns_equal_when(sx_rule(rule_id))) -}}
{% endtest %}
