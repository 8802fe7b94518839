{#
  How things are written, as regular expressions that mean the same in every warehouse's dialect:
  classes in brackets, groups, alternatives and bounded repeats, nothing else.
#}

{# Named one by one: what else \s matches depends on the warehouse, and on its locale. #}
{% macro sx_blanks() %}
  {{- '[ \\t\\n\\r\\f\\v]*' -}}
{% endmacro %}

{% macro sx_date_form() %}
  {%- set year = '([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])' -%}
  {%- set leap_year = '(([0-9]{2}(0[48]|[2468][048]|[13579][26]))|((0[48]|[2468][048]|[13579][26])00))' -%}
  {%- set day = '((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))' -%}
  {{- '(' ~ year ~ '-' ~ day ~ '|' ~ leap_year ~ '-02-29)' -}}
{% endmacro %}

{% macro sx_timestamp_form() %}
  {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?' -%}
  {%- set zone = '( ?([zZ]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?))?' -%}
  {{- sx_date_form() ~ '([ T]' ~ time ~ zone ~ ')?' -}}
{% endmacro %}

{% macro sx_uuid_form() %}
  {{- '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' -}}
{% endmacro %}

{% macro sx_host_form() %}
  {%- set label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?' -%}
  {{- label ~ '(\\.' ~ label ~ ')*' -}}
{% endmacro %}

{% macro sx_email_form() %}
  {%- set word = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+" -%}
  {%- set label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?' -%}
  {{- '^' ~ word ~ '(\\.' ~ word ~ ')*@(' ~ label ~ '\\.)+' ~ label ~ '$' -}}
{% endmacro %}

{% macro sx_url_form() %}
  {{- '^[hH][tT][tT][pP][sS]?://' ~ sx_host_form() ~ '(:[0-9]{1,5})?([/?#][^ \\t\\n\\r\\f\\v]*)?$' -}}
{% endmacro %}

{% macro sx_ipv4_form() %}
  {%- set octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])' -%}
  {{- '^(' ~ octet ~ '\\.){3}' ~ octet ~ '$' -}}
{% endmacro %}

{#
  What is left of an IBAN after division by 97: its first four characters moved to the end, each
  letter written as a number (A is 10), and the long number divided piece by piece.
#}
{% macro sx_iban_remainder(iban) %}
  {%- set digits = namespace(sql='substr(' ~ iban ~ ', 5) || substr(' ~ iban ~ ', 1, 4)') -%}
  {%- for letter in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' -%}
    {%- set digits.sql = "replace(" ~ digits.sql ~ ", '" ~ letter ~ "', '" ~ (loop.index + 9) ~ "')" -%}
  {%- endfor -%}
  {%- set rest = namespace(sql="''") -%}
  {%- for start in [1, 31, 61] -%}
    {%- set rest.sql = 'cast(' ~ rest.sql ~ ' || substr(' ~ digits.sql ~ ', ' ~ start ~ ', 30) as decimal(38, 0)) % 97' -%}
    {%- if not loop.last -%}{%- set rest.sql = 'cast(' ~ rest.sql ~ ' as text)' -%}{%- endif -%}
  {%- endfor -%}
  {{- rest.sql -}}
{% endmacro %}
