{#
  What isn't the same SQL everywhere. default__ is what most warehouses have; a warehouse that
  says it in another way has a version of its own beside it.
#}

{# True where a text has a match of a regular expression anywhere; a dot matches a line break. #}
{% macro sx_matches(text, pattern) %}
  {{- adapter.dispatch('sx_matches')(text, pattern) -}}
{% endmacro %}

{% macro default__sx_matches(text, pattern) %}
  {{- 'regexp_like(' ~ text ~ ', ' ~ sx_literal(pattern) ~ ')' -}}
{% endmacro %}

{% macro postgres__sx_matches(text, pattern) %}
  {{- text ~ ' ~ ' ~ sx_literal(pattern) -}}
{% endmacro %}

{% macro duckdb__sx_matches(text, pattern) %}
  {{- 'regexp_matches(' ~ text ~ ', ' ~ sx_literal(pattern) ~ ", 's')" -}}
{% endmacro %}

{# From 16 on, PostgreSQL can ask whether a cast would succeed; before, there is no way. #}
{% macro sx_is_json(text) %}
  {{- adapter.dispatch('sx_is_json')(text) -}}
{% endmacro %}

{% macro default__sx_is_json(text) %}
  {{- '(' ~ text ~ ' is json)' -}}
{% endmacro %}

{% macro postgres__sx_is_json(text) %}
  {{- 'pg_input_is_valid(' ~ text ~ ", 'json')" -}}
{% endmacro %}

{# DuckDB takes more for JSON: NaN, infinity, a comma at the end. Look for them beside the strings. #}
{% macro duckdb__sx_is_json(text) %}
  {%- set bare = 'regexp_replace(' ~ text ~ ", '\"(\\\\.|[^\"\\\\])*\"', '0', 'g')" -%}
  {{- '(json_valid(' ~ text ~ ') and not regexp_matches(' ~ bare ~ ", '(?i)nan|inf|,\\s*[]}]'))" -}}
{% endmacro %}

{# The session's time zone is UTC: see session.sql. #}
{% macro sx_now() %}
  {{- adapter.dispatch('sx_now')() -}}
{% endmacro %}

{% macro default__sx_now() %}
  {{- 'cast(current_timestamp as timestamp)' -}}
{% endmacro %}

{% macro sx_timestamp(expression) %}
  {{- 'cast(' ~ expression ~ ' as timestamp)' -}}
{% endmacro %}

{% macro sx_seconds_between(start, end) %}
  {{- adapter.dispatch('sx_seconds_between')(sx_timestamp(start), sx_timestamp(end)) -}}
{% endmacro %}

{% macro default__sx_seconds_between(start, end) %}
  {{- '(extract(epoch from ' ~ end ~ ') - extract(epoch from ' ~ start ~ '))' -}}
{% endmacro %}

{# Its epoch is a float, too coarse for a difference of microseconds. #}
{% macro duckdb__sx_seconds_between(start, end) %}
  {{- '((epoch_us(' ~ end ~ ') - epoch_us(' ~ start ~ ')) / 1000000.0)' -}}
{% endmacro %}

{% macro sx_unit_seconds(unit) %}
  {{- sx_choice(unit, {'seconds': 1, 'minutes': 60, 'hours': 3600, 'days': 86400}) -}}
{% endmacro %}

{% macro sx_duration(length, unit) %}
  {%- set one = sx_choice(unit, {'seconds': 'second', 'minutes': 'minute', 'hours': 'hour', 'days': 'day'}) -%}
  {{- sx_literal(length) ~ " * interval '1 " ~ one ~ "'" -}}
{% endmacro %}

{#
  The columns of a table as its warehouse knows them: name, type and place, for those that the role
  may read. A table that isn't there is an error, not a table without columns.
#}
{% macro sx_columns_of(table) %}
  {{- adapter.dispatch('sx_columns_of')(table) -}}
{% endmacro %}

{% macro default__sx_columns_of(table) -%}
{%- set schema, name = table.split('.', 1) -%}
select column_name as name, data_type as type, ordinal_position as place
from information_schema.columns
where table_schema = {{ sx_literal(schema) }} and table_name = {{ sx_literal(name) }}
  and not exists (select 1 from {{ sx_table(table) }} where false)
{%- endmacro %}

{# Its information_schema knows no materialized views, and shows columns that one may only write. #}
{% macro postgres__sx_columns_of(table) -%}
{%- set schema, name = table.split('.', 1) -%}
select attname as name, format_type(atttypid, atttypmod) as type, attnum as place
from pg_catalog.pg_attribute
where attrelid = to_regclass({{ sx_literal(sx_table(table)) }}) and attnum > 0 and not attisdropped
  and has_column_privilege(attrelid, attnum, 'SELECT')
  and not exists (select 1 from {{ sx_table(table) }} where false)
{%- endmacro %}

{# Its names are the same in upper and in lower case. #}
{% macro duckdb__sx_columns_of(table) -%}
{%- set schema, name = table.split('.', 1) -%}
select column_name as name, data_type as type, ordinal_position as place
from information_schema.columns
where table_catalog = current_database()
  and lower(table_schema) = lower({{ sx_literal(schema) }})
  and lower(table_name) = lower({{ sx_literal(name) }})
  and not exists (select 1 from {{ sx_table(table) }} where false)
{%- endmacro %}

{# A name in the form in which the warehouse compares it. #}
{% macro sx_name_form(expression) %}
  {{- adapter.dispatch('sx_name_form')(expression) -}}
{% endmacro %}

{% macro default__sx_name_form(expression) %}
  {{- 'cast(' ~ expression ~ ' as text)' -}}
{% endmacro %}

{% macro duckdb__sx_name_form(expression) %}
  {{- 'lower(' ~ expression ~ ')' -}}
{% endmacro %}
