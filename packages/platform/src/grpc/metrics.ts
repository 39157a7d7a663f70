import { LATENCY_BUCKETS, type Metrics } from '../metrics.ts';
import { grpcCodeName } from './status.ts';

export interface MethodLabels {
  readonly grpc_type: 'unary' | 'server_stream' | 'bidi_stream';
  readonly grpc_service: string;
  readonly grpc_method: string;
}

export interface GrpcMetrics {
  started(labels: MethodLabels): void;
  received(labels: MethodLabels): void;
  sent(labels: MethodLabels): void;
  handled(labels: MethodLabels, code: number, seconds: number): void;
}

const LABELS = ['grpc_type', 'grpc_service', 'grpc_method'] as const;

/** Names and labels of go-grpc-middleware, which existing dashboards read. Only served methods become labels. */
export function grpcMetrics(metrics: Metrics): GrpcMetrics {
  const counter = (name: string, help: string) => metrics.counter({ name, help, labelNames: LABELS });
  const started = counter('grpc_server_started_total', 'Calls begun on the server');
  const received = counter('grpc_server_msg_received_total', 'Messages received by the server');
  const sent = counter('grpc_server_msg_sent_total', 'Messages sent by the server');
  const handled = metrics.counter({
    name: 'grpc_server_handled_total',
    help: 'Calls ended on the server, by code',
    labelNames: [...LABELS, 'grpc_code'] as const,
  });
  const seconds = metrics.histogram({
    name: 'grpc_server_handling_seconds',
    help: 'Time from the head of a call to its end',
    labelNames: LABELS,
    buckets: LATENCY_BUCKETS,
  });
  return {
    started: (labels) => started.inc({ ...labels }),
    received: (labels) => received.inc({ ...labels }),
    sent: (labels) => sent.inc({ ...labels }),
    handled(labels, code, took) {
      handled.inc({ ...labels, grpc_code: grpcCodeName(code) });
      seconds.observe({ ...labels }, took);
    },
  };
}
