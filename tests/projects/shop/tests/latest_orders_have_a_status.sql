select * from {{ source('shop', 'orders') }}
where status is null
{%- if var('sx_batch', none) %} and id > {{ var('sx_batch')['after'] }}{% endif %}
