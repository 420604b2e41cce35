import type { Mark } from './mark.ts';

/** What all marks together say. Pure. */
export class Marks {
  /** How many there are. */
  readonly count: number;
  readonly pinned: ReadonlySet<string>;
  /** Archive id → since when, in epoch milliseconds. None of them is pinned. */
  readonly forgotten: ReadonlyMap<string, number>;
  /** Undefined where there is none. */
  readonly newestId: string | undefined;

  private constructor(
    count: number,
    pinned: ReadonlySet<string>,
    forgotten: ReadonlyMap<string, number>,
    newestId: string | undefined,
  ) {
    this.count = count;
    this.pinned = pinned;
    this.forgotten = forgotten;
    this.newestId = newestId;
  }

  /**
   * In the order of their ids. A pin beats a forget whichever came first, and for good: what is unpinned again is not
   * forgotten by what was said before.
   */
  static fold(marks: readonly Mark[]): Marks {
    const pinned = new Set<string>();
    const forgotten = new Map<string, number>();
    const ordered = [...marks].sort((a, b) => (a.markId < b.markId ? -1 : 1));
    for (const { kind, at, archiveIds } of ordered) {
      for (const id of archiveIds) {
        if (kind === 'pin') pinned.add(id);
        if (kind === 'unpin') pinned.delete(id);
        if (kind === 'pin' || kind === 'unforget') forgotten.delete(id);
        if (kind === 'forget' && !pinned.has(id) && !forgotten.has(id)) forgotten.set(id, Date.parse(at));
      }
    }
    return new Marks(ordered.length, pinned, forgotten, ordered.at(-1)?.markId);
  }

  isPinned(archiveId: string): boolean {
    return this.pinned.has(archiveId);
  }

  isForgotten(archiveId: string): boolean {
    return this.forgotten.has(archiveId);
  }

  /** From when on `gc` may delete it, in epoch milliseconds. Undefined: it is not forgotten. */
  deletableFromMs(archiveId: string, graceMs: number): number | undefined {
    const atMs = this.forgotten.get(archiveId);
    return atMs === undefined ? undefined : atMs + graceMs;
  }

  /** What has been forgotten for the whole grace. A mark from the future is due that much later. */
  due(nowMs: number, graceMs: number): string[] {
    return [...this.forgotten].flatMap(([id, atMs]) => (atMs + graceMs <= nowMs ? [id] : []));
  }
}
