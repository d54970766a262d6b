/** What the API says of tokens, keys, certificate requests and certificates. */

export type Usage = 'SIGNING' | 'AUTHENTICATION'

type Ocsp = {
  state: 'good' | 'revoked' | 'unknown' | 'stale' | 'none'
  validUntil?: string
  checkedAt?: string
  error?: string
}

export type Certificate = {
  sha256: string
  keyId: string
  usage: Usage
  subject: string
  issuer: string
  serialNumber: string
  notBefore: string
  notAfter: string
  /** Whom a signing certificate signs for. */
  memberId?: string
  active: boolean
  importedAt: string
  state: 'registered' | 'saved' | 'expired'
  ocsp: Ocsp
  /** What somebody has to do before it can be used. */
  remedy?: string
  pem: string
  inUse: boolean
  /** In use, or none can be used now and this one waits to be. */
  needed: boolean
  users: number
  usedBy: { type: 'SERVER' | 'CLIENT'; id: string }[]
}

export type Request = { id: string; createdAt: string; memberId?: string }

export type Key = {
  id: string
  usage: Usage
  label: string
  algorithm?: string
  createdAt: string
  adopted: boolean
  requests: Request[]
  certificates: Certificate[]
}

export type Token = {
  id: string
  name: string
  type: 'SOFTWARE' | 'HARDWARE' | 'TRANSIT'
  initialized: boolean
  loggedIn: boolean
  pin?: {
    minLength: number
    classes: number
    setAt?: string
    /** When the policy wants another one. */
    endsAt?: string
    wrong?: number
    pausedUntil?: string
  }
  hardware?: {
    state: 'away' | 'locked' | 'open'
    reason?: string
    manufacturer?: string
    model?: string
    serialNumber?: string
    pin?: 'wrong before' | 'last try' | 'locked'
  }
  keys: Key[]
}

export type InternalTls = {
  sha256: string
  subject: string
  issuer: string
  serialNumber: string
  notBefore: string
  notAfter: string
  selfSigned: boolean
  algorithm?: string
  pem: string
}

export type SubjectField = { type: string; value: string }

export const keyPath = (id: string): string => `/keys/${id}`

/** A key without a label is called by the beginning of its id. */
export const keyName = ({ label, id }: Pick<Key, 'label' | 'id'>): string =>
  label === '' ? id.slice(0, 12) : label

/** In what a search for a key looks: its own names, and those on its requests and certificates. */
export const keyWords = ({ label, id, requests, certificates }: Key): string =>
  [label, id, ...requests.map(({ memberId = '' }) => memberId)]
    .concat(certificates.flatMap((one) => [one.subject, one.memberId ?? '', one.sha256]))
    .join(' ')

/**
 * One attribute of a distinguished name (RFC 4514). A comma behind a backslash belongs to the value, and
 * begins no attribute.
 */
const ATTRIBUTE = /(?:^|[,+])\s*([A-Za-z][\w-]*|\d+(?:\.\d+)*)=((?:\\.|[^\\,+])*)/gy

/** The organisation and the common name, or the whole subject when it has neither. */
export function subjectName(subject: string): string {
  const all = [...subject.matchAll(ATTRIBUTE)].map(([, type, value = '']) => ({ type, value }))
  const named = ['O', 'CN'].flatMap((wanted) => all.find(({ type }) => type === wanted)?.value ?? [])
  return named.length === 0 ? subject : [...new Set(named)].join(', ')
}

/** Attributes that RFC 4514 writes as numbers and bytes, in words. */
const NAMES: Record<string, string> = {
  '2.5.4.5': 'serialNumber',
  '2.5.4.15': 'businessCategory',
  '2.5.4.97': 'organizationIdentifier',
}

/**
 * A distinguished name as people read it: texts that RFC 4514 writes as bytes (UTF8String, PrintableString)
 * are decoded.
 */
export function subjectText(subject: string): string {
  return subject.replace(
    /(^|,)(2(?:\.\d+)+)=#(?:0c|13)[0-7][0-9a-f]((?:[0-9a-f]{2})+)/g,
    (_, before: string, type: string, hex: string) => {
      const bytes = Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
      const said = new TextDecoder().decode(bytes).replace(/[,+\\]/g, '\\$&')
      return `${before}${NAMES[type] ?? type}=${said}`
    },
  )
}
