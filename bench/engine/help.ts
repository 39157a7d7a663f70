export const HELP = `npm run bench:engine -- [options]

The log engine alone: the sequencer of one Rekor v2 log and its PostgreSQL, without HTTP and without the verification of entries. Every
append is durable (fsync, synchronous_commit), exact duplicates are found, the checkpoint is signed (P-256) and verified, and each waiter gets a
proof that was verified. Starts a PostgreSQL of its own, in a temporary folder.

Which runs
  --in-flight LIST     closed loops with so many waiters (256,512,1024; '' for none)
  --lone N             appends one after the other (1000; 0: none)
  --sizes LIST         CPU per append in trees of these sizes, for example 1000,10000,100000,1000000 (not measured unless named):
                       each is filled with small entries first, then one CHECKPOINT, then the sizes take turns; medians are printed.
                       Each size is measured with and without the look-up and the unique index of identities.
  --no-dedup-share     leaves out the closed loop without them (with the last of --in-flight)

How
  --seconds N          of each closed loop (10)         --warm-up N          seconds before the first (3)
  --window N           seconds of a window; the slowest one is printed (5)
  --bytes N            of a record (3200)
  --rounds N           turns of each size (5)           --round-entries N    appends of a turn (16384)
  --mark               keeps the high-water mark too, in a file on the same disk: two more flushes a batch
  --json               one JSON document on standard output, progress on standard error

What is printed
  append/s             answered appends a second; "slowest" is that of the slowest window
  us CPU               microseconds of CPU an append, of Node (the generator of entries is in it: "making" says how much) and of all
                       of PostgreSQL's processes, from /proc
  of a sign            the same as a multiple of one P-256 signature of this run: the figure that survives another machine
  batch                appends in a transaction, on average
  others               CPU that processes beside these took meanwhile, in cores

Of every run up to 256 proofs are verified again by the plain verifier, and the signatures over their roots. One that does not
verify makes the exit code 1; figures never do.
`;
