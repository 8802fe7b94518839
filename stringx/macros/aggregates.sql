{# The aggregates that rules may name, over a column that is given as SQL. #}

{% macro sx_aggregate(name, column, quantile=none) %}
  {%- set number = 'cast(' ~ column ~ ' as double precision)' -%}
  {{- sx_choice(name, {
    'min': 'min(' ~ column ~ ')',
    'max': 'max(' ~ column ~ ')',
    'avg': 'avg(' ~ column ~ ')',
    'sum': 'sum(' ~ column ~ ')',
    'stddev': 'stddev_samp(' ~ number ~ ')',
    'median': sx_quantile(number, 0.5),
    'quantile': sx_quantile(number, quantile),
  }) -}}
{% endmacro %}

{# Between two values that are next to it, a quantile lies in proportion. #}
{% macro sx_quantile(number, quantile) %}
  {{- 'percentile_cont(' ~ quantile ~ ') within group (order by ' ~ number ~ ')' -}}
{% endmacro %}
