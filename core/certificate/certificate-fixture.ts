/**
 * For tests only: makes certificates octet by octet with our DER writer, so that every field can be wrong on
 * purpose. In the product, certs/ issues certificates and keys/ makes their requests.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'

export type KeyPair = { publicKey: KeyObject; privateKey: KeyObject }

export type CertificateRecipe = {
  subject?: Buffer
  issuer?: Buffer
  key: KeyPair
  /** The key that signs; the certificate's own key by default. */
  signer?: KeyPair
  serial?: Buffer
  /** X.509's number minus one; undefined leaves the field out. */
  version?: number | undefined
  notBefore?: Date
  notAfter?: Date
  extensions?: Buffer[] | undefined
  /** Adds subjectKeyIdentifier and authorityKeyIdentifier to the extensions. */
  keyIdentifiers?: boolean
  algorithm?: Buffer
  outerAlgorithm?: Buffer
  digest?: string
  /** Fields between public key and extensions. */
  uniqueIds?: Buffer[]
}

export const YEAR_START = new Date('2030-01-01T00:00:00Z')
export const YEAR_END = new Date('2031-01-01T00:00:00Z')

/** A new key: P-256 unless the caller names another curve or an RSA size. */
export function newKey(kind: string | number = 'P-256'): KeyPair {
  return typeof kind === 'number'
    ? generateKeyPairSync('rsa', { modulusLength: kind })
    : generateKeyPairSync('ec', { namedCurve: kind })
}

/** A name with one attribute a part: name(['2.5.4.3', 'x']). */
export function name(...parts: [oid: string, value: string | Buffer][]): Buffer {
  return der.sequence(
    ...parts.map(([oid, value]) =>
      der.set(der.sequence(der.oid(oid), typeof value === 'string' ? der.utf8(value) : value)),
    ),
  )
}

export function commonName(text: string): Buffer {
  return name([OID.commonName, text])
}

export function extension(oid: string, value: Buffer, critical = false): Buffer {
  return der.sequence(der.oid(oid), ...(critical ? [der.boolean(true)] : []), der.octetString(value))
}

/** basicConstraints of a CA and its keyUsage, both critical. */
export function caExtensions(pathLength?: number): Buffer[] {
  const length = pathLength === undefined ? [] : [der.integer(pathLength)]
  return [extension(OID.basicConstraints, der.sequence(der.boolean(true), ...length), true), keyUsage(0x06)]
}

/**
 * keyUsage by its first octet: 0x80 digitalSignature, 0x40 nonRepudiation, 0x04 keyCertSign, 0x02 cRLSign.
 */
export function keyUsage(bits: number): Buffer {
  const unused = 31 - Math.clz32(bits & -bits)
  return extension(OID.keyUsage, der.bitString(Buffer.of(bits), unused), true)
}

export function extendedKeyUsage(oids: string[], critical = false): Buffer {
  return extension(OID.extendedKeyUsage, der.sequence(...oids.map(der.oid)), critical)
}

export function subjectAltName(...names: Buffer[]): Buffer {
  return extension(OID.subjectAltName, der.sequence(...names))
}

/** nameConstraints from GeneralName bases. */
export function nameConstraints(permitted: Buffer[], excluded: Buffer[] = []): Buffer {
  const subtrees = (n: number, bases: Buffer[]): Buffer[] =>
    bases.length === 0 ? [] : [der.implicit(n, der.sequence(...bases.map((base) => der.sequence(base))))]
  return extension(
    OID.nameConstraints,
    der.sequence(...subtrees(0, permitted), ...subtrees(1, excluded)),
    true,
  )
}

/** GeneralNames. */
export const general = {
  email: (text: string): Buffer => der.contextPrimitive(1, Buffer.from(text, 'latin1')),
  dns: (text: string): Buffer => der.contextPrimitive(2, Buffer.from(text, 'latin1')),
  directory: (rdns: Buffer): Buffer => der.explicit(4, rdns),
  uri: (text: string): Buffer => der.contextPrimitive(6, Buffer.from(text, 'latin1')),
  ip: (...bytes: number[]): Buffer => der.contextPrimitive(7, Buffer.from(bytes)),
  other: (): Buffer => der.implicit(0, der.sequence(der.oid('1.2.3'), der.explicit(0, der.utf8('x')))),
}

function keyIdentifiers(key: KeyPair, signer: KeyPair): Buffer[] {
  const idOf = ({ publicKey }: KeyPair): Buffer =>
    createHash('sha1')
      .update(publicKey.export({ format: 'der', type: 'spki' }))
      .digest()
  return [
    extension(OID.subjectKeyIdentifier, der.octetString(idOf(key))),
    extension(OID.authorityKeyIdentifier, der.sequence(der.contextPrimitive(0, idOf(signer)))),
  ]
}

/** The certificate that a recipe describes, DER. */
export function bake(recipe: CertificateRecipe): Buffer {
  const signer = recipe.signer ?? recipe.key
  const rsa = signer.privateKey.asymmetricKeyType === 'rsa'
  const algorithm = recipe.algorithm ?? (rsa ? RSA_SHA256 : ECDSA_SHA256)
  const subject = recipe.subject ?? commonName('subject')
  const version = 'version' in recipe ? recipe.version : 2
  const identifiers = recipe.keyIdentifiers ? keyIdentifiers(recipe.key, signer) : []
  const tbs = der.sequence(
    ...(version === undefined ? [] : [der.explicit(0, der.integer(version))]),
    recipe.serial ?? der.integer(77),
    algorithm,
    recipe.issuer ?? subject,
    der.sequence(der.utcTime(recipe.notBefore ?? YEAR_START), der.utcTime(recipe.notAfter ?? YEAR_END)),
    subject,
    recipe.key.publicKey.export({ format: 'der', type: 'spki' }),
    ...(recipe.uniqueIds ?? []),
    ...(recipe.extensions === undefined
      ? []
      : [der.explicit(3, der.sequence(...recipe.extensions, ...identifiers))]),
  )
  const signature = sign(recipe.digest ?? 'sha256', tbs, signer.privateKey)
  return der.sequence(tbs, recipe.outerAlgorithm ?? algorithm, der.bitString(signature))
}

export const ECDSA_SHA256 = der.sequence(der.oid(OID.ecdsaWithSHA256))
export const RSA_SHA256 = der.sequence(der.oid(OID.sha256WithRSAEncryption), der.null())
