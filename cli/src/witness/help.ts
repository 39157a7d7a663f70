/** What `sigstead witness --help` says. */
export const WITNESS_HELP = `sigstead witness - cosign the checkpoints of logs, as long as each of them only ever grows

Usage: sigstead witness init FOLDER --name NAME [--listen HOST:PORT]   make configuration, key and state of a new one
       sigstead witness init --config FILE [--unused-key]    make what a configuration names and is not there
       sigstead witness check --config FILE                  check it, with every key it names
       sigstead witness key --config FILE                    print the verifier key (name+id+key)
       sigstead witness --config FILE [--ready-file FILE]    serve until it is stopped

A log sends each new checkpoint to POST URL/add-checkpoint, with a proof that it contains the one before. The witness
signs it with the time, after it has stored it (c2sp.org/tlog-witness, cosignature v1 with Ed25519). Clients that ask
for a quorum of witnesses cannot be shown a tree that others do not see. GET URL/HASH/checkpoint shows what was
cosigned last; HASH is SHA-256 of the log's origin, in hex.

  logs          verifier keys of the logs to cosign: Ed25519 (type 1), ECDSA (2) or RFC 6962 (5). A log of ours prints
                its own with sigstead log vkey NAME. Changes take a new start; a log asks again.
  stateFolder   what was cosigned, in files; one process holds it. A folder that init has not made stops the start, and
                damaged files stop the log they belong to: then read docs/witnessing.md, "When a log is halted".
                A state that is lost cannot be made again: the witness then needs another name and key.
                --unused-key says that a key which is there already has never cosigned anything.
  markFolder    how far each log was cosigned, a second time, on another volume: a stateFolder that was set back (by a
                backup, a snapshot) is then noticed. If both are set back together, only a log that shows the witness
                its own later cosignature gives it away.

A witness is worth something when another organisation runs it than the log's, on a machine of its own. It needs no
database. A log that has signed two trees is refused (422), and both notes are kept below logs/HASH/evidence.
/healthz, /readyz (503 when a log is halted) and / are on its listener; metrics on that of the configuration.
`;
