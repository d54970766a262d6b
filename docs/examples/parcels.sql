-- The land board's own table, for docs/adapters.md and sql-adapter.yaml: SQLite, PostgreSQL and MariaDB understand it.
create table parcel (
  number varchar(12) not null primary key,
  owner_code varchar(9) not null,
  area_m2 integer not null,
  use_class varchar(20) not null,
  registered date not null,
  note varchar(200)
);
insert into parcel values
  ('001-0001', 'P00000007', 1200, 'residential', '2019-04-01', 'valuation disputed'),
  ('001-0002', 'P00000007', 56000, 'forest', '2001-11-20', null),
  ('001-0003', 'P00000012', 830, 'residential', '2023-01-09', null),
  ('002-0001', 'P00000044', 410000, 'arable', '1996-06-30', null);
