export const HELP = `npm run bench:peers -- [options]

Our log engine beside Tessera's POSIX log, on this machine, in one run: the same 3,200 random bytes a leaf through POST /add of both, over
HTTP. Tessera 1.0.4's conformance server is built by Go 1.26 into the cache outside of the checkout, once; without Go there is
nothing to compare with, and the bench is skipped by name. Ours is a small server of this bench: the production HTTP server (fastify)
and the engine over a PostgreSQL of its own; the leaf's SHA-256 is its identity, and the answer is the index and the signed checkpoint.

  --rate LIST        open loops: so many arrivals a second (50,500,2000)
  --in-flight LIST   closed loops: so many requests always under way (256,512)
  --seconds N        of each run (8)                     --warm-up N       of each server, at first (3)
  --rounds N         of each load: ours, theirs, theirs, ours; medians over all are printed (2)
  --verify-every N   every so many answers are looked up again after the run (100)
  --no-pin           do not put servers and generator on cores of their own (taskset)
  --json             one JSON document on standard output, progress on standard error

What is printed
  done/s             answers a second, from the first intended send to the last answer
  per CPU-s          the same for each second of CPU of all processes of the server, PostgreSQL included, from the first send to one second
                     after the last answer
  p50, p99 ms        from the moment a request was meant to be sent; in closed loops from its sending
  generator          part of its core that the generator took: near 1 it measured itself
  others             cores that other programs took meanwhile

What an answer says: Tessera's that the leaf is in the tree, durably (files and folders flushed), without looking for duplicates, under a
checkpoint that is signed up to a second later. Ours that it is committed (fsync and synchronous_commit on), no duplicate of any other, and
under the signed checkpoint in the answer. A leaf that is not at the index told, a checkpoint that does not verify, or any other status than
200 makes a run void, and the exit code 1. Targets missed are said, and change no exit code.
`;
