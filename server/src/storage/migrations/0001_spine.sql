-- The spine: set-up, signals, chains, records, events, people, integrations, deliveries.
-- Every key and unique index of an app's data begins with the app, so that an installation can be sharded by app;
-- app slugs, app keys, bundle ids and API keys are a small global directory.
-- No default takes the database's clock where the product's own "now" matters: callers pass it.

create table installation (
  one boolean primary key default true check (one),
  simulator boolean not null,
  -- Moves with every saved setting; processes compare it and reload.
  settings_epoch bigint not null default 1,
  created_at timestamptz not null
);

create table app (
  id integer primary key generated always as identity,
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  send_unknown_users boolean not null default false,
  -- The SDK's key: public by nature, can only write.
  public_key text not null unique,
  created_at timestamptz not null
);

create table store_account (
  app_id integer not null references app (id),
  store text not null,
  -- The store's own name of the app; one app per store and installation.
  bundle_id text not null,
  settings jsonb not null,
  -- Secret fields, each sealed with AES-256-GCM.
  sealed jsonb not null default '{}',
  version integer not null default 1,
  updated_at timestamptz not null,
  primary key (app_id, store),
  unique (store, bundle_id)
);

create table product (
  app_id integer not null references app (id),
  id text not null,
  name text,
  primary key (app_id, id)
);

create table plan (
  app_id integer not null,
  id text not null,
  product_id text not null,
  -- Grade: higher is better; null = not configured.
  level integer,
  -- Of non-renewing subscriptions.
  duration_days integer,
  primary key (app_id, id),
  foreign key (app_id, product_id) references product (app_id, id)
);

create table plan_store_product (
  app_id integer not null,
  store text not null,
  store_product_id text not null,
  plan_id text not null,
  primary key (app_id, store, store_product_id),
  foreign key (app_id, plan_id) references plan (app_id, id) on delete cascade
);

-- Anything that may change what we know. Partitioned by day; retention drops whole partitions.
create table signal (
  app_id integer not null,
  id uuid not null,
  received_at timestamptz not null,
  kind text not null check (kind in ('notification', 'sweep', 'sdk', 'api', 'timer')),
  store text not null,
  environment text not null,
  chain_id uuid,
  type text not null,
  store_time timestamptz not null,
  sort_order text not null,
  dedupe_key text not null,
  transaction_ids text[] not null,
  -- Who handed the purchase in (kinds sdk and api).
  handed_in_by uuid,
  body text not null,
  snapshot jsonb,
  settings_version integer not null,
  state text not null check (state in ('pending', 'done', 'ignored', 'failed')),
  reason text,
  processed_at timestamptz,
  primary key (app_id, received_at, id)
) partition by range (received_at);
-- Already-compressed base64 does not shrink; trying costs CPU on the hot path.
alter table signal alter column body set storage external;
create index signal_chain on signal (app_id, chain_id);
create table signal_default partition of signal default;

-- Not partitioned: uniqueness must hold across partitions, and outlives the bodies by at least 31 days.
create table signal_key (
  app_id integer not null,
  dedupe_key text not null,
  signal_id uuid not null,
  received_at timestamptz not null,
  primary key (app_id, dedupe_key)
);

-- What the worker still has to apply. Insert-only for `receive`, so that storing never waits for a chain that is busy.
create table signal_pending (
  app_id integer not null,
  chain_id uuid not null,
  signal_id uuid not null,
  received_at timestamptz not null,
  due_at timestamptz not null,
  why text not null check (why in ('identity', 'read', 'order')),
  tries integer not null default 0,
  -- Lower case: the store's account key whose owner is awaited.
  account_key text,
  primary key (app_id, chain_id, signal_id)
) with (fillfactor = 80);
create index signal_pending_due on signal_pending (due_at);
create index signal_pending_account_key on signal_pending (app_id, account_key) where account_key is not null;

create table chain (
  app_id integer not null,
  -- Hash of app, store, environment and the store's chain id: known without a read.
  id uuid not null,
  store text not null,
  environment text not null,
  store_chain_id text not null,
  shard smallint not null,
  owner_id uuid,
  -- The store's account key, lower case.
  account_key text,
  memory jsonb,
  -- Store time of the newest applied signal that carried status.
  status_at timestamptz,
  record_ids text[] not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (app_id, id)
) with (fillfactor = 80);
create index chain_owner on chain (app_id, owner_id) where owner_id is not null;
create index chain_account_key on chain (app_id, account_key) where account_key is not null;

create table record (
  app_id integer not null,
  id text not null,
  store text not null,
  environment text not null,
  chain_id uuid not null,
  owner_id uuid,
  account_key text,
  purchase_type text not null,
  product_id text not null,
  status text,
  family_shared boolean not null,
  sequence integer not null,
  opened_at timestamptz not null,
  effective_end_at timestamptz,
  state jsonb not null,
  updated_at timestamptz not null,
  primary key (app_id, id)
) with (fillfactor = 80);
create index record_owner on record (app_id, owner_id, product_id) where owner_id is not null;
create index record_account_key on record (app_id, account_key, product_id) where account_key is not null;

-- The unified dataset: append-only.
create table event (
  app_id integer not null,
  event_id uuid not null,
  position bigint not null generated always as identity,
  record_id text not null,
  sequence integer not null,
  group_index smallint not null,
  code text not null,
  store text not null,
  environment text not null,
  owner_id uuid,
  chain_id uuid not null,
  signal_id uuid not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  -- json, not jsonb: written once, read whole; a fifth less CPU per event inserted.
  attributes json not null,
  primary key (app_id, event_id),
  unique (app_id, record_id, sequence)
);
create index event_position on event (app_id, position);
create index event_owner on event (app_id, owner_id, position) where owner_id is not null;
create index event_signal on event (app_id, signal_id);

-- One row per owner: a known user (user_id) or an installation (anonymous_user_id), never both.
create table app_user (
  app_id integer not null,
  id uuid not null,
  user_id text,
  anonymous_user_id text,
  -- Lower case, for look-ups; the id is shown as first given.
  anonymous_key text,
  -- An installation's logged-in user.
  logged_in_user uuid,
  -- Newest id per integration name, e.g. {"at_internet_id_client": "…"}; the history is in integration_id.
  integration_ids jsonb not null default '{}',
  privacy_mode text,
  privacy_consent boolean,
  forwarding_revoked boolean not null default false,
  erased boolean not null default false,
  user_agent text,
  address text,
  device_id text,
  device_type text,
  created_at timestamptz not null,
  seen_at timestamptz not null,
  primary key (app_id, id),
  unique (app_id, user_id),
  unique (app_id, anonymous_key),
  check ((user_id is null) <> (anonymous_user_id is null))
) with (fillfactor = 80);

-- Where a known user is logged in.
create index app_user_login on app_user (app_id, logged_in_user) where logged_in_user is not null;

-- Net amounts of all purchases an owner holds, minor units of the app's currency. Written by ingest alone, under the owner's lock.
create table owner_revenue (
  app_id integer not null,
  owner_id uuid not null,
  environment text not null,
  amount bigint not null,
  primary key (app_id, owner_id, environment)
) with (fillfactor = 80);

-- A UUID that an app's back end gives a known user and passes to the store in place of the anonymous id.
create table account_token (
  app_id integer not null,
  token_key text not null,
  owner_id uuid not null,
  created_at timestamptz not null,
  primary key (app_id, token_key)
);

create table integration_id (
  app_id integer not null,
  id bigint not null generated always as identity,
  owner_id uuid not null,
  name text not null,
  value text not null,
  set_at timestamptz not null,
  primary key (app_id, id)
);
create index integration_id_owner on integration_id (app_id, owner_id, name, set_at desc);

create table integration (
  app_id integer not null references app (id),
  id integer not null generated always as identity,
  kind text not null,
  version integer not null,
  created_at timestamptz not null,
  primary key (app_id, id),
  unique (app_id, kind)
);

-- Settings as saved, append-only.
create table integration_version (
  app_id integer not null,
  integration_id integer not null,
  version integer not null,
  settings jsonb not null,
  sealed jsonb not null default '{}',
  events jsonb not null,
  author text not null,
  created_at timestamptz not null,
  primary key (app_id, integration_id, version),
  foreign key (app_id, integration_id) references integration (app_id, id)
);

-- Live state of a target, shared by all processes. No row = active, nothing known against it.
create table destination (
  app_id integer not null,
  integration_id integer not null,
  environment text not null,
  state text not null default 'active' check (state in ('active', 'paused', 'open')),
  reason text,
  since timestamptz not null,
  -- When a single batch may be tried again.
  probe_at timestamptz,
  probes integer not null default 0,
  -- Transient failures in a row.
  failures integer not null default 0,
  -- The settings in force when it was paused: newer ones are tried at once.
  settings_version integer,
  -- All finished pauses together: they do not count against the retry window.
  paused_ms bigint not null default 0,
  -- Requests a second, set once the collector throttles; null = no limit. Lifted when it has grown back to the ceiling.
  max_per_second real,
  rate_ceiling real,
  rate_at timestamptz,
  not_before timestamptz,
  primary key (app_id, integration_id, environment)
);

-- One row per event and integration. `id` is the position in its lane: it is given out under the owner's lock.
-- No index names `state`: the one update every delivery sees (queued → delivered) then stays on its page and touches no index.
create table delivery (
  app_id integer not null,
  id bigint not null generated always as identity,
  integration_id integer not null,
  environment text not null,
  event_id uuid not null,
  -- 0 = first; a replay makes a new delivery of the same event.
  replay integer not null default 0,
  -- 52-bit hash of app, integration, environment and owner; its lowest 8 bits are the shard.
  lane bigint not null,
  shard smallint not null,
  owner_id uuid,
  state text not null check (state in ('queued', 'held', 'retrying', 'delivered', 'parked', 'dead_letter', 'suppressed')),
  -- The state again where it is none of the ordinary ones, for lists of what needs attention.
  set_aside text generated always as (case when state in ('held', 'parked', 'dead_letter', 'suppressed') then state end) stored,
  reason text,
  -- As it was when last decided; what the worker goes by is delivery_queue.
  due_at timestamptz not null,
  -- Not null exactly while held.
  hold_until timestamptz,
  tries integer not null default 0,
  first_tried_at timestamptz,
  -- The destination's paused_ms at the first try.
  paused_ms bigint,
  -- Most events in one request with this one, once a request was refused.
  batch_max smallint,
  -- Fixed at the first attempt, for all retries.
  client_id text,
  ambiguous boolean not null default false,
  notes text[],
  created_at timestamptz not null,
  settled_at timestamptz,
  primary key (app_id, id),
  unique (app_id, event_id, integration_id, replay)
) with (fillfactor = 70);
create index delivery_held on delivery (app_id, owner_id) where hold_until is not null;
create index delivery_hold_end on delivery (hold_until) where hold_until is not null;
create index delivery_set_aside on delivery (app_id, set_aside, id) where set_aside is not null;

-- Exactly the deliveries that are queued or retrying, in flight included: small, and swept often.
-- Apart from `delivery`, so that finding work costs the same beside a thousand settled deliveries and beside a hundred million.
create table delivery_queue (
  app_id integer not null,
  lane bigint not null,
  id bigint not null,
  integration_id integer not null,
  environment text not null,
  -- Never before the due time of an earlier one in the lane, once the worker has met it.
  due_at timestamptz not null,
  primary key (app_id, lane, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index delivery_queue_due on delivery_queue (app_id, integration_id, environment, due_at, id);

-- What is in flight now; written before bytes leave, so that a crash is known to be ambiguous.
create table sending (
  app_id integer not null,
  integration_id integer not null,
  environment text not null,
  client_id text not null,
  shard smallint not null,
  epoch bigint not null,
  lane bigint not null,
  delivery_ids bigint[] not null,
  event_ids uuid[] not null,
  settings_version integer not null,
  -- Real time, as leases are.
  started_at timestamptz not null default clock_timestamp(),
  primary key (app_id, integration_id, environment, client_id)
) with (fillfactor = 50);

-- Each try, one row per request. Partitioned by day.
create table attempt (
  app_id integer not null,
  id uuid not null,
  at timestamptz not null,
  integration_id integer not null,
  environment text not null,
  lane bigint not null,
  trigger text not null check (trigger in ('automatic', 'manual', 'takeover')),
  delivery_ids bigint[] not null,
  event_ids uuid[] not null,
  settings_version integer not null,
  pianola_version text not null,
  client_id text,
  user_agent text,
  address text,
  privacy_mode text,
  privacy_consent boolean,
  body_hash bytea,
  status integer,
  class text not null,
  duration_ms integer,
  error text,
  ambiguous boolean not null default false,
  bytes_written boolean not null,
  -- Kept whole only for failures and ambiguous attempts.
  request_url text,
  request_body text,
  primary key (app_id, at, id)
) partition by range (at);
create index attempt_lane on attempt (app_id, lane, at);
create table attempt_default partition of attempt default;

-- A process works a shard only while it holds it, under its epoch: whatever it writes before bytes leave and when it settles is
-- checked against it. A holder lives as long as its row in shard_member.
create table shard_lease (
  stage text not null,
  shard smallint not null,
  holder uuid,
  epoch bigint not null default 0,
  primary key (stage, shard)
) with (fillfactor = 50);
insert into shard_lease (stage, shard) select 'deliver', generate_series(0, 255);

-- The processes that work a stage; shards are shared out evenly among the living. Real time.
create table shard_member (
  stage text not null,
  holder uuid not null,
  until timestamptz not null,
  primary key (stage, holder)
) with (fillfactor = 50);

create table api_key (
  id uuid primary key,
  -- Null = the whole installation.
  app_id integer references app (id),
  name text not null,
  hash bytea not null unique,
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz
);

create table audit (
  id bigint primary key generated always as identity,
  at timestamptz not null,
  actor text not null,
  action text not null,
  app_id integer,
  target text,
  detail jsonb
);

-- Refused notifications leave nothing but this.
create table rejection (
  app_id integer not null,
  store text not null,
  day date not null,
  code text not null,
  count bigint not null,
  primary key (app_id, store, day, code)
);
