// Command go-tessera follows a log by its tiles with Tessera's client library. The first run remembers the log's state
// in a file; each further one proves that the log has only grown since. Every run streams all entries, derives the
// root of the tree from them alone, and proves every entry with proofs made from tiles. It prints one JSON object, or
// says on standard error what did not hold and ends with 1.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
)

const workers = 4

type report struct {
	// Before is the size that was known from an earlier run, 0 when there was none.
	Before  uint64 `json:"before"`
	Size    uint64 `json:"size"`
	Entries uint64 `json:"entries"`
	Proven  uint64 `json:"proven"`
	Proof   int    `json:"consistencyProof"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: go-tessera URL VERIFIER_KEY STATE_FILE")
		os.Exit(2)
	}
	found, err := follow(context.Background(), os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}

func follow(ctx context.Context, logURL, key, stateFile string) (*report, error) {
	verifier, err := fnote.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("verifier key: %w", err)
	}
	base, err := url.Parse(logURL + "/")
	if err != nil {
		return nil, err
	}
	fetcher, err := client.NewHTTPFetcher(base, http.DefaultClient)
	if err != nil {
		return nil, err
	}
	known, err := os.ReadFile(stateFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	consensus := client.UnilateralConsensus(fetcher.ReadCheckpoint)
	tracker, err := client.NewLogStateTracker(ctx, fetcher.ReadTile, known, verifier, verifier.Name(), consensus)
	if err != nil {
		return nil, fmt.Errorf("first look: %w", err)
	}
	found := &report{}
	if known != nil {
		found.Before = tracker.Latest().Size
	}
	_, consistency, raw, err := tracker.Update(ctx)
	if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	found.Proof = len(consistency)
	if err := os.WriteFile(stateFile, raw, 0o600); err != nil {
		return nil, err
	}
	latest := tracker.Latest()
	found.Size = latest.Size
	return found, readAll(ctx, fetcher, &latest, found)
}

// readAll derives the root from the entries, and proves each of them.
func readAll(ctx context.Context, fetcher *client.HTTPFetcher, latest *log.Checkpoint, found *report) error {
	builder, err := client.NewProofBuilder(ctx, latest.Size, fetcher.ReadTile)
	if err != nil {
		return err
	}
	size := func(context.Context) (uint64, error) { return latest.Size, nil }
	bundles := client.EntryBundles(ctx, workers, size, fetcher.ReadEntryBundle, 0, latest.Size)
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for entry, err := range client.Entries(bundles, unbundle) {
		if err != nil {
			return fmt.Errorf("entries: %w", err)
		}
		hash := rfc6962.DefaultHasher.HashLeaf(entry.Entry)
		if err := tree.Append(hash, nil); err != nil {
			return err
		}
		found.Entries++
		inclusion, err := builder.InclusionProof(ctx, entry.Index)
		if err != nil {
			return fmt.Errorf("proof of %d: %w", entry.Index, err)
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, entry.Index, latest.Size, hash, inclusion, latest.Hash); err != nil {
			return fmt.Errorf("entry %d: %w", entry.Index, err)
		}
		found.Proven++
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(root, latest.Hash) {
		return errors.New("the entries have another root than the checkpoint")
	}
	return nil
}

func unbundle(raw []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	return bundle.Entries, nil
}
