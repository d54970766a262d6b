/** An issuer of credentials, as the API has it, and as it stands in the fields of its form. Pure. */
import { claimIn, claimText } from '../../kit/attested.ts'
import { filledIn, type Row, rowsText } from '../../kit/row-values.ts'

/** By what a certificate below a CA is told from others; those that are said must all be in it. */
export const MARKS = ['subject', 'dnsName', 'uri', 'policy', 'usage'] as const
type Mark = Partial<Record<(typeof MARKS)[number], string>>

export type Issuer = {
  name: string
  purpose: string
  types: string[]
  claims?: string[][]
  anchors: { certificate: string; trustedFrom?: string; trustedUntil?: string }[]
  signers?: Mark[]
  statusSigners?: Mark[]
  requiresStatus?: boolean | string
  statusHosts?: string[]
}

/**
 * What was typed: lists of identifiers have one a line, rows are those of row-values.ts; `cas` are the places
 * of anchors that stay.
 */
type Typed = {
  purpose: string
  types: string
  claims: string
  cas: string
  signers: string
  statusSigners: string
  hosts: string
  status: string
}

/** Each behind the other with a line's end: what stands behind the last is being typed (picks.tsx). */
const picked = (all: readonly string[] = []): string => all.map((one) => `${one}\n`).join('')

/** The places of the anchors that count, or will. */
export function goingOf(now: Issuer | undefined, at: number): number[] {
  return (now?.anchors ?? []).flatMap(({ trustedUntil }, place) => (isOver(trustedUntil, at) ? [] : [place]))
}

export function typedOf(now: Issuer | undefined, at: number): Typed {
  const { purpose = '', types, claims = [], statusHosts, requiresStatus } = now ?? {}
  const { signers = [], statusSigners = [] } = now ?? {}
  return {
    ...{ purpose, types: picked(types), hosts: picked(statusHosts) },
    claims: rowsText(claims.map((claim) => ({ claim: claimText(claim) }))),
    cas: goingOf(now, at).join(','),
    signers: rowsText(signers as Row[]),
    statusSigners: rowsText(statusSigners as Row[]),
    status: now === undefined || requiresStatus ? 'needed' : 'optional',
  }
}

/** `certificate` is that of a CA which comes to those that stay. */
export function issuerOf(
  name: string,
  typed: Typed,
  q: { certificate: string | undefined; now: Issuer | undefined; at: number },
): Issuer {
  const { certificate, now, at } = q
  const claims = filledIn(typed.claims).map(({ claim = '' }) => claimIn(claim).map((step) => step ?? '*'))
  const signers = filledIn(typed.signers) as Mark[]
  const statusSigners = filledIn(typed.statusSigners) as Mark[]
  const staying = new Set(typed.cas.split(','))
  const hosts = namesIn(typed.hosts)
  return {
    ...{ name, purpose: typed.purpose.trim(), types: namesIn(typed.types) },
    ...(claims.length === 0 ? {} : { claims }),
    anchors: [
      // Trust that ended does not begin again by a change: the CA has to be given.
      ...goingOf(now, at)
        .filter((place) => staying.has(String(place)))
        .map((place) => now!.anchors[place]!),
      ...(certificate === undefined ? [] : [{ certificate }]),
    ],
    ...(signers.length === 0 ? {} : { signers }),
    ...(statusSigners.length === 0 ? {} : { statusSigners }),
    ...statusOf(typed, now),
    ...(hosts.length === 0 && now?.statusHosts === undefined ? {} : { statusHosts: hosts }),
  }
}

/**
 * What says the same is left as it was: other terms end the trust under those of before (docs/wallets.md).
 */
function statusOf({ status }: Typed, now: Issuer | undefined): Pick<Issuer, 'requiresStatus'> {
  if (status === 'needed') return { requiresStatus: now?.requiresStatus || true }
  return now !== undefined && now.requiresStatus === undefined ? {} : { requiresStatus: false }
}

function namesIn(lines: string): string[] {
  return [...new Set(lines.split(/\s+/).filter((one) => one !== ''))]
}

const isOver = (time: string | undefined, at: number): boolean => time !== undefined && Date.parse(time) <= at
