/** A screen that somebody may be looking at. */
export interface Terminal {
  /** Characters that fit on a line at this moment. */
  columns(): number;
  readonly hasColour: boolean;
  /** What to write for a line in place of the one where the cursor is; empty clears it. */
  replaceLine(line: string): string;
}

/** Of a terminal that does not say. */
const USUAL_COLUMNS = 80;

/** Undefined for a pipe, a file, and a terminal that cannot move its cursor. */
export function terminalOf(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Terminal | undefined {
  if (stream.isTTY !== true || env.TERM === 'dumb') return undefined;
  return {
    columns: () => stream.columns || USUAL_COLUMNS,
    hasColour: (env.NO_COLOR ?? '') === '',
    // To the left edge, the line, and nothing of an older one behind it.
    replaceLine: (line) => `\r${line}\u001b[K`,
  };
}
