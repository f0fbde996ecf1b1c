import { BlockList, isIP } from 'node:net';

/** Everything that is not an address of the public internet (IANA special-purpose registries). */
const SPECIAL = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  SPECIAL.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  SPECIAL.addSubnet(network, bits, 'ipv6');

/** A literal IPv4 or IPv6 address that can be reached over the public internet. IPv4 inside IPv6 is judged as IPv4. */
export function isPublicAddress(text: string): boolean {
  const family = isIP(text);
  if (family === 4) return !SPECIAL.check(text, 'ipv4');
  // BlockList compares mapped addresses (`::ffff:10.0.0.1`) with the IPv4 rules by itself.
  return family === 6 && !SPECIAL.check(text, 'ipv6');
}
