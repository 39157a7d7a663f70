export const HELP = `npm run bench:peers -- [options]

Sigstead beside the Go programs that do the same, on this machine, in one run. Both are built by Go 1.26 into the cache outside of the checkout,
once; without Go there is nothing to compare with, and the bench is skipped by name.

  --peer LIST        tessera, rekor-tiles (both)
  --seconds N        of each run (8)                     --warm-up N       of each server, at first (3)
  --rounds N         of each load: ours, theirs, theirs, ours; medians over all are printed (2)
  --verify-every N   every so many answers are looked up again, or verified (100)
  --no-pin           do not put servers and generator on cores of their own (taskset)
  --json             one JSON document on standard output, progress on standard error

tessera: our log engine beside Tessera's POSIX log (1.0.4, its conformance server): the same 3,200 random bytes a leaf through POST /add of both, over
HTTP. Ours is a small server of this bench: the production HTTP server (fastify) and the engine over a PostgreSQL of its own; the leaf's
SHA-256 is its identity, and the answer is the index and the signed checkpoint.

  --rate LIST        open loops: so many arrivals a second (50,500,2000)
  --in-flight LIST   closed loops: so many requests always under way (256,512)

rekor-tiles: our Rekor v2 log, \`sigstead serve\` in one process, beside upstream's (rekor-tiles 2.3.0, posix) at the best tuning found: checkpoints every
100 ms, batches of 50 ms. The same entries, signed before, with certificates of about 2.1 KB, through POST /api/v2/log/entries of both; P-256 keys both.

  --rekor-rate LIST        open loops of both (50)
  --our-in-flight LIST     closed loops: each is measured where it does best (256),
  --their-in-flight LIST   ours with few requests under way, theirs with many (1024,3500)
  --search on|off          our log's switch (as the product has it by itself)
  --antispam               theirs with its persistent look-up of duplicates; without, it knows the last 256 entries. Ours always knows all.

What is printed
  done/s             answers a second, from the first intended send to the last answer
  per CPU-s          the same for each second of CPU of all processes of the server, PostgreSQL included, from the first send to one second
                     after the last answer (tessera) or to the last answer (rekor-tiles)
  p50, p99 ms        from the moment a request was meant to be sent; in closed loops from its sending
  generator          part of its core that the generator took: near 1 it measured itself
  others             cores that other programs took meanwhile

What an answer says: Tessera's that the leaf is in the tree, durably (files and folders flushed), without looking for duplicates, under a
checkpoint that is signed up to a second later. rekor-tiles' that the entry is verified, in the tree, and under the signed checkpoint in the answer; each
file is written with O_SYNC or flushed before it gets its name, and its folder after. Ours, in both, that it is committed (fsync and
synchronous_commit on), no duplicate of any other, and under the signed checkpoint in the answer. A leaf that is not at the index told, a checkpoint or
proof that does not verify, or any other answer makes a run void, and the exit code 1. Targets missed are said, and change no exit code.
`;
