// Command go-grpc speaks to a Rekor v2 server over gRPC with grpc-go and the code that upstream generates from its own
// .proto files. It reads one JSON question a line on standard input and writes one JSON answer a line.
//
//	go-grpc dial ADDRESS [CA_PEM]   asks a server; with CA_PEM over TLS
//	go-grpc decode                  decodes messages with protobuf-go, without any server
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// question is one line of input; which members count depends on Op.
type question struct {
	Op string `json:"op"`
	// Message is the request as protojson, Bytes the same in the binary format.
	Message json.RawMessage `json:"message"`
	Bytes   []byte          `json:"bytes"`
	Service string          `json:"service"`
	Version string          `json:"version"`
}

// answer is one line of output. A call that failed has Code and Text of its status.
type answer struct {
	Code    string              `json:"code,omitempty"`
	Text    string              `json:"text,omitempty"`
	Message json.RawMessage     `json:"message,omitempty"`
	Bytes   []byte              `json:"bytes,omitempty"`
	Header  map[string][]string `json:"header,omitempty"`
	Names   []string            `json:"names,omitempty"`
}

const patience = 30 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "decode":
		return answerAll(func(_ context.Context, q question) (answer, error) { return decode(q) })
	case (len(args) == 2 || len(args) == 3) && args[0] == "dial":
		connection, err := dial(args[1:])
		if err != nil {
			return err
		}
		defer connection.Close()
		return answerAll(func(ctx context.Context, q question) (answer, error) { return ask(ctx, connection, q) })
	default:
		fmt.Fprintln(os.Stderr, "usage: go-grpc dial ADDRESS [CA_PEM] | decode < questions.jsonl")
		os.Exit(2)
		return nil
	}
}

func dial(args []string) (*grpc.ClientConn, error) {
	secret := insecure.NewCredentials()
	if len(args) == 2 {
		var err error
		if secret, err = credentials.NewClientTLSFromFile(args[1], ""); err != nil {
			return nil, err
		}
	}
	return grpc.NewClient(args[0], grpc.WithTransportCredentials(secret))
}

func answerAll(reply func(context.Context, question) (answer, error)) error {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := answerLine(line, out, reply); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func answerLine(line []byte, out *json.Encoder, reply func(context.Context, question) (answer, error)) error {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := reply(ctx, q)
	if err != nil {
		return fmt.Errorf("%s: %w", q.Op, err)
	}
	return out.Encode(a)
}
