-- depends on nothing of the gate but the source
select * from {{ source('shop', 'orders') }} where amount < 0
