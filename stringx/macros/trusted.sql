{#
  The operator's own tests, and those of dbt packages. They are trusted code, called as dbt would call
  them; the rule's parameters are their arguments, as they are. The runner writes the test that does.
#}

{% macro sx_trusted_arguments(rule_id) %}
  {%- set arguments = dict(sx_rule(rule_id), model=sx_model()) -%}
  {%- if 'column_name' in arguments -%}
    {%- do arguments.update(column_name=sx_trusted_column(arguments['column_name'])) -%}
  {%- endif -%}
  {%- do return(arguments) -%}
{% endmacro %}

{# What the test finds. A column that the table lacks must not be found elsewhere: see sx_column. #}
{% macro sx_trusted_rows(rule_id, query) %}
  {%- set rule = sx_rule(rule_id) -%}
  {%- if 'column_name' in rule -%}
select * from (
{{ query }}
) as sx_failing
where not exists (
  select {{ sx_column(rule['column_name'], 'sx_other') }} from {{ sx_other(var('sx_table')) }} where false
)
  {%- else -%}
    {{- query -}}
  {%- endif -%}
{% endmacro %}

{#
  What is judged, as such a test takes it: with a batch a subquery, like that of dbt's own `where`;
  without one the table itself, whose schema or columns a test may ask for.
#}
{% macro sx_model() %}
  {%- set table, batch = var('sx_table'), var('sx_batch', none) -%}
  {%- set schema, name = table.split('.', 1) -%}
  {%- if batch -%}
    {%- do return('(select * from ' ~ sx_table(table) ~ ' as sx_subject where ' ~ sx_in_batch(batch) ~ ') dbt_subquery') -%}
  {%- endif -%}
  {%- do sx_table(table) -%}
  {%- do return(api.Relation.create(
    database=sx_database(), schema=sx_trusted_name(schema), identifier=sx_trusted_name(name)
  )) -%}
{% endmacro %}

{#
  A column as dbt names it: bare, so that a test finds it among those that the warehouse lists; quoted
  where it would be another name or none.
#}
{% macro sx_trusted_column(name) %}
  {%- set bare = modules.re.fullmatch(sx_bare_form(), sx_trusted_name(name)) and name | lower not in sx_reserved_words() -%}
  {%- do return(name if bare else sx_identifier(name)) -%}
{% endmacro %}

{# Tests put a name into SQL, into literals and into comments, and dbt puts it between quotes, as it is. #}
{% macro sx_trusted_name(name) %}
  {%- if execute and not modules.re.fullmatch('[\\w .$#-]+', name) -%}
    {{- exceptions.raise_compiler_error('a trusted rule type takes only names of letters, digits, spaces and _ . $ # -, not ' ~ name) -}}
  {%- endif -%}
  {%- do return(name) -%}
{% endmacro %}

{# The names that the warehouse takes without quotes for what they are with them. #}
{% macro sx_bare_form() %}
  {%- do return(adapter.dispatch('sx_bare_form')()) -%}
{% endmacro %}

{% macro default__sx_bare_form() %}
  {%- do return('[a-z_][a-z0-9_]*') -%}
{% endmacro %}

{% macro duckdb__sx_bare_form() %}
  {%- do return('[A-Za-z_][A-Za-z0-9_]*') -%}
{% endmacro %}

{# The words that PostgreSQL or DuckDB reserves. Some of them are values without quotes. #}
{% macro sx_reserved_words() %}
  {%- do return('
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by
    case cast check collate collation column columns concurrently constraint create cross
    current_catalog current_date current_role current_schema current_time current_timestamp
    current_user default deferrable desc describe distinct do else end except false fetch for
    foreign freeze from full generated glob grant group having ilike in initially inner intersect
    into is isnull join lambda lateral leading left like limit localtime localtimestamp map
    natural not notnull null offset on only or order outer overlaps pivot pivot_longer pivot_wider
    placing positional primary qualify references returning right select semi session_user show
    similar some struct summarize symmetric system_user table tablesample then to trailing true
    try_cast tuple union unique unpack unpivot user using variadic verbose when where window with
  '.split()) -%}
{% endmacro %}

{% macro sx_database() %}
  {%- do return(adapter.dispatch('sx_database')()) -%}
{% endmacro %}

{% macro default__sx_database() %}
  {%- do return(target.database) -%}
{% endmacro %}

{# Files of three names go by another, and need none: see duckdb__sx_table. #}
{% macro duckdb__sx_database() %}
  {%- do return(none if target.database | lower in ['main', 'temp', 'system'] else target.database) -%}
{% endmacro %}
