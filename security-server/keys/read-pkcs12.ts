/**
 * Reads RSA private keys and certificates from PKCS#12 files, also from those of X-Road's software token.
 * node-forge is loaded only for that: it decrypts and parses. Its result is not trusted: our own code parses
 * keys and certificates again.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { algorithmOf } from './generate-key.ts'

type Pkcs12Content = { privateKeys: KeyObject[]; certificates: Certificate[] }

const MAX_BYTES = 1024 * 1024
const MAX_ENTRIES = 50
/**
 * The most key-derivation iterations for one file, all its counts added up; programs write a few thousand per
 * key. node-forge computes on this thread, a million iterations in a second, without a limit of its own.
 */
const MAX_ROUNDS = 3_000_000

type Forge = typeof import('node-forge')
type Asn1 = import('node-forge').asn1.Asn1
type GetCipher = (oid: string, parameters: Asn1, password: string) => unknown

let loading: Promise<Forge> | undefined
/** Iterations left for the file that is being read; reading a file is synchronous. */
let roundsLeft = 0

/**
 * Loads node-forge and replaces the function through which every key derivation passes: iteration counts are
 * also inside of the encrypted parts, where only this function sees them.
 */
async function loadForge(): Promise<Forge> {
  const { default: forge } = await import('node-forge')
  const { pbe } = forge.pki as typeof forge.pki & { pbe: { getCipher: GetCipher } }
  const { getCipher } = pbe
  pbe.getCipher = (oid, parameters, password) => {
    takeRounds(parameters)
    return getCipher(oid, parameters, password)
  }
  return forge
}

/** Subtracts the iteration counts in the parameters of a key derivation. */
function takeRounds({ tagClass, type, value }: Asn1): void {
  if (typeof value !== 'string') {
    for (const part of value) takeRounds(part)
  } else if (tagClass === 0 && type === INTEGER) {
    roundsLeft -= Number.parseInt(Buffer.from(value, 'latin1').toString('hex'), 16)
    if (!(roundsLeft >= 0)) throw refused(say`the PKCS#12 file asks for too many rounds of deriving keys`)
  }
}

const INTEGER = 0x02

/**
 * Throws `pin_incorrect` for a wrong password, `invalid_input` for a file that is not PKCS#12 or contains
 * other than RSA keys.
 */
export async function readPkcs12(file: Buffer, password: string): Promise<Pkcs12Content> {
  if (file.length > MAX_BYTES) throw refused(say`the PKCS#12 file is larger than 1 MiB`)
  loading ??= loadForge()
  const forge = await loading
  let container: import('node-forge').pkcs12.Pkcs12Pfx
  try {
    // strict: no bytes may follow the structure.
    const structure = forge.asn1.fromDer(file.toString('latin1'), true)
    roundsLeft = MAX_ROUNDS
    const mac = typeof structure.value === 'string' ? undefined : structure.value[2]
    if (mac !== undefined) takeRounds(mac)
    container = forge.pkcs12.pkcs12FromAsn1(structure, true, password)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const wrongPassword = cause instanceof Error && /MAC could not be verified|password/i.test(cause.message)
    if (wrongPassword) throw new Fault('pin_incorrect', { what: say`the password of the PKCS#12 file` })
    throw refused(say`the file is not a readable PKCS#12 file`, cause)
  }
  const bags = container.safeContents.flatMap((content) => content.safeBags)
  if (bags.length > MAX_ENTRIES) throw refused(say`the PKCS#12 file holds more than ${MAX_ENTRIES} entries`)
  const { keyBag, pkcs8ShroudedKeyBag, certBag } = forge.pki.oids
  const toBuffer = (value: import('node-forge').asn1.Asn1) =>
    Buffer.from(forge.asn1.toDer(value).getBytes(), 'latin1')
  const privateKeys = bags
    .filter((bag) => bag.type === keyBag || bag.type === pkcs8ShroudedKeyBag)
    .map((bag) => {
      // node-forge returns null for a key that is not RSA and keeps only its structure.
      if (bag.key === undefined || bag.key === null)
        throw refused(say`the PKCS#12 file holds a key that is not RSA`)
      return rsaKey(toBuffer(forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key))))
    })
  const certificates = bags
    .filter((bag) => bag.type === certBag)
    .map((bag) => parseCertificate(toBuffer(bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1)))
  if (privateKeys.length === 0) throw refused(say`the PKCS#12 file holds no private key`)
  return { privateKeys, certificates }
}

function rsaKey(pkcs8: Buffer): KeyObject {
  try {
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    if (algorithmOf(key) === undefined) throw refused(say`an RSA key has 2048 or 3072 bits`)
    return key
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw refused(say`a private key of the PKCS#12 file is damaged`, cause)
  } finally {
    pkcs8.fill(0)
  }
}

function refused(what: Word, cause?: unknown): Fault {
  return new Fault('invalid_input', { what, cause })
}
