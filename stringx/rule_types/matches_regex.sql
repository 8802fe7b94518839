{#---
description: >-
  Every value of the column has a match of a regular expression, anywhere in it unless ^ and $ say
  otherwise; a dot matches line breaks too. Rows without a value don't fail. The expression is in the
  warehouse's own dialect; one that takes too long meets the deadline, which is an error.
dimension: validity
entity: column
shape: row
parameters:
  required: [column, pattern]
  properties:
    column: {$ref: "#/$defs/column"}
    pattern: {$ref: "#/$defs/pattern"}
example: {column: tailnum, pattern: "^N[0-9A-Z]{1,5}$"}
---#}

{% macro sx_matches_regex(rule) %}
  {{- 'not (' ~ sx_matches('cast(' ~ sx_column(rule['column']) ~ ' as text)', rule['pattern']) ~ ')' -}}
{% endmacro %}

{% test sx_matches_regex(model, rule_id) %}
{{- sx_failing_rows(model, sx_matches_regex(sx_rule(rule_id))) -}}
{% endtest %}
