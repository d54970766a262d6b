/** When a certificate is renewed, and when something that failed is tried again; pure. */
import { type Certificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { attributes } from '#core/certificate/name.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import { keyId } from '../../keys/key-file.ts'
import type { RenewalWindow } from './acme/renewal-info.ts'

const DAY_MS = 24 * 3600_000
/**
 * No step waits for longer than a day (what a CA asks for is cut to it): a later time was written while the
 * clock was ahead.
 */
const LONGEST_WAIT_MS = 25 * 3600_000
const FIRST_REST_MS = 60_000
const LONGEST_REST_MS = 6 * 3600_000

/** The end of the certificate that counts: of its whole life. */
type Life = Pick<Certificate, 'notBefore' | 'notAfter'>

/**
 * The moment of renewal: within the CA's window, at `chance` (0 to 1) of it, or after the share of the life.
 * It lies in the last nine tenths of the life, so that a CA that always says "now" is asked for no endless
 * row of certificates, and before its end.
 */
export function renewAt(
  life: Life,
  q: { share: number; window?: RenewalWindow | undefined; chance: number },
): Date {
  const [begin, end] = [life.notBefore.getTime(), life.notAfter.getTime()]
  const whole = end - begin
  const { window } = q
  const wished =
    window === undefined
      ? begin + whole * q.share
      : window.start.getTime() + (window.end.getTime() - window.start.getTime()) * q.chance
  const earliest = begin + Math.min(whole / 10, DAY_MS)
  const latest = end - whole / 20
  return new Date(Math.min(Math.max(wished, earliest), latest))
}

/** An account is one node's, at one CA; `name`: its `kid` there, or the member that it is kept for. */
type AccountPlace = { node: string; directoryUrl: string; name: string }

/** The id of an account's row. Neither names of nodes nor addresses have a blank. */
export function accountRow({ node, directoryUrl, name }: AccountPlace): string {
  return `${node} ${directoryUrl} ${name}`
}

export function accountPlace(id: string): AccountPlace {
  const [node = '', directoryUrl = '', ...name] = id.split(' ')
  return { node, directoryUrl, name: name.join(' ') }
}

/** Whether what waits until `next_at` may go on. */
export function isTime(next_at: string, now: number): boolean {
  const at = Date.parse(next_at)
  return at <= now || at > now + LONGEST_WAIT_MS
}

/** So often a step may fail before somebody is told: the first pauses are minutes. */
const TRIES_BEFORE_TOLD = 3

/**
 * Why a renewal did not replace its certificate in time; undefined while it is in time. One that fails again
 * and again, that waits for others too long, or that its node does not go on with.
 */
export function overdueOf(
  row: {
    state: string
    next_at: Time
    tries: number
    error_code: string | null
    error_text: string | null
  },
  now: number,
): string | undefined {
  const isFailing = row.error_code !== null && (row.tries === 0 || row.tries >= TRIES_BEFORE_TOLD)
  if (isFailing) return `${row.state}: ${row.error_text ?? row.error_code}`
  const waits = Date.parse(row.next_at) - now
  return waits < -DAY_MS || waits > LONGEST_WAIT_MS ? `${row.state}: next_at ${row.next_at}` : undefined
}

/** The certificates that a renewal put out of use, the newest first. */
export function retiredBy({ retired }: { retired: string | null }): string[] {
  return retired === null ? [] : (JSON.parse(retired) as string[])
}

/** Doubles from a minute to six hours; what the CA asks for counts when it is longer. */
export function nextTry(now: number, tries: number, retryAfterSeconds = 0): Date {
  const rest = Math.min(FIRST_REST_MS * 2 ** Math.min(tries, 20), LONGEST_REST_MS)
  return new Date(now + Math.max(rest, retryAfterSeconds * 1000))
}

/**
 * Throws `incorrect_certificate` unless the certificate is for the key, the name and of the CA that were
 * asked: an ACME server may lie. What any import looks at (usage, path, member, profile) is looked at when it
 * is imported.
 */
export function checkOrdered(
  certificate: Certificate,
  q: {
    usage: 'SIGNING' | 'AUTHENTICATION'
    keyId: string
    dnsName: string
    /** The certificates of the approved CAs, since two may have one name. */
    ca: Buffer
    issuer: Buffer | undefined
  },
): void {
  const spki = publicKeyOf(certificate).export({ format: 'der', type: 'spki' })
  if (keyId(spki) !== q.keyId) throw refused(say`the CA gave a certificate for another key`)
  if (q.issuer?.equals(q.ca) !== true) throw refused(say`the certificate is of another CA than was asked`)
  if (q.usage === 'AUTHENTICATION' && !namesOf(certificate).includes(q.dnsName.toLowerCase()))
    throw refused(say`the certificate does not name ${q.dnsName}, which was asked for`)
}

/** The DNS names of a certificate; its common name where it has none. */
export function namesOf({ extensions, subject }: Certificate): string[] {
  const names = (extensions.subjectAltNames ?? []).flatMap((one) =>
    one.kind === 'dNSName' ? [one.text] : [],
  )
  return (names.length > 0 ? names : attributes(subject, 'CN')).map((name) => name.toLowerCase())
}

function refused(what: Word): Fault {
  return new Fault('incorrect_certificate', { what })
}

/**
 * Returns the name in lower case. Throws `invalid_input` for none, and for what is no host name: an address
 * has no DNS name.
 */
export function checkDnsName(text: string | undefined): string {
  const name = text?.toLowerCase() ?? ''
  const isName =
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
  if (!isName || /^[0-9.]+$/.test(name))
    throw new Fault('invalid_input', { what: say`dnsName: a host name that the CA can look at` })
  return name
}
