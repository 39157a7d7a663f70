package main

import (
	"fmt"

	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rekor "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// decode reads bytes as a message and writes what is known of it again, or writes a protojson message in the binary
// format. A refusal has its text.
func decode(q question) (answer, error) {
	message, err := messageOf(q.Service)
	if err != nil {
		return answer{}, err
	}
	if q.Op == "encode" {
		if err := protojson.Unmarshal(q.Message, message); err != nil {
			return answer{}, err
		}
		encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		return answer{Code: "OK", Bytes: encoded}, err
	}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true, AllowPartial: true}).Unmarshal(q.Bytes, message); err != nil {
		return answer{Code: "refused", Text: err.Error()}, nil
	}
	encoded, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(message)
	return answer{Code: "OK", Bytes: encoded}, err
}

func messageOf(name string) (proto.Message, error) {
	switch name {
	case "CreateEntryRequest":
		return &rekor.CreateEntryRequest{}, nil
	case "TransparencyLogEntry":
		return &protorekor.TransparencyLogEntry{}, nil
	case "TileRequest":
		return &rekor.TileRequest{}, nil
	case "HealthListResponse":
		return &grpc_health_v1.HealthListResponse{}, nil
	case "ExtensionNumberResponse":
		return &grpc_reflection_v1.ExtensionNumberResponse{}, nil
	default:
		return nil, fmt.Errorf("unknown message %q", name)
	}
}
