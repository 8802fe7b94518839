{#---
description: >-
  Every value of a text column can be read as the type: integer (64 bits), numeric (digits, a point,
  an exponent up to 999; not NaN or infinity), date and timestamp (ISO 8601, years 0001 to 9999), uuid (with
  hyphens) or json (on PostgreSQL from version 16 on). Spaces, tabs and line breaks around are let
  pass, but not by uuid. Rows without a value don't fail; an empty text does.
dimension: validity
entity: column
shape: row
parameters:
  required: [column, type]
  properties:
    column: {$ref: "#/$defs/column"}
    type: {enum: [integer, numeric, date, timestamp, uuid, json]}
example: {column: passenger_count, type: integer}
---#}

{#
  By the written form, which every warehouse judges alike; a cast that fails would end the query,
  and not every warehouse can ask beforehand.
#}
{% macro sx_castable_to(rule) %}
  {%- set text = 'cast(' ~ sx_column(rule['column']) ~ ' as text)' -%}
  {%- if rule['type'] == 'json' -%}
    {{- 'not ' ~ sx_is_json(text) -}}
  {%- else -%}
    {%- set form = sx_choice(rule['type'], {
      'integer': '^' ~ sx_blanks() ~ '[+-]?0*[0-9]{1,19}' ~ sx_blanks() ~ '$',
      'numeric': '^' ~ sx_blanks() ~ '[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]{1,3})?' ~ sx_blanks() ~ '$',
      'date': '^' ~ sx_blanks() ~ sx_date_form() ~ sx_blanks() ~ '$',
      'timestamp': '^' ~ sx_blanks() ~ sx_timestamp_form() ~ sx_blanks() ~ '$',
      'uuid': sx_uuid_form(),
    }) -%}
    {%- if rule['type'] == 'integer' -%}
      case when not ({{ sx_matches(text, form) }}) then true
      else cast(trim(both {{ sx_literal(' \t\n\r\f\v') }} from {{ text }}) as decimal(38, 0)) not between -9223372036854775808 and 9223372036854775807 end
    {%- else -%}
      {{- 'not (' ~ sx_matches(text, form) ~ ')' -}}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}

{% test sx_castable_to(model, rule_id) %}
{{- sx_failing_rows(model, sx_castable_to(sx_rule(rule_id))) -}}
{% endtest %}
