/**
 * One exposition of several: lines of one metric stand together under one header, as the format demands. The inputs differ
 * in their labels. SPEC: Prometheus text exposition format 0.0.4, "Comments, help text, and type information"
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, { header: string[]; samples: string[] }>();
  for (const text of texts) {
    let family: { header: string[]; samples: string[] } | undefined;
    let isNew = false;
    for (const line of text.split('\n')) {
      const name = /^# HELP (\S+)/.exec(line)?.[1];
      if (name !== undefined) {
        family = families.get(name);
        isNew = family === undefined;
        family ??= { header: [], samples: [] };
        families.set(name, family);
      }
      if (line === '' || family === undefined) continue;
      if (!line.startsWith('#')) family.samples.push(line);
      else if (isNew) family.header.push(line);
    }
  }
  return [...families.values()].map(({ header, samples }) => `${[...header, ...samples].join('\n')}\n`).join('\n');
}
