import { readFile } from 'node:fs/promises';
import { parse } from 'jsonc-parser';
import { describe, expect, test } from 'vitest';
import { configJsonSchema, withKeyTable } from '../../src/config/config-docs.ts';
import { variableFor } from '../../src/config/config-environment.ts';
import { configSchema } from '../../src/config/config-schema.ts';
import { listKeys } from '../../src/config/key-doc.ts';

const committed = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

describe('what is generated from the config schema', () => {
  test('config.schema.json is what scripts/write-config-schema.ts writes', async () => {
    expect(await committed('config.schema.json')).toBe(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  });

  test('the table of docs/config.md is what scripts/write-config-schema.ts writes', async () => {
    const markdown = await committed('docs/config.md');
    expect(markdown).toContain('| `retention.protectedPruneAfter` | off |');
    expect(withKeyTable(markdown)).toBe(markdown);
  });

  test('every key has a description in the JSON Schema and a variable of its own', () => {
    const keys = listKeys(configSchema);
    const schema = configJsonSchema();
    for (const { path, doc } of keys) {
      const property = path.reduce<Record<string, unknown>>(
        (node, name) => (node.properties as Record<string, Record<string, unknown>>)[name] ?? {},
        schema,
      );
      expect(property.description).toContain(doc.about);
    }
    expect(new Set(keys.map(({ path }) => variableFor(path))).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThan(25);
  });

  test('the example of docs/config.md is a valid config', async () => {
    const [, example = ''] = /```jsonc\n(.*?)```/s.exec(await committed('docs/config.md')) ?? [];
    const { $schema, ...value } = parse(example, [], { allowTrailingComma: true }) as Record<string, unknown>;
    expect($schema).toContain('config.schema.json');
    expect(configSchema.parse(value).retention.protectedPruneAfter).toBe(90 * 86_400_000);
  });
});
