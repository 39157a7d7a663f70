import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface MetricOptions<L extends string> {
  /** Prometheus name with its unit: `sigstead_log_entries_total`, `…_seconds`. */
  name: string;
  help: string;
  /** Low cardinality only: never a subject, a path as sent, or anything a client chooses freely. */
  labelNames?: readonly L[];
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  buckets?: readonly number[];
}

/**
 * One registry for one process. Asking again for a metric of the same name gives the same object, so that two
 * servers or two logs of one process share it.
 */
export interface Metrics {
  counter<L extends string = string>(options: MetricOptions<L>): Counter<L>;
  gauge<L extends string = string>(options: MetricOptions<L>): Gauge<L>;
  histogram<L extends string = string>(options: HistogramOptions<L>): Histogram<L>;
  readonly registry: Registry;
  readonly contentType: string;
  /** The text exposition format. */
  text(): Promise<string>;
}

export type { Counter, Gauge, Histogram } from 'prom-client';

/** Seconds from 1 ms to 10 s: requests, commits, signatures. */
export const LATENCY_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export function createMetrics(): Metrics {
  const registry = new Registry();

  function once<M>(name: string, kind: new (...args: never[]) => M, make: () => M): M {
    const known: unknown = registry.getSingleMetric(name);
    if (known === undefined) return make();
    if (!(known instanceof kind)) throw new Error(`metric ${name} exists with another type`);
    return known;
  }

  return {
    registry,
    contentType: registry.contentType,
    text: () => registry.metrics(),
    counter: <L extends string>(o: MetricOptions<L>) =>
      once(o.name, Counter<L>, () => new Counter<L>({ ...base(o), registers: [registry] })),
    gauge: <L extends string>(o: MetricOptions<L>) =>
      once(o.name, Gauge<L>, () => new Gauge<L>({ ...base(o), registers: [registry] })),
    histogram: <L extends string>(o: HistogramOptions<L>) =>
      once(
        o.name,
        Histogram<L>,
        () => new Histogram<L>({ ...base(o), buckets: [...(o.buckets ?? LATENCY_BUCKETS)], registers: [registry] }),
      ),
  };
}

function base<L extends string>(options: MetricOptions<L>): { name: string; help: string; labelNames: L[] } {
  return { name: options.name, help: options.help, labelNames: [...(options.labelNames ?? [])] };
}
