{#---
description: >-
  Every value of the column stands in a column of another table. Rows without a value don't fail.
dimension: consistency
entity: dataset
shape: query
parameters:
  required: [column, to, field]
  properties:
    column: {$ref: "#/$defs/column"}
    to: {$ref: "#/$defs/table"}
    field: {$ref: "#/$defs/other_column"}
example: {column: tailnum, to: flights.planes, field: tailnum}
---#}

{% macro sx_relationships(rule, model) %}
  {%- set column = sx_column(rule['column']) -%}
select * from {{ sx_batch(model) }} and {{ column }} is not null and not exists (
  select 1 from {{ sx_other(rule['to']) }}
  where {{ sx_column(rule['field'], 'sx_other') }} = {{ column }}
)
{%- endmacro %}

{% test sx_relationships(model, rule_id) %}
{{- sx_relationships(sx_rule(rule_id), model) -}}
{% endtest %}
