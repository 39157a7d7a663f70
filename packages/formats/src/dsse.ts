/**
 * What a DSSE signature covers: `DSSEv1 <bytes of type> <type> <bytes of payload> <payload>`.
 * SPEC: DSSE protocol v1, "Signature Definition"
 */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}
