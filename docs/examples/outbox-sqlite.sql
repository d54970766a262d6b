-- The tables of `concordat adapter sql-messages` on SQLite. An application inserts into concordat_outbox in the transaction of its own change.
-- `inbox` is an inbox of others, or room: and a room of the own subsystem.
create table concordat_outbox (
  position integer primary key autoincrement,
  inbox text not null,
  event_id text not null default (lower(hex(randomblob(16)))) unique,
  event_type text not null,
  subject text,
  ordering_key text,
  content_type text not null default 'application/json',
  data text,
  state text not null default 'waiting',
  reason text
);
create index concordat_outbox_waiting on concordat_outbox (state, position);
-- The events of inboxes whose statement was carried out.
create table concordat_inbox (
  event_key text primary key,
  delivery text not null,
  taken_at text not null
);
