/**
 * The public interface of this room: the tokens of a security server, their keys, certificates and OCSP
 * statuses. identities.ts decides which certificate signs; this file has the operations of the people who
 * manage keys.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { FoundKey } from '#platform/pkcs11/token-keys.ts'
import { Fault } from '#schemas/fault.ts'
import { type MemberId, memberOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { type AccountKeys, createAccountKeys } from './account-keys.ts'
import { createCertificateActs } from './certificate-acts.ts'
import { openCertificateStatuses } from './certificate-status.ts'
import { requestBy, type SubjectFields } from './certification-request.ts'
import { createOcspClient, type FetchOcsp } from './client.ts'
import {
  type CertificateInfo,
  type Describe,
  describeHardware,
  describeKey,
  describeSoftware,
  type KeyInfo,
  type TokenInfo,
} from './describe.ts'
import { generateKey, type KeyAlgorithm } from './generate-key.ts'
import type { HardwareKeys, HardwareTokenPlace } from './hardware-keys.ts'
import { createIdentities } from './identities.ts'
import type { AuthenticationIdentity, CertificateTrust, SigningIdentity } from './identity.ts'
import { importPkcs12 } from './import-pkcs12.ts'
import { createInternalTls, type InternalTls } from './internal-tls.ts'
import type { KeyUsage, StoredKey } from './key-file.ts'
import { openRemoteTokens, type TransitTokenPlace } from './open-remote-tokens.ts'
import { DEFAULT_PIN_POLICY, type PinPolicy } from './pin-policy.ts'
import { createOcspRefresh } from './refresh-ocsp.ts'
import type { HostNames } from './self-signed.ts'
import { createSignJson, type SignJson } from './sign-json.ts'
import { createSignXRoadRequest, type SignXRoadRequest } from './sign-x-road-request.ts'
import { openSoftwareToken } from './software-token.ts'
import { createTokens, SOFTWARE_TOKEN_ID, softwareAsToken } from './tokens.ts'
import { type RemoveFile, removeDurably, type WriteFile, writeDurably } from './write-durably.ts'

export type { CertificateInfo, KeyInfo, TokenInfo } from './describe.ts'
export type { AuthenticationIdentity, SigningIdentity, TlsIdentity } from './identity.ts'
export type { InternalTls } from './internal-tls.ts'

export type KeysDependencies = {
  /** The token's folder; `ocsp/` in it has the OCSP responses. */
  directory: string
  clock: Clock
  /** The current configuration; throws its own fault (`global_conf_outdated`, ...) when there is none. */
  configuration(): CertificateTrust
  /** How old an OCSP response may become before it is fetched again; X-Road's 1200 s by default. */
  ocspRefreshSeconds?: number
  fetchOcsp?: FetchOcsp
  /** The host name and addresses in the first internal TLS certificate. */
  hostNames?: HostNames
  /** What fails without an effect is said there. */
  log?: Pick<Log, 'error'>
  hardwareTokens?: HardwareTokenPlace[]
  transitTokens?: TransitTokenPlace[]
  /** What new PINs have to be like; 8 characters when absent. */
  pinPolicy?: PinPolicy
  /** Where files are changed on all nodes of the server, and not in this folder alone. */
  write?: WriteFile
  remove?: RemoveFile
}

export type Keys = {
  /**
   * Throws `token_not_active`, `token_unavailable`, `cannot_sign`, `incorrect_validation_info`, or the
   * configuration's fault.
   */
  signingIdentity(member: MemberId): SigningIdentity
  /** As `signingIdentity`, for TLS between servers; a registered certificate is preferred. */
  authenticationIdentity(): AuthenticationIdentity
  /**
   * Whether this active certificate would serve if it were the only one; peers have to know it where it is
   * for them.
   */
  serves(sha256: string): boolean
  /** Signs a document for the central registry as JWS. */
  signJson: SignJson
  /** Signs a management request for the central server of an X-Road instance. */
  signXRoadRequest: SignXRoadRequest
  /** Hardware tokens and transit engines. All throw `token_not_found`, and as `HardwareToken` does. */
  hardware: {
    login(tokenId: string, pin: string, o?: { careful?: boolean }): Promise<void>
    logout(tokenId: string): Promise<void>
    /** Throws `invalid_input` for a PIN that the policy does not allow. */
    changePin(tokenId: string, oldPin: string, newPin: string): Promise<void>
    /** The keys on the token that this server has no record of, made with other tools. */
    found(tokenId: string): Promise<FoundKey[]>
    /**
     * Takes one of them into use for signing; `label` defaults to the token's own. Throws as
     * `HardwareKeys.adopt` does.
     */
    adopt(tokenId: string, q: { objectId: string; label?: string | undefined }): Promise<KeyInfo>
  }
  /** The TLS key that our own systems see. */
  internalTls: InternalTls
  /** Keys of accounts at CAs. */
  accountKeys: AccountKeys
  /** The fresh OCSP response for one of our certificates, by SHA-1 or SHA-256 in hex (port 5577). */
  ocspByHash(hex: string): Buffer | undefined
  /**
   * `listener` is called after every change of keys, certificates, login or OCSP responses. Returns a
   * function that removes it.
   */
  onChange(listener: () => void): () => void
  /**
   * Fetches the OCSP responses that are due, all with `force`. Throws `incorrect_validation_info` when any
   * certificate got no good response.
   */
  refreshOcsp(o?: { force?: boolean }): Promise<void>

  initialize(pin: string): Promise<void>
  /** See `SoftwareToken.login`. */
  login(pin: string, o?: { isFromFile?: boolean }): Promise<void>
  logout(): void
  changePin(oldPin: string, newPin: string): Promise<void>
  tokens(): TokenInfo[]
  key(id: string): KeyInfo
  /**
   * In the software token unless `tokenId` names another token; a hardware token accepts signing keys only.
   */
  createKey(q: {
    tokenId?: string | undefined
    usage: KeyUsage
    label: string
    algorithm?: KeyAlgorithm
  }): Promise<KeyInfo>
  renameKey(id: string, label: string): Promise<KeyInfo>
  deleteKey(id: string): Promise<void>
  /**
   * Makes a PKCS#10 request (DER) and keeps it until it is deleted. A signing key needs the member that it is
   * for, an authentication key has none.
   */
  createRequest(q: {
    keyId: string
    member?: MemberId | undefined
    subject: SubjectFields
    dnsNames?: string[] | undefined
  }): Promise<{ id: string; request: Buffer }>
  request(keyId: string, id: string): Buffer
  deleteRequest(keyId: string, id: string): Promise<void>
  certificate(sha256: string): CertificateInfo
  /** The certificate in DER; throws `cert_not_found`. */
  certificateDer(sha256: string): Buffer
  /**
   * Imports a certificate in DER, PEM or base64 for an existing key, and fetches its OCSP status before it
   * returns.
   */
  /**
   * `check` is called with the usage of the certificate's key before anything else is looked at; what it
   * throws is thrown.
   */
  importCertificate(
    bytes: Buffer,
    o?: { activate?: boolean; check?: (usage: KeyUsage) => void },
  ): Promise<CertificateInfo>
  setActive(sha256: string, active: boolean): Promise<CertificateInfo>
  deleteCertificate(sha256: string): Promise<void>
  /** Imports RSA keys from the files of X-Road's software token; see import-pkcs12.ts. */
  importPkcs12(q: {
    files: Buffer[]
    password: string
    keyconf?: Buffer | undefined
    usage?: KeyUsage | undefined
  }): Promise<KeyInfo[]>
  /**
   * Takes over what another node has changed in the folder, and asks for the status of certificates that are
   * new here.
   */
  reload(): Promise<void>
  close(): Promise<void>
}

/** Opens the token folder; the tokens stay locked until `login`. Throws `io_error` for damaged files. */
export async function createKeys(q: KeysDependencies): Promise<Keys> {
  const { write = writeDurably, remove = removeDurably } = q
  const client = createOcspClient()
  const policy = q.pinPolicy ?? DEFAULT_PIN_POLICY
  const token = await openSoftwareToken({ directory: q.directory, clock: q.clock, write, remove, policy })
  const statuses = await openCertificateStatuses({ directory: join(q.directory, 'ocsp'), write })
  const listeners = new Set<() => void>()
  const changed = () => {
    identities.invalidate()
    for (const listener of listeners) listener()
  }
  // A hardware token may be found before the rest is initialized.
  let tokenChanged = (): void => undefined
  const hardware = await openRemoteTokens({
    ...{ hardwareTokens: q.hardwareTokens, transitTokens: q.transitTokens },
    ...{ directory: q.directory, clock: q.clock, write, remove, policy, log: q.log },
    changed: () => tokenChanged(),
  })
  const tokens = createTokens([softwareAsToken(token), ...hardware])
  const identities = createIdentities({ clock: q.clock, tokens, statuses, configuration: q.configuration })
  tokenChanged = changed
  const internalTls = await createInternalTls({
    directory: q.directory,
    clock: q.clock,
    token,
    names: q.hostNames ?? { hostName: 'localhost', ipAddresses: [] },
    write,
    changed,
  })
  const refreshOcsp = createOcspRefresh({
    clock: q.clock,
    statuses,
    fetch: q.fetchOcsp ?? client.fetch,
    intervalSeconds: q.ocspRefreshSeconds ?? 1200,
    configuration: q.configuration,
    certificates: identities.certificates,
    changed,
  })

  const now = () => new Date(q.clock())
  const view = (): Describe => {
    try {
      return { tokens, statuses, trust: q.configuration(), at: now() }
    } catch {
      return { tokens, statuses, trust: undefined, at: now() }
    }
  }

  /** Awaits a change, then calls the listeners. */
  async function change<T>(act: Promise<T>): Promise<T> {
    const result = await act
    changed()
    return result
  }

  async function unlock(opening: Promise<void>): Promise<void> {
    await opening
    await internalTls.open()
  }

  function lock(): void {
    token.logout()
    internalTls.close()
  }

  const acts = createCertificateActs({
    ...{ tokens, change, view, now, configuration: q.configuration },
    refreshOcsp: () => refreshOcsp(),
  })

  function hardwareToken(id: string): HardwareKeys {
    const found = hardware.find((each) => each.id === id)
    if (found === undefined) throw new Fault('token_not_found', { what: id.slice(0, 64) })
    return found
  }

  return {
    signingIdentity: (member) => identities.signing(memberOf(member)),
    authenticationIdentity: () => identities.authentication(),
    serves: identities.serves,
    signJson: createSignJson({ tokens, signing: identities.signing, find: acts.find }),
    signXRoadRequest: createSignXRoadRequest({ tokens, signing: identities.signing, find: acts.find }),
    internalTls,
    accountKeys: createAccountKeys(token),
    hardware: {
      async login(id, pin, o) {
        const bytes = Buffer.from(pin.normalize('NFC'))
        try {
          await hardwareToken(id).login(bytes, o)
        } finally {
          bytes.fill(0)
        }
      },
      logout: async (id) => hardwareToken(id).logout(),
      changePin: async (id, oldPin, newPin) => hardwareToken(id).setPin(oldPin, newPin),
      found: async (id) => hardwareToken(id).found(),
      async adopt(id, { objectId, label }) {
        const isKnown = (keyId: string): boolean => tokens.keys().some((key) => key.id === keyId)
        return describeKey(await change(hardwareToken(id).adopt({ objectId, label, isKnown })), view())
      },
    },
    ocspByHash: (hex) => statuses.byHash(hex.toLowerCase(), now()),
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    refreshOcsp,

    initialize: (pin) => change(unlock(token.initialize(pin))),
    login: (pin, o) => change(unlock(token.login(pin, o))),
    logout() {
      lock()
      changed()
    },
    changePin: (oldPin, newPin) => token.changePin(oldPin, newPin),
    tokens: () => [
      describeSoftware(token, view()),
      ...hardware.map((each) => describeHardware(each, view())),
    ],
    key: (id) => describeKey(tokens.key(id), view()),
    async createKey({ tokenId = SOFTWARE_TOKEN_ID, usage, label, algorithm = 'P-256' }) {
      if (tokenId !== SOFTWARE_TOKEN_ID) {
        if (usage !== 'SIGNING')
          throw new Fault('invalid_input', { what: say`keys for authentication lie in the software token` })
        return describeKey(await change(hardwareToken(tokenId).generate({ label, algorithm })), view())
      }
      if (!token.unlocked()) throw new Fault('token_not_active')
      const privateKey = await generateKey(algorithm)
      return describeKey(await change(token.addKey({ privateKey, usage, label })), view())
    },
    renameKey: async (id, label) =>
      describeKey(await change(tokens.update(id, (key) => ({ ...key, label }))), view()),
    deleteKey: async (id) => change(tokens.of(id).deleteKey(id)),
    async createRequest({ keyId, member, subject, dnsNames }) {
      const key = tokens.key(keyId)
      if ((key.usage === 'SIGNING') !== (member !== undefined)) {
        throw new Fault('invalid_input', { what: say`a signing key, and only that, needs a member` })
      }
      const request = await requestBy({ key: tokens.signingKey(keyId), subject, dnsNames })
      const made = { id: randomUUID(), createdAt: now().toISOString(), member, der: request }
      await tokens.update(keyId, (present) => {
        if (present.requests.length >= 20)
          throw new Fault('conflict', { what: say`a key has at most 20 requests` })
        return { ...present, requests: [...present.requests, made] }
      })
      return { id: made.id, request }
    },
    request: (keyId, id) => requestOf(tokens.key(keyId), id),
    async deleteRequest(keyId, id) {
      requestOf(tokens.key(keyId), id)
      await tokens.update(keyId, (key) => ({
        ...key,
        requests: key.requests.filter((each) => each.id !== id),
      }))
    },
    certificate: acts.info,
    certificateDer: (sha256) => acts.find(sha256).stored.certificate.der,
    importCertificate: acts.add,
    setActive: acts.setActive,
    deleteCertificate: acts.delete,
    async importPkcs12(given) {
      const ids = await importPkcs12(given, { token, store: acts.store })
      changed()
      await acts.askStatus()
      return ids.map((id) => describeKey(token.key(id), view()))
    },
    async reload() {
      await token.reload()
      for (const each of hardware) await each.reload()
      await internalTls.reload()
      changed()
      // The keys are in use by now; a responder that is silent holds up nothing else.
      void acts.askStatus().catch(() => undefined)
    },
    async close() {
      for (const each of hardware) each.close()
      await client.close()
    },
  }
}

function requestOf(key: StoredKey, id: string): Buffer {
  const found = key.requests.find((each) => each.id === id)
  if (found === undefined) throw new Fault('not_found', { what: say`there is no such certificate request` })
  return found.der
}
