/**
 * An authority's keys in a folder of their own: one that signs orders, with its certificate, and one to which
 * servers encrypt their answers.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { issueCertificate, type Subject } from '#certs/ca/issue-certificate.ts'
import { PROFILES } from '#certs/profiles.ts'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { newRecipient } from '#core/hpke/recipient-key.ts'
import { Fault } from '#schemas/fault.ts'

export type AuthorityKeys = {
  certificate: Certificate
  signingKey: KeyObject
  recipientKey: KeyObject
  recipient: Buffer
}

const YEARS_MS = 5 * 365 * 86_400_000
const FILES = { signing: 'signing.key', certificate: 'signing.crt', recipient: 'recipient.key' }

/** Makes the keys. Throws `io_error` when the folder has keys already. */
export async function makeKeys(folder: string, q: { authority: string; now: number }): Promise<Certificate> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name: Subject = [['CN', q.authority]]
  const certificate = await issueCertificate({
    subject: name,
    publicKey,
    profile: PROFILES.signing,
    issuer: { name, publicKey, privateKey },
    notBefore: new Date(q.now - 60_000),
    notAfter: new Date(q.now + YEARS_MS),
  })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const write = (file: string, content: string | Buffer, mode: number): Promise<void> =>
    writeFile(path.join(folder, file), content, { mode, flag: 'wx' }).catch((cause: unknown) => {
      throw new Fault('io_error', { what: path.join(folder, file), cause })
    })
  await write(FILES.signing, pemOf(privateKey), 0o600)
  await write(FILES.recipient, pemOf(newRecipient().privateKey), 0o600)
  await write(FILES.certificate, certificate.der, 0o644)
  return certificate
}

/** Reads the keys. Throws `io_error`. */
export async function readKeys(folder: string): Promise<AuthorityKeys> {
  const read = (file: string): Promise<Buffer> =>
    readFile(path.join(folder, file)).catch((cause: unknown) => {
      throw new Fault('io_error', { what: path.join(folder, file), cause })
    })
  const recipientKey = createPrivateKey(await read(FILES.recipient))
  const { x = '' } = recipientKey.export({ format: 'jwk' })
  return {
    certificate: parseCertificate(await read(FILES.certificate)),
    signingKey: createPrivateKey(await read(FILES.signing)),
    recipientKey,
    recipient: Buffer.from(x, 'base64url'),
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}
