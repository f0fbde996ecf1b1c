-- Made by the schema test from a migrated database; change it with: npx vitest run schema.test -u

table account_token
  app_id integer not null
  token_key text not null
  owner_id uuid not null
  created_at timestamp with time zone not null
  PRIMARY KEY (app_id, token_key)

table api_key
  id uuid not null
  app_id integer
  name text not null
  hash bytea not null
  scopes text[] not null
  created_at timestamp with time zone not null
  expires_at timestamp with time zone
  revoked_at timestamp with time zone
  FOREIGN KEY (app_id) REFERENCES app(id)
  PRIMARY KEY (id)
  UNIQUE (hash)

table app
  id integer not null generated always as identity
  slug text not null
  name text not null
  currency text not null
  send_unknown_users boolean not null default false
  public_key text not null
  created_at timestamp with time zone not null
  CHECK ((currency ~ '^[A-Z]{3}$'::text))
  CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text))
  PRIMARY KEY (id)
  UNIQUE (public_key)
  UNIQUE (slug)

table app_user with (fillfactor=80)
  app_id integer not null
  id uuid not null
  user_id text
  anonymous_user_id text
  anonymous_key text
  logged_in_user uuid
  integration_ids jsonb not null default '{}'::jsonb
  privacy_mode text
  privacy_consent boolean
  forwarding_revoked boolean not null default false
  erased boolean not null default false
  user_agent text
  address text
  device_id text
  device_type text
  created_at timestamp with time zone not null
  seen_at timestamp with time zone not null
  CHECK (((user_id IS NULL) <> (anonymous_user_id IS NULL)))
  PRIMARY KEY (app_id, id)
  UNIQUE (app_id, anonymous_key)
  UNIQUE (app_id, user_id)
  CREATE INDEX app_user_login ON app_user USING btree (app_id, logged_in_user) WHERE (logged_in_user IS NOT NULL)

table attempt partition by RANGE (at)
  app_id integer not null
  id uuid not null
  at timestamp with time zone not null
  integration_id integer not null
  environment text not null
  lane bigint not null
  trigger text not null
  delivery_ids bigint[] not null
  event_ids uuid[] not null
  settings_version integer not null
  pianola_version text not null
  client_id text
  user_agent text
  address text
  privacy_mode text
  privacy_consent boolean
  body_hash bytea
  status integer
  class text not null
  duration_ms integer
  error text
  ambiguous boolean not null default false
  bytes_written boolean not null
  request_url text
  request_body text
  CHECK ((trigger = ANY (ARRAY['automatic'::text, 'manual'::text, 'takeover'::text])))
  PRIMARY KEY (app_id, at, id)
  CREATE INDEX attempt_lane ON attempt USING btree (app_id, lane, at)

table audit
  id bigint not null generated always as identity
  at timestamp with time zone not null
  actor text not null
  action text not null
  app_id integer
  target text
  detail jsonb
  PRIMARY KEY (id)

table chain with (fillfactor=80)
  app_id integer not null
  id uuid not null
  store text not null
  environment text not null
  store_chain_id text not null
  shard smallint not null
  owner_id uuid
  account_key text
  memory jsonb
  status_at timestamp with time zone
  record_ids text[] not null default '{}'::text[]
  created_at timestamp with time zone not null
  updated_at timestamp with time zone not null
  PRIMARY KEY (app_id, id)
  CREATE INDEX chain_account_key ON chain USING btree (app_id, account_key) WHERE (account_key IS NOT NULL)
  CREATE INDEX chain_owner ON chain USING btree (app_id, owner_id) WHERE (owner_id IS NOT NULL)

table delivery with (fillfactor=70)
  app_id integer not null
  id bigint not null generated always as identity
  integration_id integer not null
  environment text not null
  event_id uuid not null
  replay integer not null default 0
  lane bigint not null
  shard smallint not null
  owner_id uuid
  state text not null
  set_aside text default 
CASE
    WHEN (state = ANY (ARRAY['held'::text, 'parked'::text, 'dead_letter'::text, 'suppressed'::text])) THEN state
    ELSE NULL::text
END
  reason text
  due_at timestamp with time zone not null
  hold_until timestamp with time zone
  tries integer not null default 0
  first_tried_at timestamp with time zone
  paused_ms bigint
  batch_max smallint
  client_id text
  ambiguous boolean not null default false
  notes text[]
  created_at timestamp with time zone not null
  settled_at timestamp with time zone
  CHECK ((state = ANY (ARRAY['queued'::text, 'held'::text, 'retrying'::text, 'delivered'::text, 'parked'::text, 'dead_letter'::text, 'suppressed'::text])))
  PRIMARY KEY (app_id, id)
  UNIQUE (app_id, event_id, integration_id, replay)
  CREATE INDEX delivery_held ON delivery USING btree (app_id, owner_id) WHERE (hold_until IS NOT NULL)
  CREATE INDEX delivery_hold_end ON delivery USING btree (hold_until) WHERE (hold_until IS NOT NULL)
  CREATE INDEX delivery_set_aside ON delivery USING btree (app_id, set_aside, id) WHERE (set_aside IS NOT NULL)

table delivery_queue with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0)
  app_id integer not null
  lane bigint not null
  id bigint not null
  integration_id integer not null
  environment text not null
  due_at timestamp with time zone not null
  PRIMARY KEY (app_id, lane, id)
  CREATE INDEX delivery_queue_due ON delivery_queue USING btree (app_id, integration_id, environment, due_at, id)

table destination
  app_id integer not null
  integration_id integer not null
  environment text not null
  state text not null default 'active'::text
  reason text
  since timestamp with time zone not null
  probe_at timestamp with time zone
  probes integer not null default 0
  failures integer not null default 0
  settings_version integer
  paused_ms bigint not null default 0
  max_per_second real
  rate_ceiling real
  rate_at timestamp with time zone
  not_before timestamp with time zone
  CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'open'::text])))
  PRIMARY KEY (app_id, integration_id, environment)

table event
  app_id integer not null
  event_id uuid not null
  "position" bigint not null generated always as identity
  record_id text not null
  sequence integer not null
  group_index smallint not null
  code text not null
  store text not null
  environment text not null
  owner_id uuid
  chain_id uuid not null
  signal_id uuid not null
  occurred_at timestamp with time zone not null
  created_at timestamp with time zone not null
  attributes json not null
  PRIMARY KEY (app_id, event_id)
  UNIQUE (app_id, record_id, sequence)
  CREATE INDEX event_owner ON event USING btree (app_id, owner_id, "position") WHERE (owner_id IS NOT NULL)
  CREATE INDEX event_position ON event USING btree (app_id, "position")
  CREATE INDEX event_signal ON event USING btree (app_id, signal_id)

table installation
  one boolean not null default true
  simulator boolean not null
  settings_epoch bigint not null default 1
  created_at timestamp with time zone not null
  CHECK (one)
  PRIMARY KEY (one)

table integration
  app_id integer not null
  id integer not null generated always as identity
  kind text not null
  version integer not null
  created_at timestamp with time zone not null
  FOREIGN KEY (app_id) REFERENCES app(id)
  PRIMARY KEY (app_id, id)
  UNIQUE (app_id, kind)

table integration_id
  app_id integer not null
  id bigint not null generated always as identity
  owner_id uuid not null
  name text not null
  value text not null
  set_at timestamp with time zone not null
  PRIMARY KEY (app_id, id)
  CREATE INDEX integration_id_owner ON integration_id USING btree (app_id, owner_id, name, set_at DESC)

table integration_version
  app_id integer not null
  integration_id integer not null
  version integer not null
  settings jsonb not null
  sealed jsonb not null default '{}'::jsonb
  events jsonb not null
  author text not null
  created_at timestamp with time zone not null
  FOREIGN KEY (app_id, integration_id) REFERENCES integration(app_id, id)
  PRIMARY KEY (app_id, integration_id, version)

table owner_revenue with (fillfactor=80)
  app_id integer not null
  owner_id uuid not null
  environment text not null
  amount bigint not null
  PRIMARY KEY (app_id, owner_id, environment)

table plan
  app_id integer not null
  id text not null
  product_id text not null
  level integer
  duration_days integer
  FOREIGN KEY (app_id, product_id) REFERENCES product(app_id, id)
  PRIMARY KEY (app_id, id)

table plan_store_product
  app_id integer not null
  store text not null
  store_product_id text not null
  plan_id text not null
  FOREIGN KEY (app_id, plan_id) REFERENCES plan(app_id, id) ON DELETE CASCADE
  PRIMARY KEY (app_id, store, store_product_id)

table product
  app_id integer not null
  id text not null
  name text
  FOREIGN KEY (app_id) REFERENCES app(id)
  PRIMARY KEY (app_id, id)

table record with (fillfactor=80)
  app_id integer not null
  id text not null
  store text not null
  environment text not null
  chain_id uuid not null
  owner_id uuid
  account_key text
  purchase_type text not null
  product_id text not null
  status text
  family_shared boolean not null
  sequence integer not null
  opened_at timestamp with time zone not null
  effective_end_at timestamp with time zone
  state jsonb not null
  updated_at timestamp with time zone not null
  PRIMARY KEY (app_id, id)
  CREATE INDEX record_account_key ON record USING btree (app_id, account_key, product_id) WHERE (account_key IS NOT NULL)
  CREATE INDEX record_owner ON record USING btree (app_id, owner_id, product_id) WHERE (owner_id IS NOT NULL)

table rejection
  app_id integer not null
  store text not null
  day date not null
  code text not null
  count bigint not null
  PRIMARY KEY (app_id, store, day, code)

table schema_migration
  number integer not null
  name text not null
  breaking boolean not null
  applied_at timestamp with time zone not null
  PRIMARY KEY (number)

table sending with (fillfactor=50)
  app_id integer not null
  integration_id integer not null
  environment text not null
  client_id text not null
  shard smallint not null
  epoch bigint not null
  lane bigint not null
  delivery_ids bigint[] not null
  event_ids uuid[] not null
  settings_version integer not null
  started_at timestamp with time zone not null default clock_timestamp()
  PRIMARY KEY (app_id, integration_id, environment, client_id)

table shard_lease with (fillfactor=50)
  stage text not null
  shard smallint not null
  holder uuid
  epoch bigint not null default 0
  PRIMARY KEY (stage, shard)

table shard_member with (fillfactor=50)
  stage text not null
  holder uuid not null
  until timestamp with time zone not null
  PRIMARY KEY (stage, holder)

table signal partition by RANGE (received_at)
  app_id integer not null
  id uuid not null
  received_at timestamp with time zone not null
  kind text not null
  store text not null
  environment text not null
  chain_id uuid
  type text not null
  store_time timestamp with time zone not null
  sort_order text not null
  dedupe_key text not null
  transaction_ids text[] not null
  handed_in_by uuid
  body text not null storage e
  snapshot jsonb
  settings_version integer not null
  state text not null
  reason text
  processed_at timestamp with time zone
  CHECK ((kind = ANY (ARRAY['notification'::text, 'sweep'::text, 'sdk'::text, 'api'::text, 'timer'::text])))
  CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'ignored'::text, 'failed'::text])))
  PRIMARY KEY (app_id, received_at, id)
  CREATE INDEX signal_chain ON signal USING btree (app_id, chain_id)

table signal_key
  app_id integer not null
  dedupe_key text not null
  signal_id uuid not null
  received_at timestamp with time zone not null
  PRIMARY KEY (app_id, dedupe_key)

table signal_pending with (fillfactor=80)
  app_id integer not null
  chain_id uuid not null
  signal_id uuid not null
  received_at timestamp with time zone not null
  due_at timestamp with time zone not null
  why text not null
  tries integer not null default 0
  account_key text
  CHECK ((why = ANY (ARRAY['identity'::text, 'read'::text, 'order'::text])))
  PRIMARY KEY (app_id, chain_id, signal_id)
  CREATE INDEX signal_pending_account_key ON signal_pending USING btree (app_id, account_key) WHERE (account_key IS NOT NULL)
  CREATE INDEX signal_pending_due ON signal_pending USING btree (due_at)

table store_account
  app_id integer not null
  store text not null
  bundle_id text not null
  settings jsonb not null
  sealed jsonb not null default '{}'::jsonb
  version integer not null default 1
  updated_at timestamp with time zone not null
  FOREIGN KEY (app_id) REFERENCES app(id)
  PRIMARY KEY (app_id, store)
  UNIQUE (store, bundle_id)
