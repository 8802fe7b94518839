{#
  The shapes: how the thing a rule type defines becomes the query that dbt runs. A rule type of the
  shape `row` gives a predicate that is true for a failing row; the failing rows are all it takes.
#}

{% macro sx_failing_rows(model, predicate) %}
select * from {{ sx_batch(model) }} and ({{ predicate }})
{%- endmacro %}

{# Rows tested, counted once for a run. A source may not hold a test's result other than as its
   number of failures, so the count travels as that and the runner reads it back. #}
{% test sx_rows_tested(model) %}
{{- config(fail_calc='max(rows_tested)', severity='warn') -}}
select count(*) as rows_tested from {{ sx_batch(model) }}
{%- endtest %}

{#
  The shape `key`: the values of the key that stand more than once, each a failing row. A key with
  a missing part is nobody's duplicate, as in a UNIQUE constraint.
#}
{% macro sx_repeated_keys(model, key, columns) %}
select {{ key }}, count(*) as rows_of_key from {{ sx_batch(model) }}
{%- for column in columns %} and {{ sx_identifier(column) }} is not null{% endfor %}
group by {{ key }} having count(*) > 1
{%- endmacro %}
