import {
  type AdmissionRules,
  chainFileRoots,
  EXT_KEY_USAGES,
  fetchOverNetwork,
  fileRoots,
  type LogSpec,
  type RootSource,
  trustBundleRoots,
} from '@sigstead/log';
import type { ServeConfig } from '../config/load.ts';
import type { LogFile } from '../config/sections.ts';

/** What a log of kind ct is beside what all logs are. `trustBundleCa`: PEM. */
export function ctSpec(
  config: ServeConfig,
  log: LogFile,
  trustBundleCa: string | undefined,
): Pick<LogSpec, 'rootSources' | 'rejectedRoots' | 'admission' | 'leafIndex' | 'basePaths'> {
  return {
    basePaths: [new URL(log.publicUrl).pathname.replace(/\/$/, '')],
    rootSources: rootSources(config, log, trustBundleCa),
    rejectedRoots: log.acceptedRoots?.reject ?? [],
    admission: admissionOf(log),
    leafIndex: log.leafIndex ?? false,
  };
}

/**
 * Of an RFC 6962 log: host name and path. Of one that is read as static-ct-api too: the submission prefix without its
 * scheme, so with the port if it has one. SPEC: C2SP static-ct-api, "Checkpoints"
 */
export function ctOrigin({ publicUrl, leafIndex }: Pick<LogFile, 'publicUrl' | 'leafIndex'>): string {
  const { host, hostname, pathname } = new URL(publicUrl);
  return `${leafIndex === true ? host : hostname}${pathname.replace(/\/$/, '')}`;
}

/** A CA of the same configuration is followed where its chain stands; nobody has to be reached for that. */
function rootSources(config: ServeConfig, log: LogFile, trustBundleCa: string | undefined): RootSource[] {
  const { ca } = config.file;
  const { files = [], trustBundleUrl } = log.acceptedRoots ?? {};
  const own = log.acceptedRootsFile === undefined ? files : [log.acceptedRootsFile];
  return [
    ...own.map((file) => fileRoots(config.resolve(file))),
    ...(ca?.ct.log === log.name ? [chainFileRoots(config.resolve(ca.chainFile))] : []),
    ...(trustBundleUrl === undefined
      ? []
      : [trustBundleRoots({ url: new URL(trustBundleUrl), fetchBytes: fetchOverNetwork(trustBundleCa) })]),
  ];
}

function admissionOf(log: LogFile): AdmissionRules {
  const { notAfterStart, notAfterLimit, rejectExpired = false, rejectUnexpired = false, extKeyUsages } = log;
  return {
    rejectExpired,
    rejectUnexpired,
    ...(notAfterStart === undefined ? {} : { notAfterStartMs: notAfterStart }),
    ...(notAfterLimit === undefined ? {} : { notAfterLimitMs: notAfterLimit }),
    ...(extKeyUsages === undefined ? {} : { extKeyUsages: extKeyUsages.map((name) => EXT_KEY_USAGES[name]) }),
  };
}
