{#---
description: >-
  The batch has as many rows as another table has in all, or nearly: within a number of rows or a
  percentage of the other table's, whichever lets more pass. Rows failed is 1 if it hasn't.
dimension: consistency
entity: dataset
shape: query
parameters:
  required: [to]
  properties:
    to: {$ref: "#/$defs/table"}
    tolerance: {$ref: "#/$defs/tolerance"}
    tolerance_percent: {$ref: "#/$defs/percent"}
example: {to: staging.flights, tolerance_percent: 1}
---#}

{% macro sx_row_count_equals(rule, model) %}
select here, there
from (select count(*) as here from {{ sx_batch(model) }}) as sx_here
cross join (select count(*) as there from {{ sx_other(rule['to']) }}) as sx_there
where not {{ sx_agrees(rule, 'here', 'there') }}
{%- endmacro %}

{% test sx_row_count_equals(model, rule_id) %}
{{- sx_row_count_equals(sx_rule(rule_id), model) -}}
{% endtest %}
