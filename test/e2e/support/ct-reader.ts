import assert from 'node:assert/strict';
import {
  decodePrecertExtraData,
  decodeSctList,
  findExtension,
  merkleTreeLeaf,
  Oid,
  parseCertificate,
  type ParsedKey,
  publicKeyFromSpki,
  readDer,
  type Sct,
  sthSignatureInput,
  tbsWithoutExtension,
  type VerificationModel,
  verifyCtSignature,
} from '@sigstead/formats';
import { CompactRange, verifyConsistency, verifyInclusion } from '@sigstead/merkle';
import { getJson } from './http.ts';
import { hasher, type Head } from './rekor-reader.ts';
import { sha256 } from './signing.ts';

/** A tree head whose signature by the published key was verified. */
export interface CtHead extends Head {
  readonly timestampMs: number;
}

interface CtEntryJson {
  leaf_input: string;
  extra_data: string;
}

/** A monitor of the CT log: believes only the published key and what it has computed itself. */
export class CtReader {
  readonly #url: string;
  readonly #key: ParsedKey;
  readonly #issuers: Map<string, Uint8Array>;

  constructor(url: string, trust: VerificationModel) {
    const [log] = trust.ctlogs;
    assert.ok(log !== undefined, 'no CT log is published');
    this.#url = `${url}/ct/dev/ct/v1`;
    this.#key = publicKeyFromSpki(log.spki);
    const all = trust.certificateAuthorities.flatMap(({ chain }) => chain.map((der) => parseCertificate(der)));
    this.#issuers = new Map(all.map(({ subject, spki }) => [Buffer.from(subject).toString('hex'), spki]));
  }

  async head(): Promise<CtHead> {
    const sth = await getJson<{
      tree_size: number;
      timestamp: number;
      sha256_root_hash: string;
      tree_head_signature: string;
    }>(`${this.#url}/get-sth`);
    const root = Buffer.from(sth.sha256_root_hash, 'base64');
    const message = sthSignatureInput({ timestampMs: sth.timestamp, treeSize: sth.tree_size, root });
    const signature = Buffer.from(sth.tree_head_signature, 'base64');
    assert.ok(verifyCtSignature(this.#key, message, signature), 'a tree head does not verify');
    return { size: sth.tree_size, root, timestampMs: sth.timestamp };
  }

  /** All entries under a head; they must lead to its root. */
  async entries(head: Head): Promise<CtEntryJson[]> {
    const found: CtEntryJson[] = [];
    while (found.length < head.size) {
      const range = `start=${found.length}&end=${head.size - 1}`;
      const { entries } = await getJson<{ entries: CtEntryJson[] }>(`${this.#url}/get-entries?${range}`);
      assert.ok(entries.length > 0, 'get-entries gave nothing');
      found.push(...entries);
    }
    const tree = CompactRange.empty(hasher);
    for (const { leaf_input } of found) tree.append(hasher.leaf(Buffer.from(leaf_input, 'base64')));
    assert.deepEqual(Buffer.from(tree.root()), Buffer.from(head.root), 'the CT entries lead to another root');
    return found;
  }

  async checkConsistency(older: Head, newer: Head): Promise<void> {
    const query = `first=${older.size}&second=${newer.size}`;
    const { consistency } = await getJson<{ consistency: string[] }>(`${this.#url}/get-sth-consistency?${query}`);
    const proof = consistency.map((hash) => Buffer.from(hash, 'base64'));
    verifyConsistency({ hasher, size1: older.size, size2: newer.size, root1: older.root, root2: newer.root, proof });
  }

  /**
   * The certificate's precertificate is in the tree under the head, at a place found by the hash of the leaf that its
   * own SCT promises, and the stored precertificate differs from it in poison and SCT alone. Resolves with the index.
   */
  async checkLogged(leaf: Uint8Array, head: Head): Promise<number> {
    const promised = this.#leafOf(leaf);
    const leafHash = hasher.leaf(promised);
    const query = `hash=${encodeURIComponent(Buffer.from(leafHash).toString('base64'))}&tree_size=${head.size}`;
    const { leaf_index: index, audit_path } = await getJson<{ leaf_index: number; audit_path: string[] }>(
      `${this.#url}/get-proof-by-hash?${query}`,
    );
    const proof = audit_path.map((hash) => Buffer.from(hash, 'base64'));
    verifyInclusion({ hasher, index, size: head.size, leafHash, proof, root: head.root });
    const { entries } = await getJson<{ entries: CtEntryJson[] }>(
      `${this.#url}/get-entries?start=${index}&end=${index}`,
    );
    const [entry] = entries;
    assert.ok(entry !== undefined);
    assert.deepEqual(Buffer.from(entry.leaf_input, 'base64'), Buffer.from(promised), 'the stored leaf differs');
    const { precertificate } = decodePrecertExtraData(Buffer.from(entry.extra_data, 'base64'));
    const logged = tbsWithoutExtension(parseCertificate(precertificate), Oid.ctPoison);
    const issued = tbsWithoutExtension(parseCertificate(leaf), Oid.ctSctList);
    assert.deepEqual(Buffer.from(logged), Buffer.from(issued), 'the logged precertificate is another one');
    return index;
  }

  /** SPEC: RFC 6962 §3.4 */
  #leafOf(der: Uint8Array): Uint8Array {
    const leaf = parseCertificate(der);
    const issuer = this.#issuers.get(Buffer.from(leaf.issuer).toString('hex'));
    assert.ok(issuer !== undefined, 'the certificate has no published issuer');
    const { timestampMs, extensions } = sctOf(der);
    const entry = {
      type: 'precert' as const,
      issuerKeyHash: sha256(issuer),
      tbs: tbsWithoutExtension(leaf, Oid.ctSctList),
    };
    return merkleTreeLeaf({ timestampMs, entry, extensions });
  }
}

/** The one SCT in a certificate. */
export function sctOf(der: Uint8Array): Sct {
  const extension = findExtension(parseCertificate(der), Oid.ctSctList);
  assert.ok(extension !== undefined, 'the certificate has no SCT');
  const [sct, ...more] = decodeSctList(readDer(extension.value).octetString());
  assert.ok(sct !== undefined && more.length === 0);
  return sct;
}
