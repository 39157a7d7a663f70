import type { Migration } from '@sigstead/platform';

/** Forward only; an applied text never changes. */
export const SCHEMA = 'tuf';

const publications = `
CREATE TABLE metadata (
  role    text   NOT NULL CHECK (role IN ('root', 'targets', 'snapshot', 'timestamp')),
  version bigint NOT NULL CHECK (version >= 1),
  bytes   bytea  NOT NULL,
  PRIMARY KEY (role, version)
);

CREATE TABLE target_file (
  name   text  NOT NULL,
  sha256 bytea NOT NULL,
  bytes  bytea NOT NULL CHECK (octet_length(bytes) > 0 AND sha256 = pg_catalog.sha256(bytes)),
  PRIMARY KEY (name, sha256)
);

CREATE TABLE model_revision (
  sha256 bytea PRIMARY KEY,
  bytes  bytea NOT NULL CHECK (sha256 = pg_catalog.sha256(bytes))
);

CREATE TABLE publication (
  sequence          bigint PRIMARY KEY CHECK (sequence >= 1),
  previous          bigint UNIQUE REFERENCES publication (sequence),
  published_at_ms   bigint NOT NULL,
  model_sha256      bytea  NOT NULL REFERENCES model_revision (sha256),
  root_version      bigint NOT NULL,
  targets_version   bigint NOT NULL,
  snapshot_version  bigint NOT NULL,
  timestamp_version bigint NOT NULL,
  root_role         text   NOT NULL GENERATED ALWAYS AS ('root') STORED,
  targets_role      text   NOT NULL GENERATED ALWAYS AS ('targets') STORED,
  snapshot_role     text   NOT NULL GENERATED ALWAYS AS ('snapshot') STORED,
  timestamp_role    text   NOT NULL GENERATED ALWAYS AS ('timestamp') STORED,
  CHECK (CASE WHEN sequence = 1 THEN previous IS NULL ELSE previous IS NOT NULL AND previous = sequence - 1 END),
  FOREIGN KEY (root_role, root_version)           REFERENCES metadata (role, version),
  FOREIGN KEY (targets_role, targets_version)     REFERENCES metadata (role, version),
  FOREIGN KEY (snapshot_role, snapshot_version)   REFERENCES metadata (role, version),
  FOREIGN KEY (timestamp_role, timestamp_version) REFERENCES metadata (role, version)
);

-- Carries no truth: locking it makes a reader's commit wait until what it read is as durable as any commit.
CREATE TABLE gate (single boolean PRIMARY KEY CHECK (single));
INSERT INTO gate VALUES (true);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'table %.% is only ever added to', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION refuse_rollback() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before tuf.publication;
BEGIN
  SELECT * INTO before FROM tuf.publication WHERE sequence = NEW.previous;
  IF FOUND AND (NEW.root_version NOT BETWEEN before.root_version AND before.root_version + 1
      OR NEW.targets_version < before.targets_version
      OR NEW.snapshot_version < before.snapshot_version
      OR NEW.timestamp_version < before.timestamp_version
      OR NEW.published_at_ms < before.published_at_ms) THEN
    RAISE EXCEPTION 'publication % would lower a version', NEW.sequence USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER refuse_rollback BEFORE INSERT ON publication FOR EACH ROW EXECUTE FUNCTION refuse_rollback();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON publication FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON metadata FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON target_file FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON model_revision FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
`;

export const MIGRATIONS: readonly Migration[] = [{ name: '0001-publications', sql: publications }];
