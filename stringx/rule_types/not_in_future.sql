{#---
description: >-
  No date or time of the column lies after now, plus a grace if there is one. Rows without a value
  don't fail. Times without a zone are read as UTC.
dimension: validity
entity: column
shape: row
parameters:
  required: [column]
  dependentRequired: {grace: [unit], unit: [grace]}
  properties:
    column: {$ref: "#/$defs/column"}
    grace: {$ref: "#/$defs/duration"}
    unit: {$ref: "#/$defs/unit"}
example: {column: time_hour, grace: 5, unit: minutes}
---#}

{% macro sx_not_in_future(rule) %}
  {{- sx_timestamp(sx_column(rule['column'])) }} > {{ sx_now() }}
  {%- if 'grace' in rule %} + {{ sx_duration(rule['grace'], rule['unit']) }}{% endif -%}
{% endmacro %}

{% test sx_not_in_future(model, rule_id) %}
{{- sx_failing_rows(model, sx_not_in_future(sx_rule(rule_id))) -}}
{% endtest %}
