/** Where events go. Collection domains are public host names; the simulator's own address is accepted only when private targets are. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

const PRIVATE_TARGET = /^http:\/\/(localhost|127\.0\.0\.1):([1-9][0-9]{0,4})$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A pasted https address becomes its host; letters become lower case, other scripts ASCII. What cannot be helped is returned as it was. */
export function tidyDomain(given: string): string {
  const text = given.trim();
  if (/^http:/i.test(text)) return text.toLowerCase().replace(/\/+$/, '');
  let host = text;
  if (/^https:\/\//i.test(text)) {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || url.username || url.password || url.port || url.search || url.hash) return text;
    host = url.hostname;
  }
  // domainToASCII reads a URL's authority and silently leaves out what follows it.
  return /[/?#@:\\\s]/.test(host) ? text : domainToASCII(host.toLowerCase()) || text;
}

/** What is wrong with a tidied domain; null = nothing. */
export function checkDomain(domain: string, allowPrivateTargets: boolean): string | null {
  if (domain.startsWith('http:')) {
    const port = PRIVATE_TARGET.exec(domain)?.[2];
    if (allowPrivateTargets && port !== undefined && Number(port) <= 65_535) return null;
    return allowPrivateTargets
      ? 'Only http://localhost:<port> and http://127.0.0.1:<port> are accepted besides host names.'
      : 'AT Internet is reached over https only: give the host name.';
  }
  if (isIP(domain) || domain.startsWith('[')) return 'An address is not a collection domain: give the host name.';
  if (!domain.includes('.') || domain.length > 253 || !domain.split('.').every((label) => LABEL.test(label))) {
    return 'Give a host name such as abcdefg.pa-cd.com, without user, port, path or query.';
  }
  return null;
}

/** `https://abcdefg.pa-cd.com`, or a private target as it is. */
export function originOf(domain: string): string {
  return domain.startsWith('http:') ? domain : `https://${domain}`;
}
