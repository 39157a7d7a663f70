export { DerError, type DerErrorCode } from './der/errors.ts';
export { decodeOidContent, encodeOidContent } from './der/oid.ts';
export { type DerCursor, type DerElement, type DerLimits, readDer, validateDer } from './der/reader.ts';
export { contextConstructed, contextPrimitive, Tag } from './der/tags.ts';
export { generalizedTimeText, parseTimeText, utcTimeText } from './der/time.ts';
export { DerWriter } from './der/writer.ts';
export { decodePem, encodePem, type PemBlock } from './pem.ts';
export {
  type AlgorithmIdentifier,
  type CertificateExtension,
  type ParsedCertificate,
  parseCertificate,
  readAlgorithm,
} from './x509/certificate.ts';
export { type ParsedCsr, parseCsr } from './x509/csr.ts';
export {
  authorityKeyId,
  basicConstraints,
  extKeyUsage,
  findExtension,
  type GeneralName,
  type KeyUsage,
  keyUsage,
  subjectAltNames,
  subjectKeyId,
} from './x509/extensions.ts';
export { Oid } from './x509/oids.ts';
export { isIssuedBy, verifyX509Signature } from './x509/signature.ts';
export { keyIdentifier, parseSpki } from './x509/spki.ts';
export { tbsForFinalIssuer, tbsWithoutExtension } from './x509/tbs.ts';
export { decodeBase64Proto, decodeBase64Strict, encodeBase64 } from './base64.ts';
export { FormatError, type FormatErrorCode } from './errors.ts';
export { hasTrailingText, type ParsedJson, type ParseJsonOptions, parseJson } from './json/parse.ts';
export {
  type JsonArray,
  type JsonMember,
  type JsonObject,
  type JsonPosition,
  type JsonValue,
  member,
  memberIgnoringCase,
  positionOf,
  toPlain,
} from './json/value.ts';
export { type DecodeProtoOptions, decodeGatewayBody, decodeProto } from './protojson/decode.ts';
export type {
  EnumField,
  MessageField,
  ProtoField,
  ProtoMessage,
  ProtoSchema,
  ScalarField,
} from './protojson/schema.ts';
export { decodeWire, type WireLimits } from './protobuf/decode.ts';
export {
  describeFiles,
  type EnumValues,
  type FileDescription,
  type FileSpec,
  type MethodSpec,
} from './protobuf/descriptor.ts';
export { encodeWire } from './protobuf/encode.ts';
export type { WireField, WireSchema } from './protobuf/schema.ts';
export {
  defaultKeyDetails,
  HASH_SIZES,
  type HashName,
  KEY_DETAILS_ENUM,
  type KeyDetails,
  type KeyDetailsName,
  type KeyKind,
  keyDetailsInfo,
  PROTO_HASH_NAMES,
  requireKeyDetails,
  type SignatureScheme,
} from './algorithms/registry.ts';
export * from './trust/index.ts';
export { type ParsedKey, publicKeyFromSpki } from './algorithms/public-key.ts';
export { defaultMessageHash, keyFitsDetails, verifyDigest, verifyMessage } from './algorithms/verify.ts';
export { isWeakRsaModulus, type RsaWeakness, rsaWeakness } from './algorithms/weak-rsa.ts';
export { jcs, olpc } from './canonical.ts';
export { pae } from './dsse.ts';
export {
  type Checkpoint,
  formatCheckpointBody,
  parseCheckpoint,
  parseSignedCheckpoint,
} from './note/checkpoint.ts';
export { ctNoteKeyHash, type NoteVerifier, noteKeyHash, noteVerifier, verifyNote } from './note/keys.ts';
export { isNoteName } from './note/name.ts';
export {
  formatNote,
  type Note,
  type NoteSignature,
  parseNote,
  parseSignatureLines,
  signatureLine,
} from './note/note.ts';
export {
  type AddCheckpointRequest,
  formatAddCheckpointRequest,
  formatTlogSize,
  MAX_ADD_CHECKPOINT_BYTES,
  MAX_CONSISTENCY_HASHES,
  parseAddCheckpointRequest,
  parseCosignatureAnswer,
  parseTlogSize,
  TLOG_SIZE_TYPE,
} from './note/add-checkpoint.ts';
export {
  type Cosignature,
  cosignatureLine,
  cosignatureMessage,
  cosignatureVerifier,
  cosignerKeyHash,
  decodeCosignature,
  encodeCosignature,
} from './note/cosignature.ts';
export {
  ed25519PublicKey,
  formatVerifierKey,
  parseVerifierKey,
  type VerifierKey,
  type VerifierKeyType,
  verifierKey,
  verifierOf,
} from './note/vkey.ts';
export {
  evaluateWitnessPolicy,
  isQuorumMet,
  parseWitnessPolicy,
  type PolicyLog,
  type PolicyNode,
  type PolicyVerdict,
  type PolicyWitness,
  quorumWitnesses,
  type WitnessPolicy,
} from './note/witness-policy.ts';
export {
  ctDigitallySigned,
  type DigitallySigned,
  decodeDigitallySigned,
  encodeDigitallySigned,
  TlsHash,
  TlsSignature,
  verifyCtSignature,
} from './ct/digitally-signed.ts';
export {
  type CtEntry,
  decodeMerkleTreeLeaf,
  encodeTimestampedEntry,
  merkleTreeLeaf,
  sctSignatureInput,
  sthSignatureInput,
  type TimestampedEntry,
} from './ct/entry.ts';
export { decodeLeafIndexExtension, encodeLeafIndexExtension } from './ct/extensions.ts';
export {
  decodePrecertExtraData,
  decodeX509ExtraData,
  encodePrecertExtraData,
  encodeX509ExtraData,
} from './ct/extra-data.ts';
export {
  type AddChainResponse,
  addChainRequest,
  addChainResponse,
  parseAddChainRequest,
  parseAddChainResponse,
} from './ct/json.ts';
export { ctNoteVerifier, decodeCtNoteSignature, encodeCtNoteSignature } from './ct/note.ts';
export { decodeDataTile, encodeTileLeaf, type TileLeaf } from './ct/tile-leaf.ts';
export { decodeSct, decodeSctList, encodeSct, encodeSctList, type Sct } from './ct/sct.ts';
