{#
  Hygiene on the warehouse session of every check. The wall is the warehouse role, which may only
  SELECT; a runner's deadline is the other one. Time zone and style are set so that what a check
  counts depends on the data alone: a time without a zone is UTC, a date is written 2013-01-31.
#}

{% macro postgres__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}
set local statement_timeout = {{ var('sx_statement_timeout_ms') | int }};
set local time zone 'UTC';
set local datestyle = 'ISO';
set transaction read only;
{{ dbt.default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{% macro duckdb__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}
set time zone 'UTC';
{{ dbt.default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{# The same for the session in which a runner looks at the table beside the checks. #}
{% macro sx_session(application_name, statement_timeout_ms) -%}
  {{- adapter.dispatch('sx_session')(application_name, statement_timeout_ms) -}}
{%- endmacro %}

{% macro default__sx_session(application_name, statement_timeout_ms) -%}
select 1
{%- endmacro %}

{% macro postgres__sx_session(application_name, statement_timeout_ms) -%}
set application_name = {{ sx_literal(application_name) }};
set statement_timeout = {{ statement_timeout_ms | int }};
set default_transaction_read_only = on;
set time zone 'UTC';
set datestyle = 'ISO';
{%- endmacro %}

{% macro duckdb__sx_session(application_name, statement_timeout_ms) -%}
set time zone 'UTC';
{%- endmacro %}
