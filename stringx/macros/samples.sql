{#
  Some of a check's failing rows: only the columns that may be shown, masked before they leave the
  warehouse, and no more rows than are kept.
#}

{% macro sx_sample(failing_rows, columns, masks, rows, salt) -%}
select
  {%- for column in columns %}
  {{ sx_shown(sx_column(column, 'sx_failing'), masks.get(column), salt) }} as {{ sx_identifier(column) }}{{ ',' if not loop.last }}
  {%- endfor %}
from (
{{ failing_rows }}
) as sx_failing limit {{ rows | int }}
{%- endmacro %}

{# What tells the columns of failing rows, without running for any. #}
{% macro sx_no_row(failing_rows) -%}
select * from (
{{ failing_rows }}
) as sx_failing limit 0
{%- endmacro %}

{# A value in its written form, cut where it is long. A missing value is shown as one. #}
{% macro sx_shown(column, mask, salt) -%}
  {%- set text = 'cast(' ~ column ~ ' as text)' -%}
  {%- if mask is none -%}
    left({{ text }}, 200)
  {%- elif mask == 'hash' -%}
    {{ sx_hash(sx_literal(salt) ~ ' || ' ~ text) }}
  {%- elif mask == 'partial' -%}
    case when length({{ text }}) < 6 then left({{ text }}, 0) || '***' else left({{ text }}, 1) || '***' || right({{ text }}, 1) end
  {%- else -%}
    left({{ text }}, 0) || '***'
  {%- endif -%}
{%- endmacro %}

{% macro sx_hash(text) %}
  {{- adapter.dispatch('sx_hash')(text) -}}
{% endmacro %}

{% macro default__sx_hash(text) %}
  {{- 'sha256(' ~ text ~ ')' -}}
{% endmacro %}

{% macro postgres__sx_hash(text) %}
  {{- "encode(sha256(convert_to(" ~ text ~ ", 'UTF8')), 'hex')" -}}
{% endmacro %}
