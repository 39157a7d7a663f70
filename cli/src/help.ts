import type { HelpTopic } from './command-line.ts';
import { WITNESS_HELP } from './witness/help.ts';

const SIGSTEAD = `sigstead - a whole Sigstore that one team can run by itself

Usage: sigstead COMMAND [options]

  dev                       run all services on this machine, for development and tests (npm start)
  token                     print an identity token of a running development instance
  env cosign|python|js|go   print a client's settings for an instance, as shell lines
  init FOLDER               make keys, chains and a configuration for your own services
  serve                     run any of the services over your own PostgreSQL, from a configuration file
  config check|print-example  check a configuration, or print a documented one
  migrate                   bring the database of a configuration up to date
  log ACTION                create, list, freeze … the logs of a configuration
  fsck URL|FOLDER|DATABASE  derive a log again from all its entries and compare everything with it
  search find|status|rebuild  look for entries of a log; look after what they are found by
  witness                   cosign the checkpoints of other logs; make its key and state
  version                   print the version
  help [COMMAND]            explain a command; also: sigstead COMMAND --help

Start here:
  sigstead dev                                     in one shell, then in another one
  eval "$(sigstead env cosign)"
  cosign sign-blob --yes --identity-token "$(sigstead token --email you@example.com)" --bundle b.json FILE

Exit codes: 0 done, 1 failed (one line on stderr says what to do), 2 the command line is wrong.
`;

const DEV = `sigstead dev - run a whole Sigstore on this machine

One process and one port: certificate authority, Rekor v2 log, certificate transparency log, timestamp authority, TUF
repository and three OpenID issuers that believe whatever they are told. For development and tests only: the names in
its certificates say so. The first start makes keys and a PostgreSQL database; later starts continue. What runs is
written to serve.yaml in the data folder, a configuration as sigstead serve takes it.

Usage: sigstead dev [options]      (npm start -- [options])

  --port N           port; 0 takes a free one. Default: the data folder's last port, 8080 for a new one.
                     Another port on the same data publishes every URL anew; what was signed before still verifies.
  --data DIR         folder of the instance. Default: /var/lib/sigstead as root, else the user's data directory
                     (~/.local/share/sigstead; on macOS ~/Library/Application Support/sigstead).
  --ct-leaf-index    a new instance's certificate transparency log names the index of each entry, and can be read as
                     static-ct-api too. Neither that nor its port can change afterwards.
  --ephemeral        keep everything in a temporary folder, removed at exit.
  --host ADDRESS     listen on this address instead of loopback (127.0.0.1 and ::1).
  --public-url URL   the URL that clients use, when it is not http://localhost:PORT. Its host name becomes the
                     origin of the Rekor log and cannot change afterwards.
  --metrics-port N   port of the metrics, on loopback. Default: a free one, shown at start.
  --grpc-port N      serve the Rekor log over gRPC too, without TLS, on this port; 0 takes a free one. Default: no gRPC.
  --ready-file FILE  written when all parts answer: {"url":…,"pid":…,"metrics":…,"grpc":…,"dataDir":…,"tufRoot":…,…}
  --config FILE      settings file. Default: sigstead.yaml in the data folder, made on first start. Options win over it.
  --log-level LEVEL  debug, info, warn (default), error or silent; JSON lines on stderr.

  DATABASE_URL       in the environment: use this PostgreSQL (postgresql://…) instead of the embedded one. Several
                     servers of one database, of which the primary is used: postgresql://user@h1:5432,h2:5432/db

Ctrl-C or SIGTERM stops it: requests under way are answered first. It also stops when its parent process ends.

What answers at http://localhost:PORT
  /api/v2/signingCert  /api/v1/signingCert  /api/v2/trustBundle      certificate authority (Fulcio)
  /api/v2/log/entries  /checkpoint  /tile/…  /api/v2/search          transparency log (Rekor v2)
  /ct/dev/ct/v1/…                                                    certificate transparency log
  /api/v1/timestamp  /api/v1/timestamp/certchain                     timestamp authority (RFC 3161)
  /tuf/root.json  /tuf/…                                             TUF repository: trust root, signing config
  /oidc  /oidc/uri  /oidc/ci                                         issuers: email, uri, ci-provider
  /healthz  /readyz  /ping                                           health; /readyz names every part
`;

const TOKEN = `sigstead token - print an identity token of a running development instance, and nothing else

Usage: sigstead token --email you@example.com
       sigstead token --issuer uri --claims FILE
       sigstead token --issuer ci --claims FILE

  --email ADDRESS    whom the token speaks of (issuer URL/oidc, the one that signing clients use by themselves)
  --issuer KIND      email (default), uri (URL/oidc/uri) or ci (URL/oidc/ci, claims as of GitHub Actions)
  --claims FILE      JSON object of claims, with "sub"; - reads standard input. iss, aud, iat, nbf and exp are the
                     issuer's own and replace those in the file. A sub for the uri issuer is a URI on the issuer's
                     host, such as http://localhost/people/you.
  --lifetime N       seconds the token is valid, 1 to 86400. Default: 3600.
  --url URL          the instance. Default: the one of the default data folder, else http://localhost:8080.

  cosign sign-blob --yes --identity-token "$(sigstead token --email you@example.com)" --bundle b.json FILE
`;

const ENV = `sigstead env - print a client's settings for an instance, as lines for a POSIX shell

Usage: eval "$(sigstead env cosign|python|js|go [--url URL])"

  cosign   TUF_MIRROR, TUF_ROOT_JSON, TUF_ROOT: all that cosign 3 needs; the services come from the signing config
  python   XDG_DATA_HOME, XDG_CACHE_HOME for sigstore-python's caches, and its commands as comments
  js, go   SIGSTEAD_URL, SIGSTEAD_TUF_URL, SIGSTEAD_TUF_ROOT, SIGSTEAD_TUF_CACHE, SIGSTEAD_ISSUER, for your own code

  --url URL   the instance. Default: the one of the default data folder, else http://localhost:8080.

The instance's root.json is kept in a cache folder named after its SHA-256, one for each root: an instance that was
made anew never meets an old cache, and the trust in other Sigstores is not touched. The root of the instance in the
default data folder is read from there; any other is fetched from its URL and trusted as it comes (a comment in the
output says which).
`;

const INIT = `sigstead init - make keys, chains and a configuration for your own services

Usage: sigstead init FOLDER --url URL --database URL [options]

  --url URL            what clients use for all services, without a path, such as https://sigstore.example.org
  --database URL       the PostgreSQL that keeps everything, without a password: postgresql://user@host/name
  --listen HOST:PORT   of all services, plain HTTP; a proxy with TLS goes in front. Default: 127.0.0.1:8080.
  --organization NAME  whose name the certificates carry. Default: the host of the URL.

FOLDER gets keys/ (unencrypted, for you alone) and sigstead.yaml, which is then yours to change. No key is ever made
over another: a folder that is not empty is refused. It prints the commands that come next.
`;

const SERVE = `sigstead serve - run any of the services over your own PostgreSQL

Usage: sigstead serve --config FILE [options]

  --config FILE      what to serve, where, with which keys: sigstead config print-example shows one with every key.
  --workers N        serve with N processes on the same ports, 1 to 64. Default: the configuration's workers, else 1.
                     A worker that ends is started again; one that is paused for 5 s, or stuck for 30 s, is ended. The
                     others answer meanwhile. When none stays, it ends with exit code 1.
  --ready-file FILE  written when everything answers: {"pid":…,"workers":…,"addresses":[…]}; removed at the end.

A new installation: sigstead init FOLDER; sigstead config check FILE; sigstead migrate --config FILE; sigstead log
create for each of its logs; sigstead serve. A log is never made by serving it, and the development issuers are taken
only by a configuration that says mode: development.

SIGTERM, SIGINT, SIGHUP or Ctrl-C stops it: requests under way get 10 s to be answered, the whole takes at most 30 s. A
changed configuration or key takes a new start. Logs are JSON lines on stderr.
On every listener: /healthz says that the process answers; /readyz says whether its services can work (503 when a log
has stopped itself or the database is silent: send requests elsewhere, a restart alone heals neither). Metrics of all
processes are on the listener of the configuration's metrics, with the label worker.
`;

const CONFIG = `sigstead config - about the configuration of sigstead serve

Usage: sigstead config check FILE         check it with every key, chain and issuer it names; opens no database or port
       sigstead config print-example      print one with every key, its unit and its default
`;

const MIGRATE = `sigstead migrate - bring the database of a configuration up to date

Usage: sigstead migrate --config FILE

Forward only, all or nothing for each service, as the role of database.migrationUrl (else of database.url). With a
role of its own for migrations, the serving role gets the rights to read and to add, and no others. May be repeated.
`;

const LOG = `sigstead log - the life of a log

Usage: sigstead log ACTION --config FILE NAME

  create     makes the log of that name in the configuration: its origin, kind and key are then fixed for ever, and no
             other log of the database may have its key or origin. A Rekor v2 log gets its first entry, since some
             clients cannot verify index 0. May be repeated.
  list       every log of the database: name, kind, origin, size, state, high-water mark. Takes no NAME.
  status     one of them; fails when database and mark contradict each other.
  read-only  all processes stop taking entries and signing, at once; reads go on. For maintenance.
  activate   the opposite.
  freeze     the same as read-only, for ever: a last note is signed (in a checkpoint of Rekor v2 it says "Log frozen")
             and nothing undoes it. Asks for --confirm NAME.
  rotate     ends a Rekor v2 log and has another take its place, in the order that clients need: one step at a time,
             each of which may be repeated. Without --step it shows where the rotation is and the next command.
    --step prepare --to NAME --url URL [--listen HOST:PORT] [--write]
             makes the key of the new log, beside the old one's, and its lines of the configuration: shown, or
             with --write put into FILE. The URL has a host name that no log has had. Default of --listen: as the
             old log's, with a basePath.
    --step create
             makes the new log, like create.
    --step publish [--no-probe]
             its key is in the trusted root from here on; clients still write to the old log. The new one must
             answer at its URL.
    --step switch [--wait TIME] [--no-probe]
             the signing config names it in place of the old one.
    --step freeze --confirm NAME [--wait TIME]
             the old log is frozen, and its window in the trusted root ends; it is served on.
    --wait TIME
             how long clients may go on with what was published before: 7d (the default: the life of TUF's
             timestamp), 36h, 90m, 30s or 0. switch and freeze are refused sooner than that after the step before.
  mark       makes the high-water mark of a log that has entries and none yet, as on a new machine:
             --size N says how many entries there must be at least, from a machine that has a mark, or from the newest
             checkpoint that somebody holds. A database with fewer was set back, and is refused.
  vkey       prints the verifier keys (name+id+key) of its checkpoints, one a line, the one that clients know first: for
             witnesses, and for fsck --key. Asks no database.

All others act on the database of the configuration, as the migrating role, while servers run. Writes to a log that is
read-only or frozen are answered 405 (Rekor v2) or 403 (CT). What to do when a log went read-only by itself:
docs/runbooks/read-only-log.md; how to rotate one: docs/runbooks/rotate-log.md.
`;

const FSCK = `sigstead fsck - derive a log again from all its entries, and compare everything with it

Usage: sigstead fsck https://log.example.com [options]
       sigstead fsck FOLDER [options]
       sigstead fsck postgresql://… [LOG] [options]

A URL or folder is any log of the C2SP tlog-tiles layout (checkpoint, tile/…), ours or another. Every entry bundle and
every tile of the checkpoint's size is read. A database is one of ours: heads, notes, batches, tiles and identities of
one log, or of all; the servers may go on meanwhile.

  --key KEY       verify the checkpoint with it: a verifier key (name+id+key), or a file with one or with a PEM public
                  key. Without it no signature of a published log is checked; a database is checked with the key in it.
  --origin NAME   the checkpoint's first line must be this. Default: the name in the verifier key, else any.
  --notes PATH    a checkpoint that a client, a witness or you kept, or a folder of such files: each must verify and
                  be of this very tree. In a folder, checkpoint.*, checkpoint-* and checkpoints/* are found anyway.
  --static-ct     a CT log in the layout of static-ct-api: entries must name their own index, precertificates and
                  issuers are read too, and the key is the PEM public key of the log. Not for RFC 6962 alone.
  --parallel N    bundles read ahead, 1 to 64; up to 16 MiB of memory each. Default: 8.
  --json          the report as one JSON object on stdout.

Progress goes to stderr. Exit code 0 only when everything was read and is sound; a log without entries, one that does
not answer and one that is cut short are 1, with the first fault named: its entry, the hash expected and the one found.
What was cut off together with its checkpoint cannot be seen in what is left, but by a later one that you have kept.
`;

const SEARCH = `sigstead search - look for entries of a Rekor v2 log, and look after what they are found by

Usage: sigstead search find [options] TERM...
       sigstead search status --config FILE --log NAME [--sample N]
       sigstead search rebuild --config FILE --log NAME [--all]

find asks GET /api/v2/search and prints one line for each entry that holds all terms, the oldest first: its index, the
hash of what was signed, and the names and the issuer in its certificate. Each entry is compared with the question, and
its inclusion proof computed, before it is printed. That nothing is found proves nothing: a server can hide entries.

  --hash sha256:HEX    what was signed: sha256, sha384 or sha512
  --file FILE          the same, the SHA-256 of a file
  --identity TEXT      a name in the certificate: e-mail address, URI, host, IP address, user name; any case of A to Z
  --issuer URL         who vouched for that name, as the certificate has it
  --public-key FILE    of that key: PEM or DER
  --certificate FILE   of that very certificate: PEM or DER
  --url URL            the log. Default: the instance of the default data folder, else http://localhost:8080.
  --from N             the first index to look at. Default: 0.
  --limit N            stop after so many entries, 1 to 100000. Default: 100.
  --key KEY            verify the checkpoint with it: a verifier key (name+id+key), or a file with one or with a PEM
                       public key
  --json               one JSON object a line: the entry as the log answers it

status tells how many entries can be found, and compares N batches, chosen at random, with what should be stored
(default 100); it fails when an entry that should be found would not be. rebuild stores what is missing: of entries that
were added while search was off, or everything after the owner of the tables has emptied them (docs/specs/search.md);
--all looks at every entry. Both run beside the servers, as the role of database.url, which can only read and add;
rebuild may be stopped and started again at any time.
`;

/** The text that explains a command. */
export function helpText(topic: HelpTopic): string {
  switch (topic) {
    case 'sigstead':
      return SIGSTEAD;
    case 'dev':
      return DEV;
    case 'token':
      return TOKEN;
    case 'env':
      return ENV;
    case 'init':
      return INIT;
    case 'serve':
      return SERVE;
    case 'config':
      return CONFIG;
    case 'migrate':
      return MIGRATE;
    case 'log':
      return LOG;
    case 'fsck':
      return FSCK;
    case 'witness':
      return WITNESS_HELP;
    case 'search':
      return SEARCH;
  }
}
