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
  The shape `key`: the values of the key that stand more than once, each a failing row; those of the
  batch, counted in it, or with the scope `table` in the whole table.
#}
{% macro sx_repeated_keys(model, rule, key, columns) %}
{%- set batch = var('sx_batch', none) -%}
{%- set whole = batch and rule.get('scope') == 'table' -%}
select {{ key }}, count(*) as rows_of_key from {{ sx_whole(model) ~ ' where true' if whole else sx_batch(model) }}
{%- for column in columns %} and {{ sx_column(column) }} is not null{% endfor %}
group by {{ key }} having count(*) > 1
{%- if whole %} and count(*) filter (where {{ sx_in_batch(batch, 'sx_row') }}) > 0{% endif %}
{%- endmacro %}

{#
  The shape `aggregate`: one expression over the whole batch, and the rule's bounds for what comes
  out. It is one failing row if that is out of bounds; over no rows there may be no value (NULL),
  and nothing fails.
#}
{% macro sx_out_of_bounds(model, rule, expression) %}
select sx_value from (
  select {{ expression }} as sx_value from {{ sx_batch(model) }}
) as sx_measured
where {{ sx_beyond(rule, 'sx_value') }}
{%- endmacro %}
