{% test expression_is_true(model, expression, column_name=none) %}
  {{ return(adapter.dispatch('test_expression_is_true', 'my_utils')(model, expression, column_name)) }}
{% endtest %}

{% macro default__test_expression_is_true(model, expression, column_name) %}
select * from {{ model }} where not ({{ column_name ~ ' ' if column_name }}{{ expression }})
{% endmacro %}
