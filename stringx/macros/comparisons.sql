{# Comparisons that several rule types share. All of them are unknown (NULL) without a value. #}

{# Below the rule's min or above its max; either may be left out. #}
{% macro sx_beyond(rule, value) %}
  {%- if 'min' in rule %}{{ value }} < {{ sx_literal(rule['min']) }}{% endif -%}
  {%- if 'min' in rule and 'max' in rule %} or {% endif -%}
  {%- if 'max' in rule %}{{ value }} > {{ sx_literal(rule['max']) }}{% endif -%}
{% endmacro %}

{# Compared by their written form unless all the values are numbers. #}
{% macro sx_listed(column, values) %}
  {%- set all_numbers = values | select('number') | reject('boolean') | list | length == values | length -%}
  {%- if all_numbers -%}
    {{ column }} in ({% for value in values %}{{ sx_literal(value) }}{{ ', ' if not loop.last }}{% endfor %})
  {%- else -%}
    cast({{ column }} as text) in ({% for value in values %}{{ sx_text_form(value) }}{{ ', ' if not loop.last }}{% endfor %})
  {%- endif -%}
{% endmacro %}

{#
  Equal, or with a tolerance near enough; of the two tolerances one suffices. Written as a range, for
  which NaN is near to nothing. A percentage of minus infinity would make the range's upper end NaN,
  which is greater than anything.
#}
{% macro sx_agrees(rule, value, other) -%}
({{ value }} = {{ other }}
  {%- if 'tolerance' in rule %} or {{ sx_near(value, other, sx_literal(rule['tolerance'])) }}{% endif -%}
  {%- if 'tolerance_percent' in rule %} or ({{ other }} > cast('-Infinity' as double precision) and {{ sx_near(value, other, 'abs(' ~ other ~ ' + 0.0) * ' ~ sx_literal(rule['tolerance_percent']) ~ ' / 100.0') }}){% endif -%}
)
{%- endmacro %}

{# With 0.0 added, the sums of an integer can't leave its type. #}
{% macro sx_near(value, other, distance) -%}
  {{ value }} between {{ other }} + 0.0 - {{ distance }} and {{ other }} + 0.0 + {{ distance }}
{%- endmacro %}
