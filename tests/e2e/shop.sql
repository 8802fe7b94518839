-- A small warehouse. Whoever reads its held views waits for as long as a test holds the lock.
create schema shop;

create table shop.orders (id integer, customer_id integer, region text);
insert into shop.orders values
    (1, 1, 'north'), (2, 2, 'north'), (3, null, 'north'), (4, 4, 'south'), (4, 5, 'south');

create view shop.held as
select id, region, pg_advisory_xact_lock_shared(1) is not null as waited from shop.orders;

create view shop.also_held as select * from shop.held;
create view shop.held_too_long as select * from shop.held;

create view shop.tried as select * from shop.orders;

create role shop_reader login password 'shop-reader-secret';
revoke all on database shop from public;
grant connect on database shop to shop_reader;
grant usage on schema shop to shop_reader;
grant select on all tables in schema shop to shop_reader;
