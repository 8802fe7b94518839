{#
  Hygiene on the warehouse session of every check. The wall is the warehouse role, which may only
  SELECT; a runner's deadline is the other one.
#}

{% macro postgres__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}
set local statement_timeout = {{ var('sx_statement_timeout_ms') | int }};
set transaction read only;
{{ dbt.default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}
