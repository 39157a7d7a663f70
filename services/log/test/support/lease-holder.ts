/** A process that takes the lease `name` of the database `connectionString`, says `held`, and keeps it. */
import { PostgresLease } from '../../src/store/lease.ts';

const [connectionString = '', name = ''] = process.argv.slice(2);
const lease = new PostgresLease(connectionString);
if (await lease.hold(name)) process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
