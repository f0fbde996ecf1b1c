import { beforeAll, describe, expect, it } from 'vitest';
import { describeConfig } from './config.ts';
import { ERRORS } from './errors.ts';
import { EVENT_CODES } from './events/catalogue.ts';
import { generatePages } from './generate.ts';

let pages: Record<string, string>;
beforeAll(async () => {
  pages = await generatePages();
});

describe('generatePages', () => {
  it('gives the same pages every time', async () => {
    expect(await generatePages()).toEqual(pages);
  });

  it('leaves nothing out', () => {
    for (const code of Object.keys(ERRORS)) expect(pages['errors.md']).toContain(`| \`${code}\` | `);
    for (const code of EVENT_CODES) expect(pages['events.md']).toContain(`| \`${code}\``);
    for (const { name } of describeConfig()) expect(pages['configuration.md']).toContain(`| \`${name}\` | `);
  });

  it('writes an OpenAPI document whose every reference leads somewhere', () => {
    const document = JSON.parse(pages['openapi.json']!) as { openapi: string; components: { schemas: object } };
    expect(document.openapi).toBe('3.1.0');
    const references = [...pages['openapi.json']!.matchAll(/"\$ref": "#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect([...new Set(references)].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
  });
});
