{#---
description: >-
  A condition in the warehouse's own SQL that every row must meet. As with a CHECK constraint, a row
  for which the condition is unknown (NULL) doesn't fail. This is free SQL: whoever may write such a
  rule may read whatever the warehouse role may read.
dimension: validity
entity: row
shape: row
parameters:
  required: [expression]
  properties:
    expression: {type: string, minLength: 1, maxLength: 10000}
example: {expression: "arr_time is null or dep_time is not null"}
---#}

{% macro sx_expression(rule) %}
  {#- The line breaks keep a trailing comment of the condition from swallowing the bracket. -#}
  not (
  {{ rule['expression'] }}
  )
{%- endmacro %}

{% test sx_expression(model, rule_id) %}
{{- sx_failing_rows(model, sx_expression(sx_rule(rule_id))) -}}
{% endtest %}
