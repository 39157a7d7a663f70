package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	v1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	v1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// services lists what the server says it serves, in either version of reflection.
func services(ctx context.Context, to *grpc.ClientConn, version string) (answer, error) {
	if version == "v1alpha" {
		return servicesAlpha(ctx, to)
	}
	stream, err := v1.NewServerReflectionClient(to).ServerReflectionInfo(ctx)
	if err != nil {
		return answer{}, err
	}
	request := &v1.ServerReflectionRequest{MessageRequest: &v1.ServerReflectionRequest_ListServices{ListServices: "*"}}
	if err := stream.Send(request); err != nil {
		return answer{}, err
	}
	reply, err := stream.Recv()
	if err != nil {
		return answerOf(nil, nil, err)
	}
	names := []string{}
	for _, service := range reply.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	return answer{Code: "OK", Names: names}, stream.CloseSend()
}

func servicesAlpha(ctx context.Context, to *grpc.ClientConn) (answer, error) {
	stream, err := v1alpha.NewServerReflectionClient(to).ServerReflectionInfo(ctx)
	if err != nil {
		return answer{}, err
	}
	list := &v1alpha.ServerReflectionRequest_ListServices{ListServices: "*"}
	if err := stream.Send(&v1alpha.ServerReflectionRequest{MessageRequest: list}); err != nil {
		return answer{}, err
	}
	reply, err := stream.Recv()
	if err != nil {
		return answerOf(nil, nil, err)
	}
	names := []string{}
	for _, service := range reply.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	return answer{Code: "OK", Names: names}, stream.CloseSend()
}

// descriptors fetches what describes a service, links it, and compares every message and method with the ones that
// upstream's own code knows under the same name. Names lists what differs.
func descriptors(ctx context.Context, to *grpc.ClientConn, q question) (answer, error) {
	stream, err := v1.NewServerReflectionClient(to).ServerReflectionInfo(ctx)
	if err != nil {
		return answer{}, err
	}
	symbol := &v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: q.Service}
	if err := stream.Send(&v1.ServerReflectionRequest{MessageRequest: symbol}); err != nil {
		return answer{}, err
	}
	reply, err := stream.Recv()
	if err != nil {
		return answerOf(nil, nil, err)
	}
	if failed := reply.GetErrorResponse(); failed != nil {
		return answer{Code: fmt.Sprint(failed.GetErrorCode()), Text: failed.GetErrorMessage()}, stream.CloseSend()
	}
	set := &descriptorpb.FileDescriptorSet{}
	for _, encoded := range reply.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(encoded, file); err != nil {
			return answer{}, err
		}
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return answer{}, fmt.Errorf("the files do not link: %w", err)
	}
	compared := fmt.Sprintf("%d files", files.NumFiles())
	return answer{Code: "OK", Text: compared, Names: sorted(differences(files))}, stream.CloseSend()
}

func differences(files *protoregistry.Files) []string {
	found := []string{}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			found = append(found, compareMessage(file.Messages().Get(i))...)
		}
		for i := range file.Services().Len() {
			found = append(found, compareService(file.Services().Get(i))...)
		}
		for i := range file.Enums().Len() {
			found = append(found, compareEnum(file.Enums().Get(i))...)
		}
		return true
	})
	return found
}

func compareMessage(ours protoreflect.MessageDescriptor) []string {
	known, err := protoregistry.GlobalFiles.FindDescriptorByName(ours.FullName())
	if err != nil {
		return []string{fmt.Sprintf("%s: upstream has none", ours.FullName())}
	}
	theirs := known.(protoreflect.MessageDescriptor)
	found := []string{}
	if ours.Fields().Len() != theirs.Fields().Len() || ours.IsMapEntry() != theirs.IsMapEntry() {
		found = append(found, fmt.Sprintf("%s: another number of fields", ours.FullName()))
	}
	for i := range ours.Fields().Len() {
		mine := ours.Fields().Get(i)
		other := theirs.Fields().ByNumber(mine.Number())
		if other == nil || describe(mine) != describe(other) {
			found = append(found, string(mine.FullName()))
		}
	}
	for i := range ours.Messages().Len() {
		found = append(found, compareMessage(ours.Messages().Get(i))...)
	}
	for i := range ours.Enums().Len() {
		found = append(found, compareEnum(ours.Enums().Get(i))...)
	}
	return found
}

func describe(field protoreflect.FieldDescriptor) string {
	of, in := "", ""
	if field.Message() != nil {
		of = string(field.Message().FullName())
	}
	if field.Enum() != nil {
		of = string(field.Enum().FullName())
	}
	if field.ContainingOneof() != nil {
		in = string(field.ContainingOneof().FullName())
	}
	return fmt.Sprint(field.FullName(), field.JSONName(), field.Kind(), field.Cardinality(), field.IsPacked(), of, in)
}

func compareEnum(ours protoreflect.EnumDescriptor) []string {
	known, err := protoregistry.GlobalFiles.FindDescriptorByName(ours.FullName())
	if err != nil {
		return []string{fmt.Sprintf("%s: upstream has none", ours.FullName())}
	}
	theirs := known.(protoreflect.EnumDescriptor)
	found := []string{}
	for i := range ours.Values().Len() {
		value := ours.Values().Get(i)
		if other := theirs.Values().ByNumber(value.Number()); other == nil || other.Name() != value.Name() {
			found = append(found, string(value.FullName()))
		}
	}
	return found
}

func compareService(ours protoreflect.ServiceDescriptor) []string {
	known, err := protoregistry.GlobalFiles.FindDescriptorByName(ours.FullName())
	if err != nil {
		return []string{fmt.Sprintf("%s: upstream has none", ours.FullName())}
	}
	theirs := known.(protoreflect.ServiceDescriptor)
	found := []string{}
	if ours.Methods().Len() != theirs.Methods().Len() {
		found = append(found, fmt.Sprintf("%s: another number of methods", ours.FullName()))
	}
	for i := range ours.Methods().Len() {
		mine := ours.Methods().Get(i)
		other := theirs.Methods().ByName(mine.Name())
		if other == nil || describeMethod(mine) != describeMethod(other) {
			found = append(found, string(mine.FullName()))
		}
	}
	return found
}

func describeMethod(m protoreflect.MethodDescriptor) string {
	return fmt.Sprint(m.Input().FullName(), m.Output().FullName(), m.IsStreamingClient(), m.IsStreamingServer())
}
