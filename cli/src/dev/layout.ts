/** Names inside a data folder that more than one part needs. */

/** The first TUF root as published, a copy for clients on this machine. */
export const INITIAL_ROOT = 'trust/root.json';
/** Folder of the embedded PostgreSQL. */
export const POSTGRES = 'postgres';
/** What must not go back even when the database does. */
export const MARKS = 'marks';
/** Caches of clients of an ephemeral instance. */
export const CLIENTS = 'clients';
/** Private keys and certificates. */
export const KEYS = 'keys';
/** What runs, as a configuration of `sigstead serve`. */
export const CONFIGURATION = 'serve.yaml';
