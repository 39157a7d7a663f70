import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parseVerifierKey } from '@sigstead/formats';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { parseCommandLine } from '../src/command-line.ts';
import { witnessCommand } from '../src/commands/witness.ts';
import { Failure } from '../src/failure.ts';
import { parseWitnessConfig, witnessLogs } from '../src/witness/load.ts';

const EXAMPLE = readFileSync(new URL('../../deploy/examples/witness.yaml', import.meta.url), 'utf8');
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const MINIMAL = 'version: 1\nname: w.example\nlisten: 127.0.0.1:1\nkeyFile: k\nstateFolder: s\nlogs: []\n';

function refused(text: string): string {
  try {
    parseWitnessConfig(text, '/etc/w.yaml');
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.match(error.message, /^\/etc\/w\.yaml: /);
    return error.message;
  }
  return assert.fail(`accepted: ${text}`);
}

suite('the command line of witness', () => {
  const parsed = (words: string): unknown => parseCommandLine(words.split(' '));

  test('serves, makes, checks, prints', () => {
    const command = 'witness';
    assert.deepEqual(parsed('witness --config c'), { command, flags: { action: 'serve', config: 'c' } });
    assert.deepEqual(parsed('witness --config c --ready-file r'), {
      command,
      flags: { action: 'serve', config: 'c', readyFile: 'r' },
    });
    assert.deepEqual(parsed('witness key --config c'), { command, flags: { action: 'key', config: 'c' } });
    assert.deepEqual(parsed('witness check --config c'), { command, flags: { action: 'check', config: 'c' } });
    assert.deepEqual(parsed('witness init f --name w/1'), {
      command,
      flags: { action: 'init', folder: 'f', name: 'w/1', listen: '127.0.0.1:8094' },
    });
    assert.deepEqual(parsed('witness init --config c --unused-key'), {
      command,
      flags: { action: 'init', config: 'c', unusedKey: true },
    });
    assert.deepEqual(parsed('witness init --help'), { command: 'help', topic: 'witness' });
    assert.deepEqual(parsed('help witness'), { command: 'help', topic: 'witness' });
  });

  test('what it does not understand is a line and exit code 2', () => {
    for (const [words, said] of [
      ['witness', /name --config FILE/],
      ['witness sing --config c', /unknown "sing"; say init, key or check/],
      ['witness sing', /unknown "sing"; say init, key or check/],
      ['witness key', /name --config FILE/],
      ['witness --config c extra more', /unexpected "more"/],
      ['witness --config c --name n', /--name is for init/],
      ['witness --config c --unused-key', /--unused-key is for init/],
      ['witness key --config c --ready-file r', /--ready-file is for serving/],
      ['witness init', /name the FOLDER/],
      ['witness init f', /name --name NAME/],
      ['witness init f g --name n', /unexpected "g"/],
      ['witness init f --config c', /init takes a FOLDER with --name, or --config alone/],
      ['witness init f --name n --unused-key', /--unused-key is for init --config/],
      ['witness init f --name n --ready-file r', /--ready-file is for serving/],
      ['witness --port 1', /unknown option "--port"/],
    ] as const) {
      assert.throws(
        () => parsed(words),
        (error) => error instanceof Failure && error.exitCode === 2 && said.test(error.message),
        words,
      );
    }
  });
});

suite('the configuration of a witness', () => {
  test('the example is read by the real parser, and names every key', () => {
    const { file } = parseWitnessConfig(EXAMPLE, '/etc/w.yaml');
    assert.equal(file.logs[0]?.vkey?.name, 'example.com/foo');
    for (const key of [...Object.keys(file), ...Object.keys(file.logs[0] ?? {})]) {
      assert.match(EXAMPLE, new RegExp(`^\\s*(?:- )?(?:# *(?:- )?)?${key}:`, 'm'), key);
    }
  });

  test('mistakes are told with their path', () => {
    const log = (text: string): string => MINIMAL.replace('logs: []', `logs: [{${text}}]`);
    for (const [text, said] of [
      ['', /configuration is empty/],
      [MINIMAL.replace('version: 1', 'version: 2'), /version .*: must be/],
      [MINIMAL.replace('name: w.example\n', ''), /name: missing/],
      [MINIMAL.replace('w.example', '"a b"'), /name \(line 2\): must be a name without white space/],
      [MINIMAL.replace('w.example', 'a+b'), /name \(line 2\): must be a name/],
      [MINIMAL.replace('127.0.0.1:1', 'localhost'), /listen .*: must be HOST:PORT/],
      [MINIMAL.replace('keyFile: k\n', ''), /keyFile: missing/],
      [`${MINIMAL}more: 1\n`, /more .*: unknown key/],
      [`${MINIMAL}markFolder: s\n`, /markFolder .*: is the stateFolder/],
      [`${MINIMAL}metrics: {listen: 127.0.0.1:1}\n`, /metrics\.listen .*: is the address of listen/],
      [`${MINIMAL}publicUrl: https://u:p@w.example\n`, /publicUrl .*: must be a URL/],
      [MINIMAL.replace('logs: []', 'logs: 7'), /logs .*: must be a list/],
      [log(''), /logs\[0\] .*: needs one of vkey .* and keyFile/],
      [log(`vkey: ${VKEY}, keyFile: k`), /logs\[0\] .*: needs one of/],
      [log('vkey: x'), /logs\[0\]\.vkey .*: verifier key: /],
      [log(`vkey: ${VKEY.replace('53', '54')}`), /logs\[0\]\.vkey .*: .*is not the one of this name and key/],
      [log('vkey: 7'), /logs\[0\]\.vkey .*: must be a verifier key/],
      [log(`vkey: ${VKEY}, name: n`), /logs\[0\]\.name .*: is for keyFile/],
      [log(`vkey: ${VKEY}, signature: note`), /logs\[0\]\.signature .*: is for keyFile/],
      [
        log('vkey: remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'),
        /key of a witness \(type 4\)/,
      ],
      [log('keyFile: k'), /logs\[0\]\.origin: missing/],
      [log('keyFile: k, origin: o, signature: other'), /logs\[0\]\.signature .*: must be one of note, rfc6962/],
      [log('keyFile: k, origin: "a\\nb"'), /logs\[0\]\.origin .*: must be the first line/],
    ] as const) {
      assert.match(refused(text), said, text);
    }
  });
});

suite('what the keys of logs mean', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sigstead-witness-'));
    const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
    await writeFile(join(folder, 'ed.pem'), pem(generateKeyPairSync('ed25519').publicKey));
    await writeFile(join(folder, 'ec.pem'), pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey));
    await writeFile(join(folder, 'rsa.pem'), pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey));
  });
  after(() => rm(folder, { recursive: true }));

  const read = (logs: string): ReturnType<typeof witnessLogs> =>
    witnessLogs(parseWitnessConfig(MINIMAL.replace('logs: []', `logs: [${logs}]`), join(folder, 'w.yaml')));

  test('a key file gives the type that its key and signature have', async () => {
    const logs = await read(
      '{keyFile: ed.pem, origin: a}, {keyFile: ec.pem, origin: b, name: c}, {keyFile: ec.pem, origin: d, signature: rfc6962}',
    );
    assert.deepEqual(
      logs.map(({ origin, keys }) => [origin, ...keys.map(({ name, type }) => `${name} ${type}`)]),
      [
        ['a', 'a ed25519'],
        ['b', 'c ecdsa'],
        ['d', 'd rfc6962'],
      ],
    );
  });

  test('entries of one origin are one log with several keys', async () => {
    const logs = await read(`{vkey: ${VKEY}}, {keyFile: ec.pem, origin: example.com/foo}, {vkey: ${VKEY}, origin: x}`);
    assert.deepEqual(
      logs.map(({ origin, keys }) => [origin, keys.length]),
      [
        ['example.com/foo', 2],
        ['x', 1],
      ],
    );
  });

  test('keys that make no such signatures, files that are none, the same twice', async () => {
    const rome = parseVerifierKey(
      'rome.ct.filippo.io/2024h1+78f4abae+BTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAFzPC3fap+uINc1RQ4eRbYMUt84+bKkA8GDLN8KwVdzAgYhYSv4kS8XSheGLAHCWhIJTJbuC3sL88bNMTtrsBM=',
    );
    assert.equal(rome.type, 'rfc6962');
    for (const [logs, said] of [
      ['{keyFile: rsa.pem, origin: a}', /logs\[0\]\.keyFile: .*rsa makes no ecdsa/],
      ['{keyFile: ed.pem, origin: a, signature: rfc6962}', /logs\[0\]\.keyFile: .*ed25519 makes no rfc6962/],
      ['{keyFile: none.pem, origin: a}', /logs\[0\]\.keyFile: cannot read .*ENOENT/],
      ['{keyFile: w.yaml, origin: a}', /logs\[0\]\.keyFile: cannot read/],
      ['{keyFile: ed.pem, origin: a b}', /logs\[0\]\.name: missing/],
      [
        '{keyFile: ec.pem, origin: a, name: b, signature: rfc6962}',
        /logs\[0\]\.origin: an RFC 6962 key signs under its own/,
      ],
      [`{vkey: ${VKEY}}, {vkey: ${VKEY}}`, /logs\[1\]: the same key as above/],
    ] as const) {
      await assert.rejects(read(logs), (error) => error instanceof Failure && said.test(error.message), logs);
    }
  });
});

suite('a witness is made once', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sigstead-witness-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** What a command prints, or why it fails: one line. */
  async function said(words: string): Promise<string> {
    let output = '';
    const write = (text: string): void => {
      output += text;
    };
    const io = { process, version: '0', sigstead: 'sigstead', write, writeError: write, exitNow: () => assert.fail() };
    const line = parseCommandLine(['witness', ...words.split(' ')]);
    assert.ok(line.command === 'witness');
    try {
      await witnessCommand(line.flags, io);
      return output;
    } catch (error) {
      assert.ok(error instanceof Failure && error.exitCode === 1, String(error));
      assert.doesNotMatch(error.message, /\n/);
      return `FAILED ${error.message}`;
    }
  }

  test('init makes configuration, key and state, and never over what is there', async () => {
    const home = join(folder, 'new');
    const config = join(home, 'witness.yaml');
    const made = await said(`init ${home} --name w.example/1`);
    assert.equal((await stat(join(home, 'witness.key.pem'))).mode & 0o777, 0o600);
    const vkey = await said(`key --config ${config}`);
    assert.equal(parseVerifierKey(vkey.trim()).name, 'w.example/1');
    assert.ok(made.includes(vkey));
    const key = await readFile(join(home, 'witness.key.pem'));
    assert.match(await said(`init ${home} --name w.example/1`), /^FAILED .*not empty: choose a new folder/);
    assert.equal(await said(`init --config ${config}`), 'nothing was missing\n');
    assert.deepEqual(await readFile(join(home, 'witness.key.pem')), key);
    // The state is lost: a key that has cosigned may not begin anew.
    await rm(join(home, 'state'), { recursive: true });
    assert.match(await said(`init --config ${config}`), /^FAILED .*may never begin anew/);
    assert.match(await said(`--config ${config}`), /^FAILED .*is no state of a witness/);
    assert.match(await said(`init --config ${config} --unused-key`), /has its key and its state/);
    assert.match(await said(`check --config ${config}`), /is valid: witness w\.example\/1\+.*\n0 logs\n$/);
    // A mark folder may come later.
    await writeFile(config, `${await readFile(config, 'utf8')}\nmarkFolder: marks\n`);
    assert.match(await said(`--config ${config}`), /^FAILED .*marks is no state of a witness/);
    assert.match(await said(`init --config ${config}`), /has its key and its state/);
  });

  test('bad starts say in one line what to do', async () => {
    const home = join(folder, 'bad');
    await said(`init ${home} --name w.example/2`);
    const config = join(home, 'witness.yaml');
    const text = await readFile(config, 'utf8');
    await writeFile(join(home, 'p256.pem'), generatePrivateKeyPem('ecdsa-p256-sha256'));
    for (const [from, to, expected] of [
      ['witness.key.pem', 'none.pem', /keyFile: cannot read .*none\.pem/],
      ['witness.key.pem', 'p256.pem', /a witness signs with Ed25519/],
      ['w.example/2', 'w.example/3', /is the state of w\.example\/2\+.*a new name or key is a new witness/],
      ['stateFolder: state', 'stateFolder: elsewhere', /elsewhere is no state of a witness/],
      ['127.0.0.1:8094', '203.0.113.1:8090', /listen: 203\.0\.113\.1 is no address of this machine/],
    ] as const) {
      await writeFile(config, text.replace(from, to));
      const output = await said(`--config ${config}`);
      assert.match(output, /^FAILED /);
      assert.match(output, expected);
    }
    const none = await said(`--config ${join(home, 'none.yaml')}`);
    assert.match(none, /^FAILED cannot read the configuration .*sigstead witness init FOLDER --name NAME makes one/);
  });
});
