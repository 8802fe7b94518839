{#
  How values become SQL. Values reach us as plain data (--vars), are never rendered as Jinja,
  and leave here as one literal or one quoted identifier, whatever they contain.
#}

{% macro sx_literal(value) %}
  {%- if value is boolean -%}
    {{- 'true' if value else 'false' -}}
  {%- elif value is number -%}
    {{- value | string -}}
  {%- elif value is string -%}
    {{- adapter.dispatch('sx_text_literal')(value) -}}
  {%- else -%}
    {{- exceptions.raise_compiler_error('a rule value must be text, a number or a boolean') -}}
  {%- endif -%}
{% endmacro %}

{% macro default__sx_text_literal(value) %}
  {{- "'" ~ value.replace("'", "''") ~ "'" -}}
{% endmacro %}

{# A backslash is plain or not by a setting of the server; in an E'' literal it never is. #}
{% macro postgres__sx_text_literal(value) %}
  {%- if '\\' in value -%}
    {{- "E" ~ default__sx_text_literal(value.replace('\\', '\\\\')) -}}
  {%- else -%}
    {{- default__sx_text_literal(value) -}}
  {%- endif -%}
{% endmacro %}

{# Quoted, so that a value is compared by its written form whatever the column's type. #}
{% macro sx_text_form(value) %}
  {%- if value is string -%}
    {{- sx_literal(value) -}}
  {%- else -%}
    {{- sx_literal(sx_literal(value)) -}}
  {%- endif -%}
{% endmacro %}

{% macro sx_identifier(name) %}
  {{- adapter.dispatch('sx_identifier')(name) -}}
{% endmacro %}

{#
  A column of the checked row, or of another. Without its row before it, a name that no column has
  might be found elsewhere: "current_user" by DuckDB, the row itself by its own name.
#}
{% macro sx_column(name, row='sx_row') %}
  {{- (row ~ '.' if row else '') ~ sx_identifier(name) -}}
{% endmacro %}

{% macro sx_columns(names) %}
  {%- for name in names -%}
    {{ sx_column(name) }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}

{% macro default__sx_identifier(name) %}
  {{- '"' ~ name.replace('"', '""') ~ '"' -}}
{% endmacro %}

{# A longer name would be cut, and might then be another column's. #}
{% macro postgres__sx_identifier(name) %}
  {%- if execute and name.encode('utf-8') | length > 63 -%}
    {{- exceptions.raise_compiler_error('PostgreSQL has no names over 63 bytes: ' ~ name) -}}
  {%- endif -%}
  {{- default__sx_identifier(name) -}}
{% endmacro %}

{# A table's name comes as "schema.table"; each part is quoted by itself. #}
{% macro sx_table(name) %}
  {{- adapter.dispatch('sx_table')(name) -}}
{% endmacro %}

{% macro default__sx_table(name) %}
  {%- set schema, table = name.split('.', 1) -%}
  {{- sx_identifier(schema) ~ '.' ~ sx_identifier(table) -}}
{% endmacro %}

{#
  A schema called like its file is ambiguous without the file's name before it. Files of three names
  go by another, and need none.
#}
{% macro duckdb__sx_table(name) %}
  {%- set schema = name.split('.', 1)[0] | lower -%}
  {%- if schema == target.database | lower and schema not in ['main', 'temp', 'system'] -%}
    {{- sx_identifier(target.database) ~ '.' -}}
  {%- endif -%}
  {{- default__sx_table(name) -}}
{% endmacro %}

{# The one of a few known words that a value names; it is the known word that becomes SQL. #}
{% macro sx_choice(value, choices) %}
  {%- if value not in choices -%}
    {{- exceptions.raise_compiler_error('a rule value must be one of ' ~ choices.keys() | join(', ')) -}}
  {%- endif -%}
  {{- choices[value] -}}
{% endmacro %}
