import type { Migration } from '@sigstead/platform';

export const SCHEMA = 'ca';

/** Forward only; a released one never changes. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001_issuance',
    sql: `
      -- Everything the authority is about to sign, written before the signature exists. Insert-only: a row is never
      -- changed or removed, so a signature that turns up anywhere can be held against it.
      CREATE TABLE issuance (
        id                 bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
        kind               smallint    NOT NULL CHECK (kind IN (1, 2)),
        serial             bytea       NOT NULL CHECK (octet_length(serial) BETWEEN 1 AND 20),
        issuer_key_sha256  bytea       NOT NULL CHECK (octet_length(issuer_key_sha256) = 32),
        token_sha256       bytea       NOT NULL CHECK (octet_length(token_sha256) = 32),
        tbs                bytea       NOT NULL CHECK (octet_length(tbs) > 0),
        UNIQUE (serial, kind, issuer_key_sha256)
      );
      COMMENT ON COLUMN issuance.kind IS '1 precertificate, 2 certificate';
      COMMENT ON COLUMN issuance.tbs IS 'DER TBSCertificate, exactly the bytes that are signed';

      CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the issuance record is insert-only'; END $$;
      CREATE TRIGGER issuance_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON issuance
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    `,
  },
];
