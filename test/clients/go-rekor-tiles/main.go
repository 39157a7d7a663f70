// Command go-rekor-tiles uses a Rekor v2 log as upstream's own client library does: it reads the checkpoint, adds
// entries, verifies what comes back, and finds the entries again in tiles and bundles. It prints one JSON object, or
// says on standard error what did not hold and ends with 1.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"

	v1 "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/rekor-tiles/v2/pkg/client/read"
	"github.com/sigstore/rekor-tiles/v2/pkg/client/write"
	pb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	rekornote "github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/rekor-tiles/v2/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	tclient "github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
)

const width = 256

type report struct {
	Before  uint64   `json:"before"`
	After   uint64   `json:"after"`
	Indexes []int64  `json:"indexes"`
	Proof   int      `json:"consistencyProof"`
	Signers []string `json:"signers"`
}

type log struct {
	url      string
	origin   string
	reader   read.Client
	writer   write.Client
	verifier note.Verifier
	fetcher  *tclient.HTTPFetcher
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: go-rekor-tiles URL ORIGIN PUBLIC_KEY_PEM ENTRIES")
		os.Exit(2)
	}
	found, err := use(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}

func use(ctx context.Context, logURL, origin, keyFile, entries string) (*report, error) {
	count, err := strconv.Atoi(entries)
	if err != nil {
		return nil, err
	}
	one, err := open(logURL, origin, keyFile)
	if err != nil {
		return nil, err
	}
	before, beforeNote, err := one.reader.ReadCheckpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("before: %w", err)
	}
	found := &report{Before: before.Size}
	added, err := one.add(ctx, count)
	if err != nil {
		return nil, err
	}
	after, afterNote, err := one.reader.ReadCheckpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("after: %w", err)
	}
	found.After = after.Size
	for _, signed := range afterNote.Sigs {
		found.Signers = append(found.Signers, signed.Name)
	}
	for _, entry := range added {
		found.Indexes = append(found.Indexes, entry.LogIndex)
		if err := one.findAgain(ctx, entry, after.Size); err != nil {
			return nil, fmt.Errorf("entry %d: %w", entry.LogIndex, err)
		}
	}
	builder, err := tclient.NewProofBuilder(ctx, after.Size, one.fetcher.ReadTile)
	if err != nil {
		return nil, err
	}
	proof, err := builder.ConsistencyProof(ctx, before.Size, after.Size)
	if err != nil {
		return nil, fmt.Errorf("consistency proof: %w", err)
	}
	found.Proof = len(proof)
	return found, verify.VerifyConsistencyProofWithCheckpoints(proof, text(beforeNote), text(afterNote), one.verifier)
}

func open(logURL, origin, keyFile string) (*log, error) {
	key, err := publicKey(keyFile)
	if err != nil {
		return nil, err
	}
	verifier, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		return nil, err
	}
	noteVerifier, err := rekornote.NewNoteVerifier(origin, verifier)
	if err != nil {
		return nil, err
	}
	reader, err := read.NewReader(logURL+"/", origin, verifier)
	if err != nil {
		return nil, err
	}
	writer, err := write.NewWriter(logURL)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(logURL + "/")
	if err != nil {
		return nil, err
	}
	fetcher, err := tclient.NewHTTPFetcher(base, http.DefaultClient)
	return &log{logURL, origin, reader, writer, noteVerifier, fetcher}, err
}

func publicKey(file string) (crypto.PublicKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM in " + file)
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

// add sends entries of a new key each, one by one, and verifies each answer offline.
func (l *log) add(ctx context.Context, count int) ([]*rekorpb.TransparencyLogEntry, error) {
	var added []*rekorpb.TransparencyLogEntry
	for i := range count {
		request, err := newRequest(fmt.Appendf(nil, "artifact %d", i))
		if err != nil {
			return nil, err
		}
		entry, err := l.writer.Add(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("adding: %w", err)
		}
		if err := verify.VerifyLogEntry(entry, l.verifier); err != nil {
			return nil, fmt.Errorf("verifying the answer: %w", err)
		}
		added = append(added, entry)
	}
	return added, nil
}

func newRequest(artifact []byte) (*pb.HashedRekordRequestV002, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(artifact)
	signed, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &pb.HashedRekordRequestV002{
		Digest: digest[:],
		Signature: &pb.Signature{
			Content: signed,
			Verifier: &pb.Verifier{
				Verifier:   &pb.Verifier_PublicKey{PublicKey: &pb.PublicKey{RawBytes: spki}},
				KeyDetails: v1.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
			},
		},
	}, nil
}

// findAgain looks for an entry in the bundle and in the tile that the newest checkpoint covers.
func (l *log) findAgain(ctx context.Context, entry *rekorpb.TransparencyLogEntry, size uint64) error {
	index := uint64(entry.LogIndex)
	number, at := index/width, index%width
	partial := uint8(0)
	if number == size/width {
		partial = uint8(size % width)
	}
	raw, err := l.reader.ReadEntryBundle(ctx, number, partial)
	if err != nil {
		return err
	}
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return err
	}
	if at >= uint64(len(bundle.Entries)) || !bytes.Equal(bundle.Entries[at], entry.CanonicalizedBody) {
		return errors.New("the bundle holds another entry")
	}
	tile, err := l.reader.ReadTile(ctx, 0, number, partial)
	if err != nil {
		return err
	}
	var hashes api.HashTile
	if err := hashes.UnmarshalText(tile); err != nil {
		return err
	}
	if at >= uint64(len(hashes.Nodes)) || !bytes.Equal(hashes.Nodes[at], rfc6962.DefaultHasher.HashLeaf(entry.CanonicalizedBody)) {
		return errors.New("the tile holds another hash")
	}
	return nil
}

// text puts a note together again as it was signed.
func text(of *note.Note) string {
	var out bytes.Buffer
	out.WriteString(of.Text + "\n")
	for _, signed := range append(of.Sigs, of.UnverifiedSigs...) {
		fmt.Fprintf(&out, "\u2014 %s %s\n", signed.Name, signed.Base64)
	}
	return out.String()
}
