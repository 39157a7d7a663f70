import { TrustError } from './errors.ts';
import { readLogKey } from './keys.ts';
import type { TrustModel } from './model.ts';
import { checkUrl, isInternalHost, urlHostname } from './urls.ts';

/** Legal, but likely to be a mistake or to trouble some client. */
export interface TrustWarning {
  code: 'url_internal' | 'url_plain_http' | 'key_not_p256';
  path: string;
  message: string;
}

/** What an operator should look at before publishing this model. Development mode has no use for it. Throws TrustError on bad URLs and keys. */
export function trustWarnings(model: TrustModel): TrustWarning[] {
  return [...urlPlaces(model).flatMap(({ url, path }) => urlWarnings(url, path)), ...keyWarnings(model)];
}

/** The same finding as a refusal, for instances that must be reachable from elsewhere. Throws `url_internal`. */
export function refuseInternalUrls(model: TrustModel): void {
  const warning = trustWarnings(model).find(({ code }) => code === 'url_internal');
  if (warning) throw new TrustError('url_internal', warning.path, warning.message);
}

function urlPlaces(model: TrustModel): { url: string; path: string }[] {
  const authorities = (['certificateAuthorities', 'timestampAuthorities'] as const).flatMap((field) =>
    model[field].map((entry, index) => ({ url: entry.uri, path: `${field}[${index}].uri` })),
  );
  const logs = (['tlogs', 'ctlogs'] as const).flatMap((field) =>
    model[field].map((entry, index) => ({ url: entry.baseUrl, path: `${field}[${index}].baseUrl` })),
  );
  const services = (['ca', 'oidc', 'rekor', 'tsa'] as const).flatMap((kind) =>
    model.signing[kind].map((entry, index) => ({ url: entry.url, path: `signing.${kind}[${index}].url` })),
  );
  return [...authorities, ...logs, ...services];
}

function urlWarnings(text: string, path: string): TrustWarning[] {
  const url = checkUrl(text, path);
  const warnings: TrustWarning[] = [];
  if (isInternalHost(urlHostname(url))) {
    warnings.push({ code: 'url_internal', path, message: `${url.host} looks reachable from inside one network only` });
  }
  if (url.protocol === 'http:') warnings.push({ code: 'url_plain_http', path, message: 'not https' });
  return warnings;
}

function keyWarnings(model: TrustModel): TrustWarning[] {
  return (['tlogs', 'ctlogs'] as const).flatMap((field) =>
    model[field].flatMap((log, index) => {
      const path = `${field}[${index}].spki`;
      const { details } = readLogKey(log.spki, log.keyDetails, path);
      if (details === 'PKIX_ECDSA_P256_SHA_256') return [];
      return [
        { code: 'key_not_p256' as const, path, message: `${details}: some clients refuse the whole root over it` },
      ];
    }),
  );
}
