import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type HelpTopic, parseCommandLine, TOPICS } from '../src/command-line.ts';
import { Failure } from '../src/failure.ts';
import { ROTATE_OPTIONS } from '../src/flags/rotate.ts';
import { helpText } from '../src/help.ts';

function refused(...argv: string[]): string {
  try {
    parseCommandLine(argv);
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.exitCode, 2);
    assert.doesNotMatch(error.message, /\n/);
    assert.match(error.message, /--help\)$/);
    return error.message;
  }
  return assert.fail(`accepted: ${argv.join(' ')}`);
}

suite('commands that are understood', () => {
  test('dev without options leaves every choice open', () => {
    assert.deepEqual(parseCommandLine(['dev']), { command: 'dev', flags: { ephemeral: false } });
  });

  test('dev with all options, values with = or as the next word', () => {
    const argv =
      'dev --port 0 --data=/d --host 0.0.0.0 --public-url http://h:1/ --metrics-port 9 --grpc-port 10 --ready-file r --config c --log-level info';
    assert.deepEqual(parseCommandLine(argv.split(' ')), {
      command: 'dev',
      flags: {
        ephemeral: false,
        port: 0,
        data: '/d',
        host: '0.0.0.0',
        publicUrl: 'http://h:1',
        metricsPort: 9,
        grpcPort: 10,
        readyFile: 'r',
        config: 'c',
        logLevel: 'info',
      },
    });
  });

  test('token by email is the default issuer; claims go to uri and ci', () => {
    assert.deepEqual(parseCommandLine(['token', '--email', 'a@b.c', '--lifetime', '60']), {
      command: 'token',
      flags: { issuer: 'email', email: 'a@b.c', lifetime: 60 },
    });
    assert.deepEqual(parseCommandLine(['token', '--issuer', 'ci', '--claims', '-', '--url', 'https://x']), {
      command: 'token',
      flags: { issuer: 'ci', claimsFile: '-', url: 'https://x' },
    });
  });

  test('env takes the client before or after its options', () => {
    const flags = { client: 'js', url: 'http://localhost:1' };
    assert.deepEqual(parseCommandLine(['env', 'js', '--url', 'http://localhost:1']), { command: 'env', flags });
    assert.deepEqual(parseCommandLine(['env', '--url', 'http://localhost:1', 'js']), { command: 'env', flags });
  });

  test('serve, migrate and log name their configuration', () => {
    assert.deepEqual(parseCommandLine(['serve', '--config', 'c', '--workers', '3', '--ready-file', 'r']), {
      command: 'serve',
      flags: { config: 'c', workers: 3, readyFile: 'r' },
    });
    assert.deepEqual(parseCommandLine(['serve', '--config=c']), { command: 'serve', flags: { config: 'c' } });
    assert.deepEqual(parseCommandLine(['migrate', '--config', 'c']), { command: 'migrate', flags: { config: 'c' } });
    assert.deepEqual(parseCommandLine(['log', 'freeze', '--config', 'c', 'n', '--confirm', 'n']), {
      command: 'log',
      flags: { action: 'freeze', config: 'c', name: 'n', confirm: 'n' },
    });
    assert.deepEqual(parseCommandLine(['log', 'mark', '--config', 'c', 'n', '--size', '7']), {
      command: 'log',
      flags: { action: 'mark', config: 'c', name: 'n', size: 7 },
    });
    assert.deepEqual(parseCommandLine(['log', 'list', '--config', 'c']), {
      command: 'log',
      flags: { action: 'list', config: 'c' },
    });
    assert.deepEqual(parseCommandLine(['log', 'create', '--config', 'c', '--name', 'n']), {
      command: 'log',
      flags: { action: 'create', config: 'c', name: 'n' },
    });
  });

  test('config checks a file or prints the example', () => {
    const check = { command: 'config', flags: { action: 'check', file: 'f' } };
    assert.deepEqual(parseCommandLine(['config', 'check', 'f']), check);
    assert.deepEqual(parseCommandLine(['config', 'print-example']), {
      command: 'config',
      flags: { action: 'print-example' },
    });
  });

  test('help is reached from everywhere, also beside mistakes', () => {
    const topics: [string, HelpTopic][] = [
      ['', 'sigstead'],
      ['--help', 'sigstead'],
      ['-h', 'sigstead'],
      ['help', 'sigstead'],
      ['help token', 'token'],
      ['dev --help', 'dev'],
      ['dev --nonsense -h', 'dev'],
      ['env --help', 'env'],
      ['token --help', 'token'],
      ['serve --help', 'serve'],
      ['config check -h', 'config'],
      ['migrate --help', 'migrate'],
      ['help log', 'log'],
    ];
    for (const [line, topic] of topics) {
      const argv = line === '' ? [] : line.split(' ');
      assert.deepEqual(parseCommandLine(argv), { command: 'help', topic }, line);
    }
  });
});

suite('commands that are refused in one line with exit code 2', () => {
  const cases: [string, RegExp][] = [
    ['deploy', /unknown command "deploy"; commands are dev, token/],
    ['serve', /name --config FILE/],
    ['serve --config', /--config needs a value/],
    ['serve --config c --workers 0', /--workers must be a whole number from 1 to 64/],
    ['serve --config c --port 1', /unknown option "--port"/],
    ['serve c', /unexpected "c"/],
    ['init f --database postgresql://h/d', /name --url URL/],
    ['init f --url https://a', /name --database URL/],
    ['init --url https://a --database postgresql://h/d', /name the FOLDER to make/],
    ['init f --url https://a/b --database postgresql://h/d', /--url must be like .* without a path/],
    ['init f --url https://a --database mysql://h/d', /--database must be like postgresql:/],
    ['config', /say what to do: check FILE, or print-example/],
    ['config check', /name the FILE to check/],
    ['config check a b', /unexpected "b"/],
    ['config print-example f', /unexpected "f"/],
    ['migrate', /name --config FILE/],
    ['log freeze --config c', /name the log: NAME/],
    ['log thaw --config c n', /say what to do/],
    ['log create --config c n --confirm n', /--confirm is for freeze/],
    ['log freeze --config c n --size 3', /--size is for mark/],
    ['log mark --config c n', /how many entries there must be at least: --size N/],
    ['log mark --config c n --size -1', /--size/],
    ['log status --config c a --name b', /name one log/],
    ['log list --config c n', /list shows all logs/],
    ['log', /say what to do: create, list, status, read-only, activate, freeze, rotate, mark/],
    ['log rotate --config c', /name the log: NAME/],
    ['log rotate --config c n --step leap', /--step must be one of prepare, create, publish, switch, freeze/],
    ['log rotate --config c n --step prepare --to x', /wants the new log: --to NAME --url URL/],
    ['log rotate --config c n --to x --url https://x', /--to goes with --step prepare/],
    ['log rotate --config c n --step create --write', /--write goes with --step prepare/],
    ['log rotate --config c n --step switch --confirm n', /--confirm goes with --step freeze/],
    ['log rotate --config c n --step freeze --no-probe', /--no-probe goes with --step publish and --step switch/],
    ['log rotate --config c n --wait 7', /--wait must be like 7d, 36h/],
    ['log rotate --config c n --wait 400d', /--wait must be like 7d/],
    ['log rotate --config c n --size 3', /--size is for mark/],
    ['log freeze --config c n --step freeze', /--step is for rotate/],
    ['log list --config c --wait 0', /--wait is for rotate/],
    ['log delete --config c --name n', /say what to do: create/],
    ['log create --config c', /name the log: NAME/],
    ['log create --name n', /name --config FILE/],
    ['dev --prot 1', /unknown option "--prot"/],
    ['dev --port', /--port needs a value/],
    ['dev --port=', /--port needs a value/],
    ['dev --port 65536', /--port must be a whole number from 0 to 65535/],
    ['dev --port 80x', /whole number/],
    ['dev --port -1', /--port needs a value|whole number/],
    ['dev --port 1e3', /whole number/],
    ['dev --ephemeral=yes', /--ephemeral takes no value/],
    ['dev --ephemeral --data /x', /leave out --data/],
    ['dev here', /unexpected "here"/],
    ['dev --public-url localhost:8080', /without a path/],
    ['dev --public-url http://localhost:8080/sig', /without a path/],
    ['dev --public-url http://u:p@localhost', /without a path/],
    ['dev --public-url ftp://localhost', /without a path/],
    ['dev --log-level loud', /--log-level must be one of debug/],
    ['token', /say who: --email/],
    ['token --claims f', /--claims needs --issuer/],
    ['token --issuer uri', /takes --claims FILE/],
    ['token --issuer uri --claims f --email a@b.c', /no --email/],
    ['token --issuer google --email a@b.c', /--issuer must be one of/],
    ['token --email a@b.c --lifetime 0', /whole number from 1/],
    ['env', /say for which client/],
    ['env perl', /must be one of cosign/],
    ['env js go', /unexpected "go"/],
    ['help me', /no help on "me"/],
    ['version now', /unexpected "now"/],
  ];
  for (const [line, message] of cases) {
    test(line, () => assert.match(refused(...line.split(' ')), message));
  }

  test('no words at all make it fail in another way', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'dev',
        'token',
        'env',
        'serve',
        'config',
        'log',
        'create',
        '--',
        '-',
        '--port',
        '--url',
        '--email',
        '__proto__',
        '--__proto__=1',
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
        try {
          parseCommandLine(argv);
        } catch (error) {
          assert.ok(error instanceof Failure && error.exitCode === 2, String(error));
          assert.doesNotMatch(error.message, /[\p{Cc}]/u);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

suite('help teaches', () => {
  test('every option that is parsed is explained, on lines that fit', () => {
    const options = [
      'port',
      'data',
      'ephemeral',
      'host',
      'public-url',
      'metrics-port',
      'grpc-port',
      'ready-file',
      'config',
      'log-level',
    ];
    for (const option of options) assert.match(helpText('dev'), new RegExp(`--${option}\\b`));
    for (const option of ['email', 'issuer', 'claims', 'lifetime', 'url']) {
      assert.match(helpText('token'), new RegExp(`--${option}\\b`));
    }
    for (const option of ['url', 'database', 'listen', 'organization']) {
      assert.match(helpText('init'), new RegExp(`--${option}\\b`));
    }
    for (const option of Object.keys(ROTATE_OPTIONS)) assert.match(helpText('log'), new RegExp(`--${option}\\b`));
    const terms = ['hash', 'file', 'identity', 'issuer', 'public-key', 'certificate'];
    for (const option of [...terms, 'from', 'limit', 'key', 'json', 'sample', 'all']) {
      assert.match(helpText('search'), new RegExp(`--${option}\\b`));
    }
    for (const option of ['name', 'listen', 'config', 'unused-key', 'ready-file']) {
      assert.match(helpText('witness'), new RegExp(`--${option}\\b`));
    }
    for (const topic of TOPICS) {
      for (const line of helpText(topic).split('\n')) assert.ok(line.length <= 120, line);
    }
  });
});
