{#---
description: >-
  Every row of the batch arrived, by the time in the column, not before the batch begins, and before
  it ends plus a grace. It needs a run whose batch is a range of dates or times; any other run is an
  error. Rows without a value don't fail. Times without a zone are read as UTC.
dimension: timeliness
entity: column
shape: row
parameters:
  required: [column]
  dependentRequired: {grace: [unit], unit: [grace]}
  properties:
    column: {$ref: "#/$defs/column"}
    grace: {$ref: "#/$defs/duration"}
    unit: {$ref: "#/$defs/unit"}
example: {column: loaded_at, grace: 6, unit: hours}
---#}

{% macro sx_arrived_in_batch_window(rule) %}
  {%- set column = sx_timestamp(sx_column(rule['column'])) -%}
  {{- column }} < {{ sx_timestamp(sx_batch_bound('from')) }} or {{ column }} >= {{ sx_timestamp(sx_batch_bound('to')) }}
  {%- if 'grace' in rule %} + {{ sx_duration(rule['grace'], rule['unit']) }}{% endif -%}
{% endmacro %}

{% test sx_arrived_in_batch_window(model, rule_id) %}
{{- sx_failing_rows(model, sx_arrived_in_batch_window(sx_rule(rule_id))) -}}
{% endtest %}
