{#---
description: >-
  From the time in one column to the time in another it takes between min and max, both included;
  either may be left out. If the second is earlier, the lag is negative. Rows without a value in
  either don't fail. A day has 24 hours.
dimension: timeliness
entity: row
shape: row
parameters:
  required: [start, end, unit]
  anyOf: [{required: [min]}, {required: [max]}]
  properties:
    start: {$ref: "#/$defs/column"}
    end: {$ref: "#/$defs/column"}
    min: {type: number, minimum: -1000000000, maximum: 1000000000}
    max: {type: number, minimum: -1000000000, maximum: 1000000000}
    unit: {$ref: "#/$defs/unit"}
example: {start: dep_time, end: arr_time, min: 0, max: 20, unit: hours}
---#}

{% macro sx_lag_between(rule) %}
  {%- set start = sx_timestamp(sx_column(rule['start'])) -%}
  {%- set end = sx_timestamp(sx_column(rule['end'])) -%}
  {%- if 'min' in rule %}{{ end }} < {{ start }} + {{ sx_duration(rule['min'], rule['unit']) }}{% endif -%}
  {%- if 'min' in rule and 'max' in rule %} or {% endif -%}
  {%- if 'max' in rule %}{{ end }} > {{ start }} + {{ sx_duration(rule['max'], rule['unit']) }}{% endif -%}
{% endmacro %}

{% test sx_lag_between(model, rule_id) %}
{{- sx_failing_rows(model, sx_lag_between(sx_rule(rule_id))) -}}
{% endtest %}
