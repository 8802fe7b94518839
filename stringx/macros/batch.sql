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
  {{- sx_table(var('sx_table')) }} as sx_row
  {%- if batch %} where {{ sx_in_batch(batch) }}
  {%- else %} where true
  {%- endif -%}
{% endmacro %}

{% macro sx_in_batch(batch) %}
  {%- set column = sx_identifier(batch['column']) -%}
  {%- if 'values' in batch -%}
    {{ column }} in (
    {%- for value in batch['values'] -%}
      {{ sx_literal(value) }}{{ ', ' if not loop.last }}
    {%- endfor -%})
  {%- else -%}
    {{ column }} >= {{ sx_literal(batch['from']) }} and {{ column }} < {{ sx_literal(batch['to']) }}
  {%- endif -%}
{% endmacro %}
