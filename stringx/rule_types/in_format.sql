{#---
description: >-
  Every value of the column is written as an email address, a web address (http or https), a uuid, an
  iban (with its check digits, without blanks), an ipv4 address, an iso_date (2013-01-31) or an e164
  telephone number. Only the form is judged. Rows without a value don't fail; an empty text does.
dimension: validity
entity: column
shape: row
parameters:
  required: [column, format]
  properties:
    column: {$ref: "#/$defs/column"}
    format: {enum: [email, url, uuid, iban, ipv4, iso_date, e164]}
example: {column: flight_date, format: iso_date}
---#}

{% macro sx_in_format(rule) %}
  {%- set text = 'cast(' ~ sx_column(rule['column']) ~ ' as text)' -%}
  {%- set form = sx_choice(rule['format'], {
    'email': sx_email_form(),
    'url': sx_url_form(),
    'uuid': sx_uuid_form(),
    'iban': '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$',
    'ipv4': sx_ipv4_form(),
    'iso_date': '^' ~ sx_date_form() ~ '$',
    'e164': '^\\+[1-9][0-9]{1,14}$',
  }) -%}
  {%- if rule['format'] == 'iban' -%}
    case when not ({{ sx_matches(text, form) }}) then true else {{ sx_iban_remainder(text) }} <> 1 end
  {%- else -%}
    {{- 'not (' ~ sx_matches(text, form) ~ ')' -}}
  {%- endif -%}
{% endmacro %}

{% test sx_in_format(model, rule_id) %}
{{- sx_failing_rows(model, sx_in_format(sx_rule(rule_id))) -}}
{% endtest %}
