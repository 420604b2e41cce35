import { describe, expect, test } from 'vitest';
import { chooseOfSubject, type SubjectSearch } from '../../src/forget/choose.ts';
import { type SearchProgress, searchedFiles } from '../../src/forget/search-transcripts.ts';
import type { FileKind, ManifestFile } from '../../src/manifest/manifest.ts';
import { FaultHome } from '../support/faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = (kind: FileKind, isKept = true): ManifestFile => ({
  kind,
  name: kind,
  size: 1,
  sha256: '',
  mode: 0o600,
  mtimeMs: 0,
  place: isKept ? { frame: 0, offset: 0 } : null,
});
const searched = (...files: ManifestFile[]) => searchedFiles({ files }).map(({ kind }) => kind);

describe('what is read of a session', () => {
  test('is every transcript, and no flight recorder beside one', () => {
    const kinds = [
      'transcript',
      'trajectory',
      'reset',
      'deleted',
      'backup',
      'checkpoint',
      'pointer',
    ] as const;
    expect(searched(...kinds.map((kind) => file(kind)))).toEqual([
      ...['transcript', 'reset', 'deleted', 'backup', 'checkpoint'],
    ]);
  });

  test('is the flight recorder where nothing else is left', () => {
    expect(searched(file('trajectory'), file('pointer'))).toEqual(['trajectory']);
    expect(searched(file('transcript', false), file('trajectory'))).toEqual(['trajectory']);
  });

  test('is nothing where no bytes were kept', () => {
    expect(searched(file('transcript', false), file('trajectory', false))).toEqual([]);
  });
});

describe('a search through an archive', () => {
  async function searchFor(subject: string, more: Partial<SubjectSearch> = {}) {
    const home = await FaultHome.create(await temporaryFolder());
    await home.run();
    const archive = await home.archive();
    const told: SearchProgress[] = [];
    const { lines } = await chooseOfSubject(archive, await archive.catalogue(), {
      subject,
      agentIds: undefined,
      transcripts: true,
      isLeftOut: () => false,
      onDamage: (what, error) => {
        throw new Error(what, { cause: error });
      },
      onProgress: (progress) => told.push(progress),
      ...more,
    });
    return { lines, told };
  }

  test('tells how far it is, from nothing to all of it', async () => {
    // Transcripts of threads have their own names in them.
    const { lines, told } = await searchFor('topic');
    expect(lines.size).toBeGreaterThan(0);
    const { filesTotal, bytesTotal } = told[0] as SearchProgress;
    expect(filesTotal).toBeGreaterThanOrEqual(lines.size);
    expect(told[0]).toMatchObject({ filesDone: 0, bytesDone: 0 });
    expect(told.at(-1)).toEqual({ filesDone: filesTotal, bytesDone: bytesTotal, filesTotal, bytesTotal });
    const bytes = told.map(({ bytesDone }) => bytesDone);
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
  });

  test('reads nothing of what is forgotten already', async () => {
    const { lines, told } = await searchFor('topic', { isLeftOut: () => true });
    expect(lines.size).toBe(0);
    expect(told).toEqual([{ filesDone: 0, filesTotal: 0, bytesDone: 0, bytesTotal: 0 }]);
  });
});
