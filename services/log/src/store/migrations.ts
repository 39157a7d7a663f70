import { FIRST } from './migrations/0001-log.ts';
import { LIFE } from './migrations/0002-life.ts';
import { VACUUM } from './migrations/0003-vacuum.ts';
import { CLOSE } from './migrations/0004-close.ts';
import { PUBLICATIONS } from './migrations/0005-publications.ts';
import { SEARCH } from './migrations/0006-search.ts';
import { CT } from './migrations/0007-ct.ts';

/** Schema that holds all logs of a database, and their migration history. */
export const SCHEMA = 'log';

/** Forward only: what has been released is never changed. */
export const MIGRATIONS: readonly { name: string; sql: string }[] = [
  { name: '0001-log', sql: FIRST },
  { name: '0002-life', sql: LIFE },
  { name: '0003-vacuum', sql: VACUUM },
  { name: '0004-close', sql: CLOSE },
  { name: '0005-publications', sql: PUBLICATIONS },
  { name: '0006-search', sql: SEARCH },
  { name: '0007-ct', sql: CT },
];
