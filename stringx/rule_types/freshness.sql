{#---
description: >-
  The newest date or time of the column is no older than max. Those in the future are left out, so
  that a wrong one hides nothing; not_in_future finds them. Rows failed is 1 if it is older, or if
  there are rows but none with such a time; over no rows nothing fails. Times without a zone are UTC.
dimension: timeliness
entity: column
shape: aggregate
parameters:
  required: [column, max, unit]
  properties:
    column: {$ref: "#/$defs/column"}
    max: {$ref: "#/$defs/duration"}
    unit: {$ref: "#/$defs/unit"}
example: {column: time_hour, max: 26, unit: hours}
---#}

{% macro sx_freshness(rule) %}
  {%- set time = sx_timestamp(sx_column(rule['column'])) -%}
  {%- set newest = 'max(' ~ time ~ ') filter (where ' ~ time ~ ' <= ' ~ sx_now() ~ ')' -%}
  case when count(*) > 0 then coalesce(
    cast({{ sx_seconds_between(newest, sx_now()) }} as double precision) / {{ sx_unit_seconds(rule['unit']) }},
    cast('Infinity' as double precision)
  ) end
{%- endmacro %}

{% test sx_freshness(model, rule_id) %}
{{- sx_out_of_bounds(model, sx_rule(rule_id), sx_freshness(sx_rule(rule_id))) -}}
{% endtest %}
