/**
 * Recorded lines that are not answered alike, by name, each with its reason. `later`: a part that is not built yet.
 * `departure`: upstream is wrong there and we do better. The replay fails for a line that is neither alike nor listed,
 * and for a listed one that is alike.
 */
export interface RecordedException {
  readonly kind: 'later' | 'departure';
  readonly reason: string;
}

export const REQUEST_EXCEPTIONS: ReadonlyMap<string, RecordedException> = new Map<string, RecordedException>([]);

export const CERTIFICATE_EXCEPTIONS: ReadonlyMap<string, RecordedException> = new Map<string, RecordedException>([]);
