/**
 * An App Store signing authority of our own: root, intermediate and leaf with the marks Apple puts on its certificates.
 * The simulator signs with it, tests mint the broken variants from the same parts. An `Authority` is plain JSON (PEM text),
 * so that persisting it is `JSON.stringify`.
 */
import 'reflect-metadata';
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** Apple's mark of an intermediate that may issue App Store signing certificates (Worldwide Developer Relations). */
export const INTERMEDIATE_MARK = '1.2.840.113635.100.6.2.1';
/** Apple's mark of a leaf that signs App Store receipts and notifications. */
export const LEAF_MARK = '1.2.840.113635.100.6.11.1';

/** A certificate and its key, both PEM. */
export interface Identity {
  certificate: string;
  privateKey: string;
}

export interface Authority {
  root: Identity;
  intermediate: Identity;
  leaf: Identity;
}

export interface Window {
  /** Epoch ms. */
  from: number;
  to: number;
}

export interface CertificateOptions {
  /** X.509 name, e.g. `CN=Simulated Root, O=Pianola`. */
  name?: string;
  /** OIDs added as empty extensions; replaces the usual mark. */
  marks?: readonly string[];
  ca?: boolean;
  /** Whether the key may sign certificates; as `ca` unless told otherwise. */
  certSign?: boolean;
  curve?: 'P-256' | 'P-384';
  window?: Window;
}

/** Simulated clocks jump by decades. */
export const LONG_WINDOW: Window = { from: Date.UTC(2015, 0, 1), to: Date.UTC(2060, 0, 1) };

/** ASN.1 NULL: Apple's marks carry no value, only their presence counts. */
const NULL = new Uint8Array([0x05, 0x00]);

type Subtle = typeof globalThis.crypto;
type CryptoKeyOf = Awaited<ReturnType<Subtle['subtle']['importKey']>>;

function cryptoKey(key: KeyObject, usage: 'sign' | 'verify'): CryptoKeyOf {
  const curve = key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256';
  return key.toCryptoKey({ name: 'ECDSA', namedCurve: curve }, true, [usage]);
}

async function mint(
  issuer: Identity | null,
  usual: Required<Omit<CertificateOptions, 'certSign'>> & { certSign?: boolean },
): Promise<Identity> {
  const pair = generateKeyPairSync('ec', { namedCurve: usual.curve });
  const publicKey = cryptoKey(pair.publicKey, 'verify');
  const issuerCertificate = issuer ? new X509Certificate(issuer.certificate) : null;
  const signingKey = cryptoKey(issuer ? createPrivateKey(issuer.privateKey) : pair.privateKey, 'sign');
  const usages =
    (usual.certSign ?? usual.ca) ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature;
  const extensions: Extension[] = [
    new BasicConstraintsExtension(usual.ca, undefined, true),
    new KeyUsagesExtension(usages, true),
    await SubjectKeyIdentifierExtension.create(publicKey),
    ...usual.marks.map((oid) => new Extension(oid, false, NULL)),
  ];
  if (issuerCertificate) {
    extensions.push(await AuthorityKeyIdentifierExtension.create(new PublicKey(issuerCertificate.publicKey.rawData)));
  }
  const certificate = await X509CertificateGenerator.create({
    serialNumber: `01${randomBytes(12).toString('hex')}`,
    subject: usual.name,
    issuer: issuerCertificate ? issuerCertificate.subject : usual.name,
    notBefore: new Date(usual.window.from),
    notAfter: new Date(usual.window.to),
    publicKey,
    signingKey,
    // A P-384 issuer signs with SHA-384, as Apple's do.
    signingAlgorithm: { name: 'ECDSA', hash: issuer || usual.curve === 'P-384' ? 'SHA-384' : 'SHA-256' },
    extensions,
  });
  return {
    certificate: certificate.toString('pem'),
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

export function mintRoot(options: CertificateOptions = {}): Promise<Identity> {
  return mint(null, {
    name: 'CN=Simulated App Store Root CA, O=Pianola Simulator',
    marks: [],
    ca: true,
    curve: 'P-384',
    window: LONG_WINDOW,
    ...options,
  });
}

export function mintIntermediate(root: Identity, options: CertificateOptions = {}): Promise<Identity> {
  return mint(root, {
    name: 'CN=Simulated Developer Relations CA, O=Pianola Simulator',
    marks: [INTERMEDIATE_MARK],
    ca: true,
    curve: 'P-384',
    window: LONG_WINDOW,
    ...options,
  });
}

export function mintLeaf(intermediate: Identity, options: CertificateOptions = {}): Promise<Identity> {
  return mint(intermediate, {
    name: 'CN=Simulated App Store Signing, O=Pianola Simulator',
    marks: [LEAF_MARK],
    ca: false,
    curve: 'P-256',
    window: LONG_WINDOW,
    ...options,
  });
}

/** A complete authority; each part can be bent, e.g. `{ leaf: { marks: [] } }` for a leaf without Apple's mark. */
export async function createAuthority(
  bend: { root?: CertificateOptions; intermediate?: CertificateOptions; leaf?: CertificateOptions } = {},
): Promise<Authority> {
  const root = await mintRoot(bend.root);
  const intermediate = await mintIntermediate(root, bend.intermediate);
  const leaf = await mintLeaf(intermediate, bend.leaf);
  return { root, intermediate, leaf };
}

/** The same authority with a fresh leaf, as Apple rotates its own. */
export async function rotateLeaf(authority: Authority, options: CertificateOptions = {}): Promise<Authority> {
  return { ...authority, leaf: await mintLeaf(authority.intermediate, options) };
}

/** DER of a certificate. */
export function derOf(identity: Identity): Buffer {
  return Buffer.from(new X509Certificate(identity.certificate).rawData);
}
