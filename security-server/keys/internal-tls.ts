/**
 * The internal TLS key (X-Road's name): the agency's own systems see its certificate, both when this server
 * is the TLS server and when it is the client. Guarantees that a key with a certificate exists once the token
 * was unlocked, and that key and certificate always fit each other.
 */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { type Certificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { nameText } from '#core/certificate/name.ts'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { onNewest } from '#platform/shared-files/on-newest.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { AltNames } from './alt-names.ts'
import { certificationRequest, type SubjectFields } from './certification-request.ts'
import { checkChain, readChain } from './check-internal-tls.ts'
import { algorithmOf, generateKey } from './generate-key.ts'
import type { TlsIdentity } from './identity.ts'
import {
  openInternalTls,
  readInternalTlsFile,
  type StoredInternalTls,
  sealInternalTls,
  writeInternalTlsFile,
} from './internal-tls-file.ts'
import { certificatePem } from './pem.ts'
import { readPrivate } from './read-private.ts'
import { type HostNames, selfSignedCertificate } from './self-signed.ts'
import type { SoftwareToken } from './software-token.ts'
import type { WriteFile } from './write-durably.ts'

type InternalTlsInfo = {
  sha256: string
  subject: string
  issuer: string
  serialNumber: string
  notBefore: Time
  notAfter: Time
  selfSigned: boolean
  algorithm: string | undefined
  /** The certificate and its issuers, PEM. */
  pem: string
}

export type InternalTls = {
  /** Undefined while the token is locked or there is no key yet. */
  identity(): TlsIdentity | undefined
  /** Throws `cert_not_found` before the first key. */
  info(): InternalTlsInfo
  certificate(): Certificate
  /**
   * Makes a new P-256 key with a self-signed certificate and deletes the old key. Throws `token_not_active`.
   */
  generate(): Promise<InternalTlsInfo>
  /** A PKCS#10 request (DER) for the current key. Throws `token_not_active`, `invalid_input`. */
  request(q: { subject: SubjectFields } & AltNames): Buffer
  /**
   * Presents this certificate from now on, with the issuers that follow it. Throws as check-internal-tls.ts
   * says, `cert_not_found`, and `conflict` for the present certificate.
   */
  importCertificate(bytes: Buffer): Promise<InternalTlsInfo>
  /**
   * To be called after the token was unlocked: opens the key, or makes the first one. When that fails there
   * is no identity and `info` throws the reason, but signing and peers still work. `generate` then makes a
   * new key.
   */
  open(): Promise<void>
  /** To be called after the token was locked. */
  close(): void
  /** Takes over the file that another node has changed. */
  reload(): Promise<void>
}

/**
 * Reads the key's file if there is one. `info` reports a damaged file; a file that others can read throws
 * `io_error` here.
 */
export async function createInternalTls(q: {
  directory: string
  clock: Clock
  token: SoftwareToken
  names: HostNames
  write: WriteFile
  changed(): void
}): Promise<InternalTls> {
  const path = join(q.directory, 'internal-tls.json')
  let stored: StoredInternalTls | undefined
  let failure: Fault | undefined
  await read()
  let privateKey: KeyObject | undefined
  const inTurn = createTurn()

  async function read(): Promise<void> {
    const text = await readPrivate(path)
    try {
      stored = text === undefined ? undefined : readInternalTlsFile(text, path)
      failure = undefined
    } catch (thrown) {
      failure = asFault(thrown)
    }
  }

  function present(): StoredInternalTls {
    if (failure !== undefined) throw failure
    if (stored === undefined)
      throw new Fault('cert_not_found', { what: say`there is no internal TLS key yet` })
    return stored
  }

  async function readAgain(): Promise<void> {
    const before = stored?.spki
    await read()
    if (stored === undefined || !q.token.unlocked() || before?.equals(stored.spki) === true) return
    privateKey = openInternalTls(stored, q.token)
  }

  const change = <T>(act: () => Promise<T>): Promise<T> => inTurn(() => onNewest(act, readAgain))

  async function save(next: StoredInternalTls): Promise<void> {
    await q.write(path, writeInternalTlsFile(next))
    stored = next
    failure = undefined
  }

  async function makeKey(): Promise<void> {
    const made = await generateKey('P-256')
    const der = selfSignedCertificate({ privateKey: made, names: q.names, at: new Date(q.clock()) })
    await save({ ...sealInternalTls(made, q.token), chain: readChain(der) })
    // The token may have been locked in the meantime.
    if (q.token.unlocked()) privateKey = made
  }

  const info = (): InternalTlsInfo => describe(present())

  return {
    identity() {
      if (stored === undefined || privateKey === undefined) return undefined
      const [certificate, ...intermediates] = stored.chain
      return { certificate, intermediates, privateKey }
    },
    info,
    certificate: () => present().chain[0],
    generate: () =>
      change(async () => {
        if (!q.token.unlocked()) throw new Fault('token_not_active')
        await makeKey()
        q.changed()
        return info()
      }),
    request({ subject, dnsNames, ipAddresses }) {
      if (privateKey === undefined) throw new Fault('token_not_active')
      return certificationRequest({ privateKey, subject, dnsNames, ipAddresses })
    },
    importCertificate: (bytes) =>
      change(async () => {
        const chain = readChain(bytes)
        const now = present()
        checkChain(chain, now.spki, new Date(q.clock()))
        if (hashes(chain) === hashes(now.chain)) {
          throw new Fault('conflict', { what: say`the certificate is imported already` })
        }
        await save({ ...now, chain })
        q.changed()
        return info()
      }),
    open: () =>
      inTurn(async () => {
        try {
          if (stored !== undefined) privateKey = openInternalTls(stored, q.token)
          // A damaged file can still be repaired by hand: only `generate` replaces it.
          else if (failure === undefined)
            await onNewest(async () => (stored === undefined ? makeKey() : undefined), readAgain)
        } catch (thrown) {
          failure = asFault(thrown)
        }
      }),
    close() {
      privateKey = undefined
    },
    reload: () => inTurn(readAgain),
  }
}

function hashes(chain: Certificate[]): string {
  return chain.map(({ sha256 }) => sha256).join()
}

function describe({ chain }: StoredInternalTls): InternalTlsInfo {
  const [own] = chain
  return {
    sha256: own.sha256,
    subject: nameText(own.subject),
    issuer: nameText(own.issuer),
    serialNumber: own.serialNumber.toString(),
    notBefore: own.notBefore.toISOString(),
    notAfter: own.notAfter.toISOString(),
    selfSigned: own.subject.der.equals(own.issuer.der),
    algorithm: algorithmOf(publicKeyOf(own)),
    pem: chain.map(certificatePem).join(''),
  }
}
