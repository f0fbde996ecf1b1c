/**
 * How many decimals a currency's minor unit has (ISO 4217). Two is the rule; only the exceptions are listed.
 */
const EXPONENTS: Readonly<Record<string, number>> = {
  // No minor unit in use.
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  ISK: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  UYI: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
  // Thousandths.
  BHD: 3,
  IQD: 3,
  JOD: 3,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  TND: 3,
  // Accounting units.
  CLF: 4,
  UYW: 4,
};

/** Decimals of the minor unit: EUR 2, JPY 0, KWD 3. An unknown code counts as 2, as most of the world does. */
export function minorUnits(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}
