import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../src/errors.ts';
import { RULES } from './rules.ts';
import { importsOf, readSources, withoutComments } from './source.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = readSources(root, ['server', 'sdk', 'simulator', 'bench', 'console'], ['.ts', '.tsx', '.sql']);

describe('the rules of the house', () => {
  test('there is something to check', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.some((file) => file.path === 'server/test/rules.test.ts')).toBe(true);
  });

  describe.each(RULES.map((rule) => [rule.name, rule] as const))('%s', (_, rule) => {
    test('holds', () => expect(rule.breaches(files)).toEqual([]));
    test('bites', () => expect(rule.breaches([rule.bites])).toHaveLength(1));
  });
});

test('the error page lists exactly the error codes, with their status', () => {
  const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8');
  const listed = [...page.matchAll(/^\|\s*`([a-z_]+)`\s*\|\s*(\d{3})\s*\|/gm)].map(
    ([, code, status]) => `${code} ${status}`,
  );
  const known = Object.entries(ERRORS).map(([code, [status]]) => `${code} ${status}`);
  expect(listed.toSorted()).toEqual(known.toSorted());
});

test('every link between our pages leads somewhere', () => {
  const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map((page) => join(root, page));
  for (const entry of readdirSync(join(root, 'docs'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.md')) pages.push(join(entry.parentPath, entry.name));
  }
  const dead = pages.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !existsSync(join(page, '..', link)))
      .map((link) => `${page.slice(root.length)}: ${link}`),
  );
  expect(dead).toEqual([]);
});

describe('reading source', () => {
  test('comments are blanked, strings and regular expressions stay', () => {
    const text = "const a = 'x // y'; // gone\nconst b = /['/*]+/g; /* gone\n too */ const c = `// stays`;";
    const code = withoutComments(text);
    expect(code).not.toContain('gone');
    expect(code).not.toContain('too');
    expect(code).toContain("'x // y'");
    expect(code).toContain("/['/*]+/g;");
    expect(code).toContain('`// stays`');
    expect(code.split('\n')).toHaveLength(3);
  });

  test('finds every form of import', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type {\n  B,\n} from '../b.ts';",
      "export * from './c.ts';",
      "import 'reflect-metadata';",
      "const d = await import('./d.ts');",
      "// import { no } from './no.ts';",
    ].join('\n');
    expect(importsOf({ path: 'server/src/x/y.ts', text })).toEqual([
      { specifier: './a.ts', target: 'server/src/x/a.ts', typeOnly: false },
      { specifier: '../b.ts', target: 'server/src/b.ts', typeOnly: true },
      { specifier: './c.ts', target: 'server/src/x/c.ts', typeOnly: false },
      { specifier: 'reflect-metadata', target: null, typeOnly: false },
      { specifier: './d.ts', target: 'server/src/x/d.ts', typeOnly: false },
    ]);
  });
});
