{#---
description: >-
  A SELECT in the warehouse's own SQL that returns the failing rows. The rows of the run's batch
  stand in it as the table sx_batch; other tables are read whole. This is free SQL: whoever may write
  such a rule may read whatever the warehouse role may read.
dimension: validity
entity: dataset
shape: query
parameters:
  required: [query]
  properties:
    query: {type: string, minLength: 1, maxLength: 10000, pattern: "^[^\\u0000]+$"}
example: {query: "select carrier from sx_batch group by carrier having sum(seats) > 500"}
---#}

{% macro sx_custom_sql(rule, model) %}
with sx_batch as (select * from {{ sx_batch(model) }})
{#- The line breaks keep a trailing comment of the query from swallowing the bracket. #}
select * from (
{{ rule['query'] }}
) as sx_failing
{%- endmacro %}

{% test sx_custom_sql(model, rule_id) %}
{{- sx_custom_sql(sx_rule(rule_id), model) -}}
{% endtest %}
