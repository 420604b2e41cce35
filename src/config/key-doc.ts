import { z } from 'zod';

/** What people read about one key: in the table of `docs/config.md`, the JSON Schema and the error messages. */
export interface KeyDoc {
  /** What it decides, as a sentence. */
  readonly about: string;
  /** The values that are taken, after "allowed:". */
  readonly allowed: string;
  /** The default as people write it; "not set" where the key has none. */
  readonly fallback: string;
  /** How its text in an environment variable is read. */
  readonly kind: 'text' | 'integer' | 'boolean';
  /** The value is never shown: not by doctor, not in an error. @default false */
  readonly isSecret?: boolean;
  /** Replaces the generated JSON Schema, where the check is code. */
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
}

const keyDocs = z.registry<KeyDoc>();

/** Makes `schema` a key of the config. Every leaf of the config schema goes through here. */
export function key<Schema extends z.ZodType>(schema: Schema, doc: KeyDoc): Schema {
  keyDocs.add(schema, doc);
  return schema;
}

/** A key whose check is code: `read` returns the value to use or says what is wrong. */
export function checked<Value>(
  read: (given: unknown) => { readonly value: Value } | { readonly problem: string },
) {
  return z.unknown().transform((given, context): Value => {
    const reading = read(given);
    if ('value' in reading) return reading.value;
    context.issues.push({ code: 'custom', message: reading.problem, input: given });
    return z.NEVER;
  });
}

/** A key as a place in the config: its path and what is written about it. */
export interface ConfigKey {
  readonly path: readonly string[];
  readonly doc: KeyDoc;
}

/** Every key of `schema`, in the order of its definition. */
export function listKeys(schema: z.ZodType, path: readonly string[] = []): ConfigKey[] {
  const doc = keyDocs.get(schema);
  if (doc) return [{ path, doc }];
  const { shape } = unwrap(schema) as z.ZodObject;
  return Object.entries(shape).flatMap(([name, child]) => listKeys(child as z.ZodType, [...path, name]));
}

/** The JSON Schema of what people may write, with every description. */
export function toJsonSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const doc = keyDocs.get(zodSchema as unknown as z.ZodType);
      if (!doc) return;
      Object.assign(jsonSchema, { description: `${doc.about} Default: ${doc.fallback}.` }, doc.jsonSchema);
    },
  });
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodPrefault ? (schema.unwrap() as z.ZodType) : schema;
}
