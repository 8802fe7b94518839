{#---
description: >-
  Between the first and the last value of a date or time column, no hour, day, week or month is
  without a row. Rows failed counts the gaps, each as long as it is. Rows without a value are left
  out; times are in UTC.
dimension: completeness
entity: column
shape: query
parameters:
  required: [column]
  properties:
    column: {$ref: "#/$defs/column"}
    every: {enum: [hour, day, week, month], default: day}
example: {column: time_hour, every: day}
---#}

{% macro sx_no_date_gaps(rule, model) %}
{%- set column = sx_column(rule['column']) -%}
{%- set every = sx_choice(rule.get('every', 'day'), {'hour': 'hour', 'day': 'day', 'week': 'week', 'month': 'month'}) -%}
select last_before, first_after from (
  select period as last_before, lead(period) over (order by period) as first_after from (
    select distinct date_trunc('{{ every }}', {{ sx_timestamp(column) }}) as period
    from {{ sx_batch(model) }} and {{ column }} is not null
  ) as sx_periods
) as sx_steps
where first_after > last_before + interval '1 {{ every }}'
{%- endmacro %}

{% test sx_no_date_gaps(model, rule_id) %}
{{- sx_no_date_gaps(sx_rule(rule_id), model) -}}
{% endtest %}
