{#
  What a check is judged on: the gate's table, bounded by the run's batch. The batch is bound as
  literals when a run starts, so that another batch never costs a parse.
#}

{% macro sx_rule(rule_id) %}
  {%- do return(var('sx_rules')[rule_id]) -%}
{% endmacro %}

{% macro sx_batch(model) %}
  {#- The model stays in the arguments so that dbt attaches the test to the gate's source. -#}
  {%- set batch = var('sx_batch', none) -%}
  {#- Read through a subquery, in which the columns that no table declares (ctid, rowid) are gone. -#}
  (select * from {{ sx_table(var('sx_table')) }} as sx_subject
  {%- if batch %} where {{ sx_in_batch(batch) }}{% endif -%}
  ) as sx_row where true
{% endmacro %}

{# The table, whole, for a rule that compares the batch with the rest of it. #}
{% macro sx_whole(model) %}
  {{- '(select * from ' ~ sx_table(var('sx_table')) ~ ') as sx_row' -}}
{% endmacro %}

{# Another table, whole; read like the batch. #}
{% macro sx_other(table) %}
  {{- '(select * from ' ~ sx_table(table) ~ ') as sx_other' -}}
{% endmacro %}

{% macro sx_in_batch(batch, row='sx_subject') %}
  {%- set column = sx_column(batch['column'], row) -%}
  {%- if 'values' in batch -%}
    {{ column }} in (
    {%- for value in batch['values'] -%}
      {{ sx_literal(value) }}{{ ', ' if not loop.last }}
    {%- endfor -%})
  {%- else -%}
    {%- for end, comparison in {'from': '>=', 'after': '>', 'to': '<', 'through': '<='}.items() if end in batch -%}
      {{ column }} {{ comparison }} {{ sx_literal(batch[end]) }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
  {%- endif -%}
{% endmacro %}

{# One end of a batch that is a range of dates or times. Nothing is judged by one that lacks it. #}
{% macro sx_batch_bound(end) %}
  {%- set batch = var('sx_batch', none) or {} -%}
  {%- if batch.get(end) is string -%}
    {{- sx_literal(batch[end]) -}}
  {%- elif execute -%}
    {{- exceptions.raise_compiler_error("this rule needs a run whose batch is a range of dates or times, with 'from' and 'to'") -}}
  {%- endif -%}
{% endmacro %}

{# The batch as a condition on a table by itself; nothing where there is none. #}
{% macro sx_batch_predicate(batch) %}
  {%- if batch -%}
    {{ sx_in_batch(batch, none) }}
  {%- endif -%}
{% endmacro %}

{# How many rows a test of a user's own project looks at: its table and its `where`, as they are. #}
{% macro sx_count(relation, where) -%}
select count(*) from {{ relation }}{% if where %} where {{ where }}{% endif %}
{%- endmacro %}
