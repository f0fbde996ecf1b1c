/**
 * Verifies something Apple signed against Apple's real root and prints the verdict:
 *
 *   node server/scripts/verify-apple.ts <file> [--bundle-id com.example.app] [--at signed|now]
 *
 * The file holds a notification body (`{"signedPayload": …}`), JSON with `signedTransactionInfo` or `signedRenewalInfo`, or a bare
 * JWS. Certificates are dated by the signed date unless `--at now`. Exit code 0: genuine (and of that app, if one was named);
 * 1: not; 2: wrong usage.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isJson, type Json, parseJson, stringAt } from '../src/stores/apple/json.ts';
import { openJws } from '../src/stores/apple/jws.ts';
import { handInContent, notificationContent } from '../src/stores/apple/payload.ts';

const KEYS = ['signedPayload', 'signedTransactionInfo', 'signedRenewalInfo', 'signedTransaction'];

function usage(problem: string): never {
  console.error(`${problem}\nusage: node server/scripts/verify-apple.ts <file> [--bundle-id ID] [--at signed|now]`);
  process.exit(2);
}

function argumentsOf(): { file: string; bundleId: string | undefined; at: 'signed' | 'now' } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { 'bundle-id': { type: 'string' }, at: { type: 'string', default: 'signed' } },
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) return usage('Name one file.');
    if (values.at !== 'signed' && values.at !== 'now') return usage('--at is "signed" or "now".');
    return { file, bundleId: values['bundle-id'], at: values.at };
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

/** The signed string of a file, in whichever form it was saved. */
function signedOf(text: string): string {
  const json = parseJson(text);
  if (!json) return text.trim();
  for (const key of KEYS) {
    const signed = stringAt(json, key);
    if (signed !== undefined) return signed;
  }
  return usage(`The JSON has none of ${KEYS.join(', ')}.`);
}

/** Which app the payload names: a lone renewal info names none. */
function appOf(payload: Json, signedDate: number): { bundleId: string | undefined; fault: string | undefined } {
  if (stringAt(payload, 'autoRenewProductId') !== undefined) return { bundleId: undefined, fault: undefined };
  const lone = payload['transactionId'] !== undefined || payload['receiptType'] !== undefined;
  const content = lone ? handInContent(payload, signedDate) : notificationContent(payload, signedDate);
  if (typeof content === 'string') return { bundleId: undefined, fault: `its ${content} is not acceptable` };
  return { bundleId: content.bundleId, fault: undefined };
}

/** One line per field; signed strings inside are shortened, dates readable. */
function print(object: Json, indent: string): void {
  for (const [key, value] of Object.entries(object)) {
    if (isJson(value)) {
      console.log(`${indent}${key}:`);
      print(value, `${indent}  `);
    } else if (typeof value === 'string' && value.length > 120) {
      console.log(`${indent}${key}: ${value.slice(0, 40)}… (${value.length} characters)`);
    } else if (typeof value === 'number' && key.endsWith('Date')) {
      console.log(`${indent}${key}: ${value} (${new Date(value).toISOString()})`);
    } else {
      console.log(`${indent}${key}: ${JSON.stringify(value)}`);
    }
  }
}

function refuse(why: string): never {
  console.log(`REFUSED: ${why}`);
  process.exit(1);
}

const { file, bundleId, at } = argumentsOf();
const opened = openJws(signedOf(readFileSync(file, 'utf8')), {
  now: Date.now(),
  dates: at === 'now' ? 'live' : 'history',
  extraRoots: [],
});
if (!opened.ok) refuse(opened.why);
const app = appOf(opened.payload, opened.signedDate);
if (app.fault !== undefined) refuse(`signed by Apple, but ${app.fault}`);
if (bundleId !== undefined && app.bundleId !== bundleId) {
  refuse(`signed by Apple, but for ${app.bundleId ?? 'an app it does not name'}, not for ${bundleId}`);
}
console.log(`GENUINE: signed by Apple on ${new Date(opened.signedDate).toISOString()}`);
print(opened.payload, '  ');
