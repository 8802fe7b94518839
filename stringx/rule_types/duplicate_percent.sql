{#---
description: >-
  Of the rows with a value in all of the columns, no more than max percent repeat an earlier one. The
  first row of each combination is none. Rows failed is 1 if more do; over no rows nothing fails.
dimension: uniqueness
entity: column
shape: aggregate
parameters:
  required: [columns, max]
  properties:
    columns: {type: array, minItems: 1, maxItems: 32, uniqueItems: true, items: {$ref: "#/$defs/column"}}
    max: {$ref: "#/$defs/percent"}
example: {columns: [tailnum, time_hour], max: 0.5}
---#}

{% macro sx_duplicate_percent(rule) %}
  {%- set names = [] -%}
  {%- for column in rule['columns'] %}{% do names.append(sx_column(column)) %}{% endfor -%}
  {%- set whole = ' filter (where ' ~ names | join(' is not null and ') ~ ' is not null)' -%}
  100.0 * (count(*){{ whole }} - count(distinct ({{ names | join(', ') }})){{ whole }})
  / nullif(count(*){{ whole }}, 0)
{%- endmacro %}

{% test sx_duplicate_percent(model, rule_id) %}
{{- sx_out_of_bounds(model, sx_rule(rule_id), sx_duplicate_percent(sx_rule(rule_id))) -}}
{% endtest %}
