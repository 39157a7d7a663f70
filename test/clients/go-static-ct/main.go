// Command go-static-ct reads a CT log over its static-ct-api monitoring prefix with the libraries of other projects: the
// checkpoint with transparency-dev/formats, tiles and proofs with Tessera's client, entries with certificate-transparency-go.
// It proves every entry under the checkpoint and prints what it found as one JSON line; anything wrong ends it with 1.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/google/certificate-transparency-go/x509"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
)

type found struct {
	Size    uint64  `json:"size"`
	Root    string  `json:"root"`
	Entries []entry `json:"entries"`
}

type entry struct {
	Type      string `json:"type"`
	Timestamp uint64 `json:"timestamp"`
	LeafHash  string `json:"leafHash"`
	// Of the certificate, or of the precertificate as it was submitted.
	SHA256  string   `json:"sha256"`
	Issuers []string `json:"issuers"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: go-static-ct MONITORING_URL ORIGIN PUBLIC_KEY_PEM")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(monitoring, origin, keyFile string) error {
	ctx := context.Background()
	base, err := url.Parse(strings.TrimSuffix(monitoring, "/") + "/")
	if err != nil {
		return err
	}
	fetcher, err := client.NewHTTPFetcher(base, http.DefaultClient)
	if err != nil {
		return err
	}
	key, err := publicKey(keyFile)
	if err != nil {
		return err
	}
	vkey, err := fnote.RFC6962VerifierString("https://"+origin, key)
	if err != nil {
		return err
	}
	verifier, err := fnote.NewRFC6962Verifier(vkey)
	if err != nil {
		return err
	}
	checkpoint, _, _, err := client.FetchCheckpoint(ctx, fetcher.ReadCheckpoint, verifier, origin)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	sth, err := get(base, "ct/v1/get-sth")
	if err != nil {
		return err
	}
	if _, err := fnote.RFC6962STHToCheckpoint(sth, verifier); err != nil {
		return fmt.Errorf("get-sth is no checkpoint: %w", err)
	}
	result := found{Size: checkpoint.Size, Root: hex.EncodeToString(checkpoint.Hash), Entries: []entry{}}
	proofs, err := client.NewProofBuilder(ctx, checkpoint.Size, fetcher.ReadTile)
	if err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	for tile := uint64(0); tile*256 < checkpoint.Size; tile++ {
		leaves, err := dataTile(base, tile, checkpoint.Size)
		if err != nil {
			return fmt.Errorf("data tile %d: %w", tile, err)
		}
		for i, leaf := range leaves {
			index := tile*256 + uint64(i)
			path, err := proofs.InclusionProof(ctx, index)
			if err != nil {
				return fmt.Errorf("proof of %d: %w", index, err)
			}
			hash, err := hex.DecodeString(leaf.LeafHash)
			if err != nil {
				return err
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, checkpoint.Size, hash, path, checkpoint.Hash); err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			result.Entries = append(result.Entries, leaf)
		}
	}
	if uint64(len(result.Entries)) != checkpoint.Size {
		return fmt.Errorf("%d entries in a log of %d", len(result.Entries), checkpoint.Size)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func publicKey(file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM public key")
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

func get(base *url.URL, path string) ([]byte, error) {
	response, err := http.Get(base.JoinPath(path).String())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", path, response.StatusCode)
	}
	return io.ReadAll(response.Body)
}

// dataTile reads the entries of a tile and, by their fingerprints, the issuers they name.
func dataTile(base *url.URL, tile, size uint64) ([]entry, error) {
	path := strings.Replace(layout.EntriesPath(tile, layout.PartialTileSize(0, tile, size)), "entries", "data", 1)
	rest, err := get(base, path)
	if err != nil {
		return nil, err
	}
	leaves := []entry{}
	for len(rest) > 0 {
		var timestamped ct.TimestampedEntry
		if rest, err = tls.Unmarshal(rest, &timestamped); err != nil {
			return nil, err
		}
		leaf, after, err := tileLeaf(base, timestamped, rest)
		if err != nil {
			return nil, err
		}
		if named, ok := leafIndex(timestamped.Extensions); !ok || named != tile*256+uint64(len(leaves)) {
			return nil, fmt.Errorf("entry %d of the tile names another index", len(leaves))
		}
		rest = after
		leaves = append(leaves, leaf)
	}
	return leaves, nil
}

func tileLeaf(base *url.URL, timestamped ct.TimestampedEntry, rest []byte) (entry, []byte, error) {
	hash, err := ct.LeafHashForLeaf(&ct.MerkleTreeLeaf{Version: ct.V1, LeafType: ct.TimestampedEntryLeafType, TimestampedEntry: &timestamped})
	if err != nil {
		return entry{}, nil, err
	}
	leaf := entry{Timestamp: timestamped.Timestamp, LeafHash: hex.EncodeToString(hash[:]), Issuers: []string{}}
	submitted := timestamped.X509Entry
	leaf.Type = "x509"
	if timestamped.EntryType == ct.PrecertLogEntryType {
		submitted = &ct.ASN1Cert{}
		leaf.Type = "precert"
		if rest, err = tls.Unmarshal(rest, submitted); err != nil {
			return entry{}, nil, err
		}
	}
	if _, err := x509.ParseCertificate(submitted.Data); x509.IsFatal(err) {
		return entry{}, nil, err
	}
	leaf.SHA256 = fingerprint(submitted.Data)
	if len(rest) < 2 {
		return entry{}, nil, errors.New("cut off")
	}
	length := int(binary.BigEndian.Uint16(rest))
	rest = rest[2:]
	if length%32 != 0 || length > len(rest) {
		return entry{}, nil, errors.New("fingerprints are cut off")
	}
	for at := 0; at < length; at += 32 {
		name := hex.EncodeToString(rest[at : at+32])
		issuer, err := get(base, "issuer/"+name)
		if err != nil {
			return entry{}, nil, err
		}
		if fingerprint(issuer) != name {
			return entry{}, nil, fmt.Errorf("issuer %s is another certificate", name)
		}
		leaf.Issuers = append(leaf.Issuers, name)
	}
	return leaf, rest[length:], nil
}

func leafIndex(extensions ct.CTExtensions) (uint64, bool) {
	if len(extensions) != 8 || base64.StdEncoding.EncodeToString(extensions[:3]) != "AAAF" {
		return 0, false
	}
	return binary.BigEndian.Uint64(append([]byte{0, 0, 0}, extensions[3:]...)), true
}

func fingerprint(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return hex.EncodeToString(sum[:])
}
