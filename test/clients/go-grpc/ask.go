package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	rekor "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

func ask(ctx context.Context, to *grpc.ClientConn, q question) (answer, error) {
	switch q.Op {
	case "create":
		return createEntry(ctx, to, q)
	case "checkpoint", "tile", "bundle":
		return read(ctx, to, q)
	case "health":
		client := grpc_health_v1.NewHealthClient(to)
		reply, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: q.Service})
		return answerOf(reply, nil, err)
	case "health-list":
		reply, err := grpc_health_v1.NewHealthClient(to).List(ctx, &grpc_health_v1.HealthListRequest{})
		return answerOf(reply, nil, err)
	case "watch":
		return watchOnce(ctx, to, q)
	case "services":
		return services(ctx, to, q.Version)
	case "descriptors":
		return descriptors(ctx, to, q)
	default:
		return answer{}, fmt.Errorf("unknown op %q", q.Op)
	}
}

func createEntry(ctx context.Context, to *grpc.ClientConn, q question) (answer, error) {
	request := &rekor.CreateEntryRequest{}
	if err := protojson.Unmarshal(q.Message, request); err != nil {
		return answer{}, err
	}
	var header metadata.MD
	entry, err := rekor.NewRekorClient(to).CreateEntry(ctx, request, grpc.Header(&header))
	return answerOf(entry, header, err)
}

func read(ctx context.Context, to *grpc.ClientConn, q question) (answer, error) {
	client := rekor.NewRekorClient(to)
	switch q.Op {
	case "tile":
		request := &rekor.TileRequest{}
		if err := protojson.Unmarshal(q.Message, request); err != nil {
			return answer{}, err
		}
		body, err := client.GetTile(ctx, request)
		return answerOf(body, nil, err)
	case "bundle":
		request := &rekor.EntryBundleRequest{}
		if err := protojson.Unmarshal(q.Message, request); err != nil {
			return answer{}, err
		}
		body, err := client.GetEntryBundle(ctx, request)
		return answerOf(body, nil, err)
	default:
		body, err := client.GetCheckpoint(ctx, &emptypb.Empty{})
		return answerOf(body, nil, err)
	}
}

func watchOnce(ctx context.Context, to *grpc.ClientConn, q question) (answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := grpc_health_v1.NewHealthClient(to).Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: q.Service})
	if err != nil {
		return answerOf(nil, nil, err)
	}
	reply, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return answer{}, errors.New("the watch ended without an answer")
	}
	return answerOf(reply, nil, err)
}

func answerOf(message proto.Message, header metadata.MD, err error) (answer, error) {
	if err != nil {
		ended := status.Convert(err)
		return answer{Code: ended.Code().String(), Text: ended.Message(), Header: header}, nil
	}
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		return answer{}, err
	}
	if fields := message.ProtoReflect().GetUnknown(); len(fields) > 0 {
		return answer{}, fmt.Errorf("the answer has unknown fields: %x", fields)
	}
	return answer{Code: "OK", Message: text, Header: header}, nil
}

func sorted(names []string) []string {
	sort.Strings(names)
	return names
}
