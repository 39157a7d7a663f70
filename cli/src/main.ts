import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { cacheDir, currentUser } from './user-dirs.ts';

const user = currentUser();
// Keeps what Node made of the sources, which is most of the time of a start. In the user's own folder: another user who
// could write to it could run code as this one.
enableCompileCache(join(cacheDir(user), 'code'));

// For this process alone: whatever it starts has another parent.
const parentPid = Number(process.env['SIGSTEAD_PARENT_PID'] ?? process.ppid);
delete process.env['SIGSTEAD_PARENT_PID'];

const { run } = await import('./run.ts');
process.exit(await run(process.argv.slice(2), { user, parentPid, exitNow: (code) => process.exit(code) }));
