import { expect, test } from 'vitest';
import { isPublicAddress } from './address.ts';

test.each(['8.8.8.8', '185.60.216.35', '2a00:1450:4007:80e::200e', '::ffff:8.8.8.8'])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'fd12::1',
  '::ffff:127.0.0.1',
  '::ffff:a00:1',
  '64:ff9b::a00:1',
  'example.com',
  '',
  '8.8.8.8:80',
])('%s is not', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});
