/**
 * Credentials of the registry: that a member is registered, what it offers, and that a version of a contract
 * is in force. Each is valid for a day at most, never longer than what it states, and is issued only while
 * the register says so: who was withdrawn has none after that day. Of a contract it says what the public log
 * says.
 */
import { signCredential } from '#core/did/credential.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { PublishedKeys } from '../../configuration/identity-keys/published-keys.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { CredentialStore } from './credentials-store.ts'
import { memberSegments, webDid } from './documents.ts'

export type Credentials = {
  /**
   * Throws `not_found` unless this is a member that is not suspended, `registry_restored` while the register
   * waits to be accepted.
   */
  membership(memberClass: string, memberCode: string): Promise<string>
  /**
   * Throws `not_found` unless a version of the contract is in force and not secret, and `registry_restored`
   * likewise.
   */
  contract(id: string): Promise<string>
  /**
   * Throws `not_found` as `membership`, and where the settings keep the catalogue for members;
   * `registry_restored` likewise.
   */
  services(memberClass: string, memberCode: string): Promise<string>
}

/** What a member offers to everybody who asks for access, as the catalogue has it. */
export type Offered = {
  openOf(
    member: string,
    limit: number,
  ): Promise<{
    services: { id: string; type: string; document: string | null; version: string }[]
    more: number
  }>
}

const DAY_MS = 86_400_000
/** A credential is given out again for half of its life, so that questions cost no signature. */
const REUSED_MS = DAY_MS / 2
const KEPT = 10_000
const MOST_SERVICES = 150
/**
 * Of the list of services, as JSON: base64url makes a third more of it, and a credential stays below the 64
 * KiB that verifiers read.
 */
const MOST_OCTETS = 40_000

export function createCredentials(q: {
  store: CredentialStore
  log: Pick<LogStore, 'indexOf'>
  /** Undefined where what members offer is for members alone. */
  catalogue: Offered | undefined
  keys: Pick<PublishedKeys, 'signers'>
  url: string
  /**
   * Why nothing is issued: a restored register that nobody has accepted yet does not know who left meanwhile.
   */
  isClosed(): Promise<string | undefined>
  clock: Clock
}): Credentials {
  const { store, log, keys, url, clock } = q
  const issuer = webDid(url, [])
  const issued = new Map<string, { token: string; until: number }>()

  /**
   * `subject` and `end` are part of the key of what is kept: when they change, a new credential is signed.
   */
  async function issue(
    type: string,
    subject: { id: string } & Record<string, unknown>,
    { now, end = Number.POSITIVE_INFINITY }: { now: number; end?: number },
  ): Promise<string> {
    const [signer] = await keys.signers(now)
    const { key, name: keyName, acceptedUntil } = signer!
    // A node that has not got the newest key yet signs with the one before, as long as that is in the
    // instance's document.
    const ends = Math.min(end, acceptedUntil === null ? end : Date.parse(acceptedUntil))
    const name = JSON.stringify([type, subject, end, keyName])
    const until = Math.min(now + DAY_MS, ends)
    const known = issued.get(name)
    if (known !== undefined && known.until > now && known.until <= now + REUSED_MS) return known.token
    const token = signCredential(
      {
        type: ['VerifiableCredential', type],
        issuer,
        validFrom: timeOf(now),
        validUntil: timeOf(until),
        credentialSubject: subject,
      },
      { key, kid: `${issuer}#${keyName}` },
    )
    if (issued.size >= KEPT) issued.clear()
    issued.set(name, { token, until: Math.min(now + REUSED_MS, until) })
    return token
  }

  async function checkOpen(): Promise<void> {
    if ((await q.isClosed()) !== undefined) throw new Fault('registry_restored')
  }

  return {
    async membership(memberClass, memberCode) {
      await checkOpen()
      const member = await store.member(memberClass, memberCode)
      if (member === undefined) throw new Fault('not_found', { what: 'no such member' })
      const { id, instance, name } = member
      return issue(
        'ConcordatMembership',
        {
          id: webDid(url, memberSegments(id)),
          ...{ instance, memberClass, memberCode, name },
        },
        { now: clock() },
      )
    },
    async services(memberClass, memberCode) {
      await checkOpen()
      const member = q.catalogue && (await store.member(memberClass, memberCode))
      if (member === undefined) throw new Fault('not_found', { what: 'no such member' })
      const { services, more } = await q.catalogue!.openOf(member.id, MOST_SERVICES)
      const offered = withinOctets(
        services.map(({ id, type, document, version }) => ({
          ...{ service: id, type },
          ...(version !== '' && { version }),
          ...(document !== null && { documentSha256: document }),
        })),
      )
      const left = more + services.length - offered.length
      return issue(
        'ConcordatServices',
        { id: webDid(url, memberSegments(member.id)), offered, ...(left > 0 && { more: left }) },
        { now: clock() },
      )
    },
    async contract(id) {
      await checkOpen()
      const now = clock()
      const found = await store.contract(id, timeOf(now))
      if (found === undefined) throw new Fault('not_found', { what: 'no such contract is in force' })
      const { version, hash, event, until } = found
      const logIndex = event === undefined ? undefined : await log.indexOf('contract', event)
      return issue(
        'ConcordatContract',
        {
          ...{ id: `urn:uuid:${id}`, version, hash, state: 'ACTIVE' },
          ...(logIndex === undefined ? {} : { logIndex }),
        },
        { now, end: Date.parse(until) },
      )
    },
  }
}

/** The first ones, as many as there is room for. */
function withinOctets<T extends object>(list: T[]): T[] {
  let octets = 0
  const end = list.findIndex((one) => {
    octets += Buffer.byteLength(JSON.stringify(one)) + 1
    return octets > MOST_OCTETS
  })
  return end === -1 ? list : list.slice(0, end)
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
