import { closeApi } from './api.ts';
import type { StoreDefinition } from '../store.ts';
import { check } from './check.ts';
import { readHistory } from './history.ts';
import { need } from './need.ts';
import { type AppleSettings, appleSettings } from './settings.ts';
import { translate } from './translate.ts';
import { BODY_LIMIT, decode, verifyHandIn, verifyNotification } from './verify.ts';

export const apple: StoreDefinition<AppleSettings> = {
  id: 'apple',
  code: 'APPLE_APP_STORE',
  label: 'Apple App Store',
  settings: appleSettings,
  secretFields: ['privateKey'],
  bundleId: (settings) => settings.bundleId,
  identityWaitMinutes: (settings) => settings.identityWaitMinutes,
  bodyLimit: BODY_LIMIT,
  verify: verifyNotification,
  verifyHandIn,
  decode,
  need,
  read: (_need, signal, account, context) => readHistory(signal, account, context),
  translate,
  check,
  close: closeApi,
};
