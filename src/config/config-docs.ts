import { variableFor } from './config-environment.ts';
import { configSchema } from './config-schema.ts';
import { listKeys, toJsonSchema } from './key-doc.ts';

const BEGIN = '<!-- keys: written by scripts/write-config-schema.ts -->';
const END = '<!-- /keys -->';

/** The JSON Schema of `clawback.json`, for editors and for checks before a rollout. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, properties, ...rest } = toJsonSchema(configSchema) as {
    $schema: string;
    properties: object;
  };
  return {
    $schema,
    title: 'clawback.json',
    ...rest,
    properties: {
      $schema: { type: 'string', description: 'Where editors find this schema.' },
      ...properties,
    },
  };
}

/** Replaces the table of keys in the text of `docs/config.md`. */
export function withKeyTable(markdown: string): string {
  const begin = markdown.indexOf(BEGIN);
  const end = markdown.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`write the table of keys: no ${BEGIN} … ${END}`);
  return `${markdown.slice(0, begin + BEGIN.length)}\n\n${keyTable()}\n\n${markdown.slice(end)}`;
}

function keyTable(): string {
  const rows = listKeys(configSchema).map(({ path, doc }) =>
    [`\`${path.join('.')}\``, doc.fallback, doc.allowed, doc.about, `\`${variableFor(path)}\``]
      .map(cell)
      .join(' | '),
  );
  const head = 'key | default | allowed | what it decides | in the environment';
  return [head, '--- | --- | --- | --- | ---', ...rows].map((row) => `| ${row} |`).join('\n');
}

/** Text inside a cell; `<` would open a tag outside of code. */
function cell(text: string): string {
  return text.startsWith('`')
    ? text
    : text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*');
}
