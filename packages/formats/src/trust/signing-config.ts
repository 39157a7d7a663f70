import { SIGNING_CONFIG_MEDIA_TYPE, type ServiceJson, type SigningConfigJson } from './documents.ts';
import { TrustError } from './errors.ts';
import { type SigningService, type TrustModel, windowHolds } from './model.ts';
import { windowJson } from './time.ts';
import { checkUrl } from './urls.ts';

/** API versions that today's clients know. A number outside makes them skip the service. */
const API_VERSIONS = { ca: [1], oidc: [1], rekor: [1, 2], tsa: [1] } as const;
type ServiceKind = keyof typeof API_VERSIONS;

/**
 * The signing config of a model at `nowMs`: what new signatures should use, newest first, always selector ANY. Services whose window
 * has ended are left out; one whose window has not begun, or that the trusted root does not cover, is refused: clients would sign
 * what nobody can verify. Throws TrustError. SPEC: protobuf-specs sigstore_trustroot.proto SigningConfig
 */
export function buildSigningConfig(model: TrustModel, options: { nowMs: number }): SigningConfigJson {
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(model.operator)) {
    throw new TrustError('operator_invalid', 'operator', 'wants a name without scheme, such as example.org');
  }
  const { nowMs } = options;
  const services = (kind: ServiceKind): ServiceJson[] => serviceEntries(model, kind, nowMs);
  const rekorTlogUrls = services('rekor');
  const tsaUrls = services('tsa');
  if (tsaUrls.length === 0 && rekorTlogUrls.some((service) => service.majorApiVersion === 2)) {
    throw new TrustError(
      'timestamping_required',
      'signing.tsa',
      'Rekor v2 entries carry no time: a timestamp authority is needed',
    );
  }
  return {
    mediaType: SIGNING_CONFIG_MEDIA_TYPE,
    caUrls: atLeastOne(services('ca'), 'signing.ca'),
    oidcUrls: services('oidc'),
    rekorTlogUrls: atLeastOne(rekorTlogUrls, 'signing.rekor'),
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls,
    tsaConfig: { selector: 'ANY' },
  };
}

function serviceEntries(model: TrustModel, kind: ServiceKind, nowMs: number): ServiceJson[] {
  return model.signing[kind]
    .map((service, index) => ({
      service,
      json: serviceJson(service, kind, model.operator, `signing.${kind}[${index}]`),
    }))
    .map((entry, index) => {
      checkLive(model, kind, entry.service, { nowMs, path: `signing.${kind}[${index}]` });
      return entry;
    })
    .filter(({ service }) => windowHolds(service.validFor, nowMs))
    .sort(
      (a, b) =>
        b.service.validFor.startMs - a.service.validFor.startMs || b.json.majorApiVersion - a.json.majorApiVersion,
    )
    .map(({ json }) => json);
}

function serviceJson(service: SigningService, kind: ServiceKind, operator: string, path: string): ServiceJson {
  const url = checkUrl(service.url, `${path}.url`);
  if (kind === 'tsa' && url.pathname === '/') {
    throw new TrustError('tsa_url_without_path', `${path}.url`, 'wants the full URL of timestamp requests');
  }
  const known: readonly number[] = API_VERSIONS[kind];
  if (!known.includes(service.majorApiVersion)) {
    throw new TrustError('api_version_unknown', `${path}.majorApiVersion`, `clients know ${known.join(', ')}`);
  }
  const { majorApiVersion } = service;
  return { url: service.url, majorApiVersion, validFor: windowJson(service.validFor, `${path}.validFor`), operator };
}

function checkLive(
  model: TrustModel,
  kind: ServiceKind,
  service: SigningService,
  at: { nowMs: number; path: string },
): void {
  if (service.validFor.startMs > at.nowMs) {
    throw new TrustError(
      'service_not_live',
      `${at.path}.validFor.start`,
      'starts in the future: some clients pick it at once',
    );
  }
  if (kind === 'oidc' || !windowHolds(service.validFor, at.nowMs)) return;
  if (trustedUrls(model, kind, service, at.nowMs).includes(service.url)) return;
  throw new TrustError('service_untrusted', `${at.path}.url`, 'no entry of the trusted root covers this service now');
}

function trustedUrls(
  model: TrustModel,
  kind: Exclude<ServiceKind, 'oidc'>,
  service: SigningService,
  nowMs: number,
): string[] {
  const holds = (entry: { validFor: SigningService['validFor'] }): boolean => windowHolds(entry.validFor, nowMs);
  if (kind === 'ca') return model.certificateAuthorities.filter(holds).map((authority) => authority.uri);
  if (kind === 'tsa') return model.timestampAuthorities.filter(holds).map((authority) => authority.uri);
  const logKind = service.majorApiVersion === 2 ? 'rekor-v2' : 'rekor-v1';
  return model.tlogs.filter((log) => log.kind === logKind && holds(log)).map((log) => log.baseUrl);
}

function atLeastOne(services: ServiceJson[], path: string): ServiceJson[] {
  if (services.length === 0)
    throw new TrustError('service_missing', path, 'no service in its window: sigstore-python refuses that');
  return services;
}
