{#---
description: >-
  The table has exactly these columns, in this order and of these types; a type that is left out may
  be any. Types are written as the warehouse writes them, in either case. Rows failed counts the
  columns that are missing, of another type, out of order, or too many. The batch has no part in it.
dimension: consistency
entity: table
shape: query
parameters:
  required: [columns]
  properties:
    columns:
      type: array
      minItems: 1
      maxItems: 1600
      uniqueItems: true
      items:
        type: object
        required: [name]
        additionalProperties: false
        properties:
          name: {$ref: "#/$defs/column_name"}
          type: {type: string, minLength: 1, maxLength: 255, pattern: "^[^\\u0000]+$"}
    ordered: {type: boolean, default: true}
    others: {type: boolean, default: false, description: whether there may be other columns}
example: {columns: [{name: id, type: integer}, {name: status}], ordered: false, others: true}
---#}

{% macro sx_schema_matches(rule, model) %}
with sx_expected (place, name, type) as (values
  {%- for column in rule['columns'] %}
  ({{ loop.index }}, {{ sx_literal(column['name']) }}, {{ sx_literal(column['type']) if 'type' in column else 'null' }}){{ ',' if not loop.last }}
  {%- endfor %}
),
sx_actual as (
  {{ sx_columns_of(var('sx_table')) }}
),
sx_pairs as (
  select sx_expected.name as expected_name, sx_actual.name as actual_name,
    sx_expected.type as expected_type, sx_actual.type as actual_type,
    {#- Counted among the columns that are on both sides: one that is missing moves no other. #}
    row_number() over (partition by sx_expected.name is null, sx_actual.name is null order by sx_expected.place) as expected_place,
    row_number() over (partition by sx_expected.name is null, sx_actual.name is null order by sx_actual.place) as actual_place
  from sx_expected
  full outer join sx_actual
    on {{ sx_name_form('sx_expected.name') }} = {{ sx_name_form('sx_actual.name') }}
)
select * from sx_pairs
where actual_name is null
  or lower(expected_type) <> lower(actual_type)
  {%- if rule.get('ordered', true) %}
  or (expected_name is not null and expected_place <> actual_place)
  {%- endif %}
  {%- if not rule.get('others', false) %}
  or expected_name is null
  {%- endif %}
{%- endmacro %}

{% test sx_schema_matches(model, rule_id) %}
{{- sx_schema_matches(sx_rule(rule_id), model) -}}
{% endtest %}
