/**
 * Settings of stores and integrations as the API takes and shows them. All of it comes from the definition: what may be saved is
 * the definition's own schema; its secret fields are write-only, kept when a PUT leaves them out, and shown as `{ configured }`.
 */
import { z } from 'zod';
import { PianolaError } from '../errors.ts';
import { type Sealer, sealSecrets, type SettingsRecord } from '../storage/seal.ts';

export interface Form {
  settings: z.ZodType;
  secretFields: readonly string[];
}

/** As stored; see `sealSecrets`. */
export interface StoredSettings {
  settings: SettingsRecord;
  sealed: Record<string, string>;
}

const configured = z.object({ configured: z.boolean() });

export interface PreparedSave {
  /** As the definition's schema gives them, secrets open. */
  wanted: SettingsRecord;
  settings: SettingsRecord;
  sealed: Record<string, string>;
  /** Names of the fields that differ from what is stored, for the audit log, which never sees values. None = nothing to save. */
  changed: string[];
}

/**
 * What a PUT would store.
 * @param body as sent. A secret left out, or sent back as it was shown, stays; null removes it. `version` is ignored, so that
 *   what GET answers can be PUT again
 * @throws PianolaError settings_invalid naming the field
 */
export function prepareSave(
  form: Form,
  body: SettingsRecord,
  stored: StoredSettings | undefined,
  sealer: Sealer,
  place: string,
): PreparedSave {
  const { version: _, ...given } = body;
  const before: SettingsRecord = {};
  const kept: SettingsRecord = {};
  for (const field of form.secretFields) {
    const isKept = given[field] === undefined || configured.safeParse(given[field]).success;
    if (isKept || given[field] === null) delete given[field];
    const sealed = stored?.sealed[field];
    if (sealed === undefined) continue;
    before[field] = opened(sealer, sealed, `${place}/${field}`);
    if (isKept && before[field] === undefined) {
      throw new PianolaError(
        'settings_invalid',
        `${field}: was sealed with a key this server no longer has; enter it again.`,
      );
    }
    if (isKept) kept[field] = before[field];
  }
  const parsed = form.settings.safeParse({ ...given, ...kept });
  if (!parsed.success) throw new PianolaError('settings_invalid', describe(parsed.error, form.secretFields));
  const wanted = parsed.data as SettingsRecord;
  const { open: settings, sealed } = sealSecrets(sealer, place, wanted, form.secretFields);
  const secrets = form.secretFields.filter((field) => canonical(wanted[field]) !== canonical(before[field]));
  return { wanted, settings, sealed, changed: [...changedFields(stored?.settings ?? {}, settings), ...secrets] };
}

/** Undefined when this server has not the key any more. */
function opened(sealer: Sealer, sealed: string, place: string): unknown {
  try {
    return JSON.parse(sealer.open(sealed, place));
  } catch {
    return undefined;
  }
}

function describe(error: z.ZodError, secretFields: readonly string[]): string {
  return error.issues
    .slice(0, 5)
    .map(({ path, message }) => {
      const field = path.join('.') || 'settings';
      // A schema's message may quote what it was given.
      return secretFields.includes(String(path[0]))
        ? `${field}: is not valid.`
        : `${field}: ${message.replace(/\.$/, '')}.`;
    })
    .join(' ');
}

/** What GET answers: settings, masked secrets, version. */
export function shownSettings(form: Form, stored: StoredSettings & { version: number }): SettingsRecord {
  const masked = Object.fromEntries(form.secretFields.map((field) => [field, { configured: field in stored.sealed }]));
  return { ...stored.settings, ...masked, version: stored.version };
}

export function changedFields(before: SettingsRecord, after: SettingsRecord): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return names.filter((name) => canonical(before[name]) !== canonical(after[name]));
}

/** JSON with its keys in order: jsonb gives them back in another order than they came. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? 'undefined'
  );
}

/** Accepts any object; the definition's schema judges it in `settingsToSave`. Documented as that schema. */
export function formInput(form: Form) {
  const { properties, required } = jsonSchema(form.settings, 'input');
  for (const field of form.secretFields) {
    const { type, description = '', ...known } = (properties[field] ?? {}) as { type?: string; description?: string };
    properties[field] = {
      ...known,
      ...(type !== undefined && { type: [type, 'null'] }),
      writeOnly: true,
      description: `${description} Secret: kept when left out, removed by null.`.trim(),
    };
  }
  return z.looseObject({}).meta({
    properties,
    required: required.filter((field) => !form.secretFields.includes(field)),
    additionalProperties: false,
  });
}

/** Documented as the schema's output, secrets as `{ configured }`. */
export function formAnswer(form: Form) {
  const { properties, required } = jsonSchema(form.settings, 'output');
  for (const field of form.secretFields) {
    properties[field] = {
      type: 'object',
      properties: { configured: { type: 'boolean' } },
      required: ['configured'],
      readOnly: true,
    };
  }
  properties['version'] = { type: 'integer', description: 'Counts the saved changes, from 1.', readOnly: true };
  return z.looseObject({}).meta({ properties, required: [...new Set([...required, ...form.secretFields, 'version'])] });
}

function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
): { properties: Record<string, object>; required: string[] } {
  const json = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return { properties: { ...json.properties }, required: json.required ?? [] };
}

/** `at-internet` → `AtInternet`, for operation ids. */
export function pascal(id: string): string {
  return id.replaceAll(/(?:^|-)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
