export const HELP = `npm run bench:log -- [options]

Loads a Rekor v2 log with real entries and checks what it answers. Each entry is about 3.2 KB in the log: a distinct digest, signed with
a key for which the instance issued a certificate. All of them are signed before the run.

Which runs (without any of these four: --rate 50,500,2000 --closed 256)
  --rate LIST        open loop, one run for each: so many arrivals a second, whatever the server does. A request's latency counts from
                     the moment it was meant to be sent, so a stall is seen in every request it delayed.
  --closed LIST      closed loop, one run for each: so many requests are always under way. Shows the most the server does; its latencies
                     are those of a full server and say nothing of a loaded one.
  --overload         a closed loop with 256 in flight finds the peak, then an open loop offers three times that. Shows the share of 503,
                     goodput as part of the peak, and the latency of what was accepted.
  --quarter          the same peak, then an open loop at a quarter of it: where latency is what it is in operation. With both, one peak.

How
  --seconds N        of each run (10)                    --warm-up N       seconds before the first (3; 0: none)
  --duplicates SHARE of requests that repeat an earlier entry (0). The answer must be 201 or 409 with the index of the first.
  --readers N        readers beside the writers (0): each takes the newest checkpoint 20 times a second, fetches the tiles from an acknowledged
                     entry to its root, and verifies the proof; now and then the whole entry bundle.
  --verify-every N   every so many accepted answers are verified: entry, signature of the checkpoint, inclusion proof (20)
  --connections N    most connections at a time (8192)

Against what
                     without --url: an instance of its own, in a temporary folder, with its own PostgreSQL and all settings that make
                     a commit durable
  --workers N        instead: \`sigstead serve\` with so many processes and one log, as in production
  --search on|off    with it: whether the log makes its entries findable (as the product has it by itself)
  --database URL     with it: an empty database; its PostgreSQL's processes are named with --pids
  --url URL          an instance that runs already, on this machine; others are refused. Its log grows by what is sent.
  --ca URL           another local instance that issues the certificates, where the log's own has no development issuer
  --log-key FILE     public key of the log (PEM), where no TUF repository stands beside it
  --pids LIST        further processes that belong to the server, with their children: a PostgreSQL that it did not start
  --no-pin, --pin    server and generator run on cores of their own (taskset). --pin does it to a server of --url too; it stays so.
  --json             one JSON document on standard output, progress on standard error

What is printed
  done/s             new entries (201) a second, from the first intended send to the last answer
  per CPU-s          new entries per second of server CPU: all its processes with their children, PostgreSQL too, from /proc. The figure
                     that survives a busy or small machine; "sign" is the same as a multiple of one P-256 signature of this run.
  503, again         refused and repeated requests
  lag                p99 of how much later than intended the generator sent: when this is not small, it measured itself
  others             CPU that processes beside server and generator took meanwhile, in cores

One answer that is not true makes a run void, and so does none at all: a proof or signature that does not verify, an entry that is not
what was sent, an index told twice, a status other than 201, 409 (to a repeat) and 503 (with Retry-After). The exit code is then 1.
`;
