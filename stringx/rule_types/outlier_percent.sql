{#---
description: >-
  Of the values in the column, no more than max percent are outliers: further from the middle than
  threshold times the spread. With zscore these are the mean and the standard deviation, with mad
  the median and 1.4826 times the median distance from it. NaN and infinity are outliers. Rows
  without a value are left out. Rows failed is 1 if there are more; over no values nothing fails.
dimension: accuracy
entity: column
shape: query
parameters:
  required: [column, method, threshold, max]
  properties:
    column: {$ref: "#/$defs/column"}
    method: {enum: [zscore, mad]}
    threshold: {type: number, exclusiveMinimum: 0, maximum: 1000000}
    max: {$ref: "#/$defs/percent"}
example: {column: air_time, method: mad, threshold: 5, max: 1}
---#}

{% macro sx_outlier_percent(rule, model) %}
{%- set column = sx_column(rule['column']) -%}
{%- set finite = "number > cast('-Infinity' as double precision) and number < cast('Infinity' as double precision)" -%}
with sx_numbers as (
  select cast({{ column }} as double precision) as number from {{ sx_batch(model) }} and {{ column }} is not null
),
sx_finite as (
  select number from sx_numbers where {{ finite }}
),
{%- if sx_choice(rule['method'], {'zscore': 'zscore', 'mad': 'mad'}) == 'mad' %}
sx_median as (
  select {{ sx_quantile('number', 0.5) }} as middle from sx_finite
),
sx_middle as (
  select middle, 1.4826 * {{ sx_quantile('abs(number - middle)', 0.5) }} as spread
  from sx_finite cross join sx_median group by middle
),
{%- else %}
{#- Measured from the least: values that are all the same are then exactly their own mean. #}
sx_least as (
  select min(number) as least from sx_finite
),
sx_middle as (
  select least + avg(number - least) as middle, stddev_samp(number - least) as spread
  from sx_finite cross join sx_least group by least
),
{%- endif %}
sx_measured as (
  select 100.0 * count(*) filter (
    where not ({{ finite }}) or abs(number - middle) > {{ sx_literal(rule['threshold']) }} * spread
  ) / nullif(count(*), 0) as sx_value
  from sx_numbers left join sx_middle on true
)
select sx_value from sx_measured where {{ sx_beyond(rule, 'sx_value') }}
{%- endmacro %}

{% test sx_outlier_percent(model, rule_id) %}
{{- sx_outlier_percent(sx_rule(rule_id), model) -}}
{% endtest %}
