/** A row as it is shown. */
export interface ShownRow {
  step: string;
  fault: string;
  done: boolean;
  told: string;
  reconnects: boolean;
}

/** The fault table in Markdown. Each row is a test that ends with fsck, so a row that is shown holds. */
export function tableOf(rows: readonly ShownRow[]): string {
  const lines = rows.map(({ step, fault, done, told, reconnects }) => {
    const goesOn = reconnects ? 'yes, on a new connection' : 'yes';
    return `| ${step} | ${fault} | ${done ? 'done' : 'not done'} | ${told} | ${goesOn} | sound |`;
  });
  const head =
    '| Step | Fault | The step was | The caller is told | The log goes on | fsck |\n|---|---|---|---|---|---|';
  return `${head}\n${lines.join('\n')}\n`;
}
