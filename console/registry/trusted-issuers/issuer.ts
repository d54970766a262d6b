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
  requiresStatus?: boolean | string
  statusHosts?: string[]
}

/** What was typed: lists of identifiers have one a line, rows are those of row-values.ts. */
type Typed = {
  purpose: string
  types: string
  claims: string
  signers: string
  hosts: string
  status: string
}

/** Each behind the other with a line's end: what stands behind the last is being typed (picks.tsx). */
const picked = (all: readonly string[] = []): string => all.map((one) => `${one}\n`).join('')

export function typedOf(now: Issuer | undefined): Typed {
  const { purpose = '', types, claims = [], signers = [], statusHosts, requiresStatus } = now ?? {}
  return {
    ...{ purpose, types: picked(types), hosts: picked(statusHosts) },
    claims: rowsText(claims.map((claim) => ({ claim: claimText(claim) }))),
    signers: rowsText(signers as Row[]),
    status: now === undefined || requiresStatus ? 'needed' : 'optional',
  }
}

/** `certificate` is that of a CA, or undefined where those that it has now stay. */
export function issuerOf(
  name: string,
  typed: Typed,
  q: { certificate: string | undefined; now: Issuer | undefined; at: number },
): Issuer {
  const { certificate, now, at } = q
  const claims = filledIn(typed.claims).map(({ claim = '' }) => claimIn(claim).map((step) => step ?? '*'))
  const signers = filledIn(typed.signers) as Mark[]
  const hosts = namesIn(typed.hosts)
  return {
    ...{ name, purpose: typed.purpose.trim(), types: namesIn(typed.types) },
    ...(claims.length === 0 ? {} : { claims }),
    anchors:
      certificate === undefined
        ? // Trust that ended does not begin again by a change: the CA has to be given.
          (now?.anchors ?? []).filter(({ trustedUntil }) => !isOver(trustedUntil, at))
        : [{ certificate }],
    ...(signers.length === 0 ? {} : { signers }),
    ...statusOf(typed, now),
    ...(hosts.length === 0 && now?.statusHosts === undefined ? {} : { statusHosts: hosts }),
  }
}

/** What says the same is left as it was: other terms end the trust under those of before (docs/wallets.md). */
function statusOf({ status }: Typed, now: Issuer | undefined): Pick<Issuer, 'requiresStatus'> {
  if (status === 'needed') return { requiresStatus: now?.requiresStatus || true }
  return now !== undefined && now.requiresStatus === undefined ? {} : { requiresStatus: false }
}

function namesIn(lines: string): string[] {
  return [...new Set(lines.split(/\s+/).filter((one) => one !== ''))]
}

const isOver = (time: string | undefined, at: number): boolean => time !== undefined && Date.parse(time) <= at
