{#---
description: >-
  Every row has a counterpart in a trusted table, by its key, with the same values in the columns; of
  numbers, within an absolute tolerance or a percentage of the trusted one, whichever lets more pass.
  Rows without a counterpart fail, and so does a value where the trusted table has none. Rows
  without a key don't fail, and a missing value differs from nothing.
dimension: accuracy
entity: dataset
shape: query
parameters:
  required: [to, key, columns]
  properties:
    to: {$ref: "#/$defs/table"}
    key: &pairs
      type: array
      minItems: 1
      maxItems: 32
      items:
        type: object
        required: [column]
        additionalProperties: false
        properties:
          column: {$ref: "#/$defs/column"}
          field: {$ref: "#/$defs/other_column"}
    columns: *pairs
    tolerance: {$ref: "#/$defs/tolerance"}
    tolerance_percent: {$ref: "#/$defs/percent"}
example: {to: flights.planes, key: [{column: tailnum}], columns: [{column: built, field: year}]}
---#}

{% macro sx_matches_reference(rule, model) %}
select * from {{ sx_batch(model) }}
{%- for pair in rule['key'] %} and {{ sx_column(pair['column']) }} is not null{% endfor %} and not exists (
  select 1 from {{ sx_other(rule['to']) }}
  where true
  {%- for pair in rule['key'] %}
    and {{ sx_there(pair) }} = {{ sx_here(pair) }}
  {%- endfor %}
  {%- for pair in rule['columns'] %}
    and ({{ sx_here(pair) }} is null or {{ sx_agrees(rule, sx_here(pair), sx_there(pair)) }})
  {%- endfor %}
)
{%- endmacro %}

{% macro sx_here(pair) %}
  {{- sx_column(pair['column']) -}}
{% endmacro %}

{% macro sx_there(pair) %}
  {{- sx_column(pair.get('field', pair['column']), 'sx_other') -}}
{% endmacro %}

{% test sx_matches_reference(model, rule_id) %}
{{- sx_matches_reference(sx_rule(rule_id), model) -}}
{% endtest %}
