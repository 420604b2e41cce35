import { chooseSelected } from '../forget/choose.ts';
import type { MarkKind } from '../marks/mark.ts';
import type { Marks } from '../marks/marks.ts';
import { EXIT, installationFrom, print, type Verb, warnOfDamage } from './context.ts';
import { count } from './format.ts';
import { describeRows, markHeld, rowToJson } from './marking.ts';
import { openArchiveToRead } from './open-archive.ts';

interface MarkFlags {
  readonly generation?: number;
}

type Holding = Exclude<MarkKind, 'forget'>;

interface MarkVerb {
  /** Whether it would change anything about a generation. */
  readonly applies: (marks: Marks, archiveId: string) => boolean;
  readonly done: string;
  readonly nothing: string;
}

const VERBS: Readonly<Record<Holding, MarkVerb>> = {
  pin: {
    applies: (marks, id) => !marks.isPinned(id),
    done: 'pinned: neither forget nor gc touches what is, until clawback unpin',
    nothing: 'all of it is pinned already',
  },
  unpin: {
    applies: (marks, id) => marks.isPinned(id),
    done: 'pinned no longer',
    nothing: 'nothing of it is pinned',
  },
  unforget: {
    applies: (marks, id) => marks.isForgotten(id),
    done: 'forgotten no longer',
    nothing: 'nothing of it is forgotten',
  },
};

/** The verbs that hold something back, or let go of it. None of them loses anything, so none asks. */
function marking(kind: Holding): Verb<MarkFlags> {
  return async (io, flags, selector = '') => {
    const { applies, done, nothing } = VERBS[kind];
    const installation = await installationFrom(io, flags);
    const archive = await openArchiveToRead(installation, io);
    const options = { onDamage: warnOfDamage(io), signal: io.signal };
    const [rows, marks] = await Promise.all([
      archive.catalogue({ ...options, withBegun: true }),
      archive.marks({ signal: io.signal }),
    ]);
    const chosen = await chooseSelected(archive, rows, selector, flags.agent, flags.generation, options);
    const changed = chosen.filter((row) => applies(marks, row.archive_id));
    const archiveIds = changed.map((row) => row.archive_id);
    if (archiveIds.length > 0)
      await markHeld(archive, kind, archiveIds, installation.clock.nowMs(), io.signal);
    const json = {
      schema: `clawback.${kind}/1`,
      archive: archive.objects.url,
      instance: archive.instance,
      sessions: changed.map(rowToJson),
      unchanged: chosen.length - changed.length,
    };
    print(io, flags, json, () =>
      changed.length === 0
        ? nothing
        : `${describeRows(changed)}\n${count(changed.length, 'session')} ${done}`,
    );
    return EXIT.done;
  };
}

export const pin = marking('pin');
export const unpin = marking('unpin');
export const unforget = marking('unforget');
