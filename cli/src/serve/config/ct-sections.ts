import { EXT_KEY_USAGES, type ExtKeyUsageName } from '@sigstead/log';
import { c } from '@sigstead/platform';
import { filePath, serviceUrl, time } from './values.ts';

const FINGERPRINT = /^[0-9a-f]{64}$/;
const USAGES = Object.keys(EXT_KEY_USAGES) as ExtKeyUsageName[];

export const acceptedRoots = {
  files: c.withDefault(c.list(filePath, { max: 100 }), []),
  trustBundleUrl: c.optional(serviceUrl),
  trustBundleCaFile: c.optional(filePath),
  reject: c.withDefault(
    c.list(c.string({ pattern: FINGERPRINT, expected: 'a SHA-256 in lower-case hex' }), { max: 1000 }),
    [],
  ),
};

/** Keys of a log of kind ct alone. */
export const ctLog = {
  acceptedRootsFile: c.optional(filePath),
  acceptedRoots: c.optional(c.object(acceptedRoots)),
  leafIndex: c.optional(c.boolean()),
  extKeyUsages: c.optional(c.list(c.oneOf(...USAGES), { min: 1, max: USAGES.length })),
  notAfterStart: c.optional(time),
  notAfterLimit: c.optional(time),
  rejectExpired: c.optional(c.boolean()),
  rejectUnexpired: c.optional(c.boolean()),
};
