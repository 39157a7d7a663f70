// Command go-verify checks Sigstore bundles with sigstore-go, with trust material fetched from one TUF repository only.
// It reads one JSON request per line on standard input and writes one JSON verdict per line, so that a test can ask
// hundreds of questions without paying for a process each.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// request is one question: does this bundle verify for this artifact, identity and issuer?
type request struct {
	Bundle   json.RawMessage `json:"bundle"`
	Artifact []byte          `json:"artifact"`
	Identity string          `json:"identity"`
	Issuer   string          `json:"issuer"`
}

type verdict struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: go-verify MIRROR_URL ROOT_JSON CACHE_DIR < requests.jsonl")
		os.Exit(2)
	}
	verifier, err := newVerifier(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := answer(verifier); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newVerifier(mirror, rootPath, cache string) (*verify.Verifier, error) {
	rootJSON, err := os.ReadFile(rootPath)
	if err != nil {
		return nil, err
	}
	options := tuf.DefaultOptions()
	options.RepositoryBaseURL = mirror
	options.Root = rootJSON
	options.CachePath = cache
	client, err := tuf.New(options)
	if err != nil {
		return nil, fmt.Errorf("TUF: %w", err)
	}
	trusted, err := root.GetTrustedRoot(client)
	if err != nil {
		return nil, fmt.Errorf("trusted root: %w", err)
	}
	return verify.NewVerifier(trusted,
		verify.WithSignedCertificateTimestamps(1),
		verify.WithTransparencyLog(1),
		verify.WithSignedTimestamps(1))
}

func answer(verifier *verify.Verifier) error {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := out.Encode(judge(verifier, line)); err != nil {
				return err
			}
		}
		if err != nil {
			return nil // end of the questions
		}
	}
}

func judge(verifier *verify.Verifier, line []byte) verdict {
	if err := check(verifier, line); err != nil {
		return verdict{Error: err.Error()}
	}
	return verdict{OK: true}
}

func check(verifier *verify.Verifier, line []byte) error {
	var ask request
	if err := json.Unmarshal(line, &ask); err != nil {
		return err
	}
	if ask.Identity == "" || ask.Issuer == "" {
		return errors.New("request without identity or issuer")
	}
	var entity bundle.Bundle
	if err := entity.UnmarshalJSON(ask.Bundle); err != nil {
		return err
	}
	identity, err := verify.NewShortCertificateIdentity(ask.Issuer, "", ask.Identity, "")
	if err != nil {
		return err
	}
	policy := verify.NewPolicy(verify.WithArtifact(bytes.NewReader(ask.Artifact)), verify.WithCertificateIdentity(identity))
	_, err = verifier.Verify(&entity, policy)
	return err
}
