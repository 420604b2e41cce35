/** Names, and what each says; the order of the file. All are gauges: they tell of one run, or of one look. */
export const METRICS = {
  clawback_last_run_timestamp_seconds: 'When the last run ended, whatever came of it.',
  clawback_last_success_timestamp_seconds: 'When a run last ended with exit code 0.',
  clawback_last_run_duration_seconds: 'How long the last run took.',
  clawback_last_run_exit_code:
    'Its exit code: 0 done, 1 failed, 2 usage, 3 some sessions failed, 130 interrupted.',
  clawback_last_run_archived_sessions: 'Sessions that the last run archived, by the rule that selected them.',
  clawback_last_run_removed_tombstones: 'Tombstones of long archived conversations that it removed.',
  clawback_last_run_kept_rows: 'Rows that the plan of the last run kept, by reason.',
  clawback_last_run_kept_protected_rows: 'The protected ones among them.',
  clawback_last_run_left_alone_sessions: 'Sessions that it was to archive and that stay, by reason.',
  clawback_last_run_failures: 'Failures of sessions and of the run, by error code.',
  clawback_last_run_archived_files: 'Files that the last run archived.',
  clawback_last_run_archived_raw_bytes: 'Their size.',
  clawback_last_run_stored_bytes: 'What it stored for them in the archive.',
  clawback_last_run_reclaimed_files: 'Files that it removed from the disk.',
  clawback_last_run_freed_bytes: 'Disk space that it freed, in blocks.',
  clawback_last_run_deleted_sessions: 'Forgotten session generations that it deleted from the archive.',
  clawback_measured_timestamp_seconds: 'When rows, disk and archive were last counted.',
  clawback_rows: 'Rows of the session stores, by class; the classes do not overlap.',
  clawback_disk_bytes: 'Blocks that the sessions folders hold, by kind of file.',
  clawback_disk_files: 'Files in the sessions folders, by kind.',
  clawback_disk_budget_bytes: 'The disk budget, where one is set.',
  clawback_disk_high_water_bytes: 'What is freed down to once over the budget.',
  clawback_disk_over_budget: '1 while the disk is over its budget, else 0.',
  clawback_archive_sessions: 'Session generations in the archive of this instance.',
  clawback_archive_raw_bytes: 'Size of their files.',
  clawback_archive_stored_bytes: 'What they take there.',
} as const;

export type MetricName = keyof typeof METRICS;

export interface Sample {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const HEADER = '# Written by clawback after every run.';

/** The text format of Prometheus, version 0.0.4. A metric without a sample is left out. */
export function encodeSamples(samples: readonly Sample[]): string {
  const blocks = Object.entries(METRICS).flatMap(([name, help]) => {
    const lines = samples.filter((sample) => sample.name === name).map(encodeSample);
    return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines];
  });
  return `${[HEADER, ...blocks].join('\n')}\n`;
}

function encodeSample({ name, labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeValue(text)}"`);
  return `${name}{${pairs.join(',')}} ${value}`;
}

/** Whether a text is ours to write anew. */
export function isOurs(text: string): boolean {
  return text === '' || text.startsWith(HEADER);
}

/** What `encodeSamples` wrote. Lines that say nothing to this release are left out. */
export function decodeSamples(text: string): Sample[] {
  return text.split('\n').flatMap((line): Sample[] => {
    const [, name = '', labels = '', value = ''] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (!Object.hasOwn(METRICS, name) || !Number.isFinite(Number(value))) return [];
    return [{ name: name as MetricName, labels: decodeLabels(labels), value: Number(value) }];
  });
}

function decodeLabels(text: string): Record<string, string> {
  const pairs = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries([...pairs].map(([, label = '', value = '']) => [label, unescapeValue(value)]));
}

function escapeValue(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function unescapeValue(text: string): string {
  return text.replace(/\\(.)/g, (_all, character: string) => (character === 'n' ? '\n' : character));
}
