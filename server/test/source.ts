/** Reading our own source as data, for the rules: which files there are, what they import, their code without comments. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export interface SourceFile {
  /** From the repository's root, with `/`. */
  path: string;
  text: string;
}

export interface Import {
  /** As written: `./fact.ts`, `pino`, `node:fs`. */
  specifier: string;
  /** Of our own files: path from the root; null for packages. */
  target: string | null;
  /** Erased before the program runs. */
  typeOnly: boolean;
}

/** Every file below the folders of `root` that is ours, with one of the endings. */
export function readSources(root: string, folders: readonly string[], endings: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = posix.join(entry.parentPath.slice(root.length).replaceAll('\\', '/'), entry.name).replace(/^\//, '');
      if (!entry.isFile() || /(^|\/)(node_modules|\.pianola|dist)\//.test(path)) continue;
      if (endings.some((ending) => path.endsWith(ending)))
        files.push({ path, text: readFileSync(join(root, path), 'utf8') });
    }
  }
  return files;
}

/**
 * The code with comments blanked out (line feeds stay). Knows strings, templates and regular expressions well enough for
 * formatted code: a slash begins a regular expression when what stands before it cannot end an expression.
 */
export function withoutComments(text: string): string {
  let out = '';
  let at = 0;
  const copyTo = (end: number) => {
    out += text.slice(at, end);
    at = end;
  };
  while (at < text.length) {
    const char = text[at];
    const next = text[at + 1];
    if (char === '/' && next === '/') at = endOf(text, at, '\n');
    else if (char === '/' && next === '*') {
      const end = endOf(text, at + 2, '*/') + 2;
      out += text.slice(at, end).replaceAll(/[^\n]/g, ' ');
      at = end;
    } else if (char === "'" || char === '"' || char === '`') copyTo(closing(text, at, char));
    else if (char === '/' && /(^|[(,=:[!&|?{};+]|return|=>)\s*$/.test(out.slice(-20))) copyTo(closing(text, at, '/'));
    else copyTo(at + 1);
  }
  return out;
}

function endOf(text: string, from: number, mark: string): number {
  const end = text.indexOf(mark, from);
  return end < 0 ? text.length : end;
}

/** The index after the closing mark, past escapes and past a regular expression's character classes. */
function closing(text: string, from: number, mark: string): number {
  let inClass = false;
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (mark === '/' && char === '[') inClass = true;
    else if (mark === '/' && char === ']') inClass = false;
    else if (char === mark && !inClass) return at + 1;
  }
  return text.length;
}

const FROM = /\b(import|export)\s+(type\s)?[^'";]*?\bfrom\s*['"]([^'"]+)['"]/g;
const BARE = /(?:^|[;\n])\s*import\s*['"]([^'"]+)['"]/g;
const CALL = /\bimport\s*\(\s*['"]([^'"]+)['"]\s*\)/g;

export function importsOf(file: SourceFile): Import[] {
  const code = withoutComments(file.text);
  const imports: Import[] = [];
  const add = (specifier: string, typeOnly: boolean) => {
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : null;
    imports.push({ specifier, target, typeOnly });
  };
  for (const [, , type, specifier = ''] of code.matchAll(FROM)) add(specifier, type !== undefined);
  for (const [, specifier = ''] of code.matchAll(BARE)) add(specifier, false);
  for (const [, specifier = ''] of code.matchAll(CALL)) add(specifier, false);
  return imports;
}
