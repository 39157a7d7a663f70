import { basicConstraints, parseCertificate, type WitnessPolicy } from '@sigstead/formats';
import type { LocalSigner } from '@sigstead/keys';
import type { TufSigners } from '@sigstead/tuf-root';
import { Failure } from '../../failure.ts';
import { type NamedFile, readCertificates, readNamed, readPublicKey, readSigner } from '../config/files.ts';
import type { ServeConfig } from '../config/load.ts';
import { Problems } from '../config/problems.ts';
import type { LogFile } from '../config/sections.ts';
import { readTlsFiles, type TlsFiles } from '../config/tls-files.ts';
import { readWitnessPolicy } from './witness.ts';
import { type AlsoSigner, loadAlsoSign, refuseSharedKeys } from './log-keys.ts';

/** A key with the certificates above it, DER, its own first. */
export interface Authority {
  readonly signer: LocalSigner;
  readonly chain: readonly Uint8Array[];
}

/** Everything that the configuration keeps in other files, read and understood. */
export interface Materials {
  /** By the log's name. */
  readonly logs: ReadonlyMap<string, LogMaterials>;
  readonly ca: Authority | undefined;
  /** Of a CT log that is not in this configuration. */
  readonly foreignCt: { spki: Uint8Array; caCertificate: string | undefined } | undefined;
  readonly tsa: Authority | undefined;
  readonly tufSigners: TufSigners | undefined;
  readonly devOidc: LocalSigner | undefined;
  /** Chains and keys of tuf.alsoTrust, in its order. */
  readonly alsoTrust: {
    readonly certificateAuthorities: readonly (readonly Uint8Array[])[];
    readonly timestampAuthorities: readonly (readonly Uint8Array[])[];
    readonly rekorLogs: readonly Uint8Array[];
    readonly ctLogs: readonly Uint8Array[];
  };
}

/** Reads every file that is named. Throws a Failure with the key of the configuration and the file of each that cannot be used. */
export async function loadMaterials(config: ServeConfig): Promise<Materials> {
  const { file } = config;
  const at = (key: string, path: string): NamedFile => ({ key, path: config.resolve(path) });
  const all = new Problems();
  const logs: [string, LogMaterials][] = [];
  for (const [i, log] of file.logs.entries()) {
    await all.try(async () => logs.push([log.name, await loadLog(`logs[${i}]`, log, at)]));
  }
  const materials = {
    logs: new Map(logs),
    ca: await all.try(async () => file.ca && loadAuthority('ca', file.ca, at)),
    foreignCt: await all.try(() => loadForeignCt(config, at)),
    tsa: await all.try(async () => file.tsa && loadAuthority('tsa', file.tsa, at)),
    tufSigners: await all.try(async () => file.tuf && loadTufSigners(file.tuf.keys, at)),
    devOidc: await all.try(async () => file.devOidc && readSigner(at('devOidc.keyFile', file.devOidc.keyFile))),
  };
  const alsoTrust = await all.try(() => loadAlsoTrust(config, at));
  await all.try(async () => refuseSharedKeys(file, materials.logs));
  all.throwAny();
  if (alsoTrust === undefined) throw new TypeError('something failed and was not told');
  return { ...materials, alsoTrust };
}

/** What the files of one log hold. */
export interface LogMaterials {
  readonly signer: LocalSigner;
  /** Further signers, in the order of their lines. */
  readonly alsoSign: readonly AlsoSigner[];
  /** Of its gRPC listener, where that has TLS. */
  readonly grpcTls: TlsFiles | undefined;
  /** PEM of what the TLS of acceptedRoots.trustBundleUrl is trusted by instead of the system's. */
  readonly trustBundleCa: string | undefined;
  readonly witnessPolicy: WitnessPolicy | undefined;
}

async function loadLog(key: string, log: LogFile, at: At): Promise<LogMaterials> {
  const { acceptedRootsFile, acceptedRoots } = log;
  if (acceptedRootsFile !== undefined) await checkRoots(at(`${key}.acceptedRootsFile`, acceptedRootsFile));
  for (const [i, file] of (acceptedRoots?.files ?? []).entries()) {
    await checkRoots(at(`${key}.acceptedRoots.files[${i}]`, file));
  }
  const ca = acceptedRoots?.trustBundleCaFile;
  const signer = await readSigner(at(`${key}.keyFile`, log.keyFile));
  const alsoSign = await loadAlsoSign(key, log, at);
  const policy = log.witness?.policyFile;
  return {
    signer,
    alsoSign,
    grpcTls: await loadGrpcTls(`${key}.grpc.tls`, log, at),
    trustBundleCa: ca === undefined ? undefined : await readNamed(at(`${key}.acceptedRoots.trustBundleCaFile`, ca)),
    witnessPolicy:
      policy === undefined
        ? undefined
        : await readWitnessPolicy(at(`${key}.witness.policyFile`, policy), log, { signer, alsoSign }),
  };
}

async function loadGrpcTls(key: string, { grpc }: LogFile, at: At): Promise<TlsFiles | undefined> {
  if (grpc?.tls === undefined) return undefined;
  const { certFile, keyFile } = grpc.tls;
  return readTlsFiles(at(`${key}.certFile`, certFile), at(`${key}.keyFile`, keyFile));
}

/** The log reads them itself, again when they change; what it would refuse then is refused here with its place. */
async function checkRoots(file: NamedFile): Promise<void> {
  for (const [i, der] of (await readCertificates(file)).entries()) {
    try {
      if (basicConstraints(parseCertificate(der))?.isCa === true) continue;
    } catch (error) {
      throw new Failure(`${file.key}: certificate ${i} in ${file.path} does not parse`, { cause: error });
    }
    throw new Failure(`${file.key}: certificate ${i} in ${file.path} is no CA`);
  }
}

type At = (key: string, path: string) => NamedFile;

async function loadAuthority(part: string, from: { keyFile: string; chainFile: string }, at: At): Promise<Authority> {
  const signer = await readSigner(at(`${part}.keyFile`, from.keyFile));
  const chainFile = at(`${part}.chainFile`, from.chainFile);
  const chain = await readCertificates(chainFile);
  const spki = readFirst(chainFile, chain);
  if (Buffer.compare(spki, signer.spki) !== 0) {
    throw new Failure(
      `${part}.keyFile: ${at('', from.keyFile).path} is not the key of the first certificate in ${chainFile.path}: put the certificate of that key first, its issuers after it`,
    );
  }
  return { signer, chain };
}

function readFirst({ key, path }: NamedFile, chain: readonly Uint8Array[]): Uint8Array {
  try {
    return parseCertificate(chain[0] ?? new Uint8Array()).spki;
  } catch (error) {
    throw new Failure(`${key}: the first certificate in ${path} does not parse`, { cause: error });
  }
}

async function loadForeignCt({ file }: ServeConfig, at: At): Promise<Materials['foreignCt']> {
  const ct = file.ca?.ct;
  if (ct?.publicKeyFile === undefined) return undefined;
  return {
    spki: await readPublicKey(at('ca.ct.publicKeyFile', ct.publicKeyFile)),
    caCertificate: ct.caFile === undefined ? undefined : await readNamed(at('ca.ct.caFile', ct.caFile)),
  };
}

type TufKeyFiles = NonNullable<ServeConfig['file']['tuf']>['keys'];

async function loadTufSigners(keys: TufKeyFiles, at: At): Promise<TufSigners> {
  const read = (role: string, path: string): Promise<LocalSigner> => readSigner(at(`tuf.keys.${role}`, path));
  const previousRoot = await Promise.all((keys.previousRoot ?? []).map((path) => read('previousRoot', path)));
  return {
    snapshot: await read('snapshot', keys.snapshot),
    timestamp: await read('timestamp', keys.timestamp),
    ...(keys.root === undefined ? {} : { root: await read('root', keys.root) }),
    ...(keys.targets === undefined ? {} : { targets: await read('targets', keys.targets) }),
    ...(previousRoot.length === 0 ? {} : { previousRoot }),
  };
}

async function loadAlsoTrust({ file }: ServeConfig, at: At): Promise<Materials['alsoTrust']> {
  const also = file.tuf?.alsoTrust;
  const key = (list: string, i: number, name: string): string => `tuf.alsoTrust.${list}[${i}].${name}`;
  const chains = (list: 'certificateAuthorities' | 'timestampAuthorities'): Promise<Uint8Array[][]> =>
    Promise.all((also?.[list] ?? []).map((one, i) => readCertificates(at(key(list, i, 'chainFile'), one.chainFile))));
  const keys = (list: 'rekorLogs' | 'ctLogs'): Promise<Uint8Array[]> =>
    Promise.all(
      (also?.[list] ?? []).map((one, i) => readPublicKey(at(key(list, i, 'publicKeyFile'), one.publicKeyFile))),
    );
  return {
    certificateAuthorities: await chains('certificateAuthorities'),
    timestampAuthorities: await chains('timestampAuthorities'),
    rekorLogs: await keys('rekorLogs'),
    ctLogs: await keys('ctLogs'),
  };
}
