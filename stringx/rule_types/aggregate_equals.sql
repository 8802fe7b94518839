{#---
description: >-
  An aggregate of the column over the batch equals one over a whole other table, or nearly: within
  an absolute tolerance or a percentage of the other's, whichever lets more pass. Rows failed is 1
  if it doesn't, also if only one of the two has a value; over no rows of the batch nothing fails.
dimension: consistency
entity: dataset
shape: query
parameters:
  required: [aggregate, column, to, field]
  properties:
    aggregate: {enum: [min, max, avg, sum, stddev, median]}
    column: {$ref: "#/$defs/column"}
    to: {$ref: "#/$defs/table"}
    field: {$ref: "#/$defs/other_column"}
    tolerance: {$ref: "#/$defs/tolerance"}
    tolerance_percent: {$ref: "#/$defs/percent"}
example: {aggregate: sum, column: amount, to: ledger.entries, field: amount, tolerance: 0.01}
---#}

{% macro sx_aggregate_equals(rule, model) %}
select here, there
from (
  select count(*) as rows_here, {{ sx_aggregate(rule['aggregate'], sx_column(rule['column'])) }} as here
  from {{ sx_batch(model) }}
) as sx_here
cross join (
  select {{ sx_aggregate(rule['aggregate'], sx_column(rule['field'], 'sx_other')) }} as there
  from {{ sx_other(rule['to']) }}
) as sx_there
where rows_here > 0 and not coalesce({{ sx_agrees(rule, 'here', 'there') }}, here is null and there is null)
{%- endmacro %}

{% test sx_aggregate_equals(model, rule_id) %}
{{- sx_aggregate_equals(sx_rule(rule_id), model) -}}
{% endtest %}
