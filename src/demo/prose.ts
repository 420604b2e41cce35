import type { Random } from './random.ts';

// Enough words that text compresses like real conversations (4 to 6:1 with JSON around it), few enough to read.
const SUBJECTS =
  'the deploy|the billing export|our staging cluster|the nightly backup|this migration|the search index|the login page|the invoice template|the on-call rota|the webhook consumer|the cache layer|the pricing sheet|the customer import|the release branch|the vendor contract|the data warehouse|the mobile build|the status page|the retry queue|the audit log|the feature flag|the onboarding checklist|the rate limiter|the payment provider|the café order list'.split(
    '|',
  );
const VERBS =
  'timed out|finished|needs a second look|was rolled back|is blocked|has drifted|looks healthy|was approved|keeps failing|went out|is waiting for review|was moved|doubled in size|stopped reporting|is green again|was renamed|lost its owner|is half done|got slower|no longer matches the runbook'.split(
    '|',
  );
const TAILS =
  'after the last change|since Tuesday morning|for three customers in the EU|when the second replica restarts|because the token had expired|although nobody touched it|during the load test|as soon as traffic picks up|before the quarterly review|on the older hosts only|with the new defaults|while the queue was draining|according to the dashboard|and I could not reproduce it locally|so I opened a ticket|unless we pin the version'.split(
    '|',
  );
const ASKS =
  'can you check|please summarise|what do we know about|could you compare|remind me tomorrow about|draft a reply on|find the owner of|list everything that depends on|who signed off|what changed in'.split(
    '|',
  );
const NAMES = 'maria|jonas|priya|tomás|ellen|wei|fatima|oskar|lucia|ben'.split('|');
const PATHS =
  'src/api/routes|infra/terraform/modules|services/billing/jobs|packages/ui/components|scripts/release|docs/runbooks|config/environments|tests/integration'.split(
    '|',
  );
const FILES =
  'index.ts|main.tf|worker.py|README.md|values.yaml|schema.sql|handler.go|package.json|deploy.sh'.split('|');
const LEVELS = ['INFO', 'INFO', 'INFO', 'WARN', 'DEBUG', 'ERROR'];

export function sentence(random: Random): string {
  const text = `${random.pick(SUBJECTS)} ${random.pick(VERBS)} ${random.pick(TAILS)}`;
  const detail = random.next();
  if (detail < 0.25) return capitalised(`${text} (see #${random.int(1000, 9999)}).`);
  if (detail < 0.4) {
    return capitalised(`${random.pick(NAMES)} says ${text}, about ${random.int(2, 98)} % of the time.`);
  }
  return capitalised(`${text}.`);
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function question(random: Random): string {
  return `${capitalised(random.pick(ASKS))} ${random.pick(SUBJECTS)}? ${sentence(random)}`;
}

/** At least `chars` characters of sentences, in paragraphs. */
export function paragraphs(random: Random, chars: number): string {
  let text = sentence(random);
  while (text.length < chars) text += (random.next() < 0.12 ? '\n\n' : ' ') + sentence(random);
  return text;
}

export function filePath(random: Random): string {
  return `${random.pick(PATHS)}/${random.pick(FILES)}`;
}

/** What a tool printed: log lines, a listing or a search result. */
export function toolOutput(random: Random, chars: number): string {
  const line = random.pick([logLine, listingLine, matchLine]);
  let text = '';
  while (text.length < chars) text += `${line(random)}\n`;
  return text;
}

function logLine(random: Random): string {
  const time = `${random.int(10, 23)}:${random.int(10, 59)}:${random.int(10, 59)}.${random.int(100, 999)}`;
  return `${time} ${random.pick(LEVELS)} [${random.hex(8)}] ${random.pick(SUBJECTS)} ${random.pick(VERBS)} in ${random.int(3, 4000)} ms`;
}

function listingLine(random: Random): string {
  return `-rw-r--r-- 1 deploy deploy ${String(random.int(120, 980_000)).padStart(8)} Oct ${random.int(10, 28)} ${filePath(random)}`;
}

function matchLine(random: Random): string {
  return `${filePath(random)}:${random.int(1, 900)}: // ${sentence(random)}`;
}
