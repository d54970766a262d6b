-- The tables of `concordat adapter sql-messages` on MariaDB and MySQL 8.0.13 or newer. An application inserts into concordat_outbox in the transaction
-- of its own change. `inbox` is an inbox of others, or room: and a room of the own subsystem.
create table concordat_outbox (
  position bigint auto_increment primary key,
  inbox varchar(1500) not null,
  event_id varchar(255) not null default (uuid()) unique,
  event_type varchar(1024) not null,
  subject varchar(1024),
  ordering_key varchar(1024),
  content_type varchar(255) not null default 'application/json',
  data longtext,
  state varchar(10) not null default 'waiting',
  reason varchar(1000),
  key concordat_outbox_waiting (state, position)
) engine = InnoDB default character set utf8mb4;
-- The events of inboxes whose statement was carried out.
create table concordat_inbox (
  event_key char(64) primary key,
  delivery varchar(255) not null,
  taken_at varchar(30) not null
) engine = InnoDB default character set utf8mb4;
