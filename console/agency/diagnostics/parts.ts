/**
 * The parts of a server that diagnostics judge, in words, and the page on which something can be done about
 * each.
 */
import type { Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'

export type Finding = {
  name: string
  state: 'OK' | 'WARNING' | 'ERROR'
  message: string
  remedy?: string
}

type Part = { title: TextKey; page?: string }

const PARTS: Record<string, Part> = {
  'global-configuration': { title: 'part.configuration', page: '/settings' },
  federation: { title: 'part.federation', page: '/settings' },
  'suspension-list': { title: 'part.suspensions' },
  registry: { title: 'part.registry', page: '/settings' },
  token: { title: 'part.token', page: '/keys' },
  'hardware-tokens': { title: 'part.hardware', page: '/keys' },
  certificate: { title: 'part.certificate', page: '/keys' },
  'system-certificate': { title: 'part.systemCertificate', page: '/keys/internal-tls' },
  signing: { title: 'part.signing', page: '/keys' },
  authentication: { title: 'part.authentication', page: '/keys' },
  'time-stamping': { title: 'part.timeStamping', page: '/diagnostics/connections?kind=TIME_STAMPING' },
  contracts: { title: 'part.contracts', page: '/contracts' },
  'access-rights': { title: 'part.rights', page: '/clients' },
  'message-log': { title: 'part.log', page: '/integrity' },
  disks: { title: 'part.disks' },
  reconciliation: { title: 'part.reconciliation', page: '/reconciliation' },
  witnesses: { title: 'part.witnesses', page: '/witnesses' },
  verification: { title: 'part.verification', page: '/verification' },
  job: { title: 'part.job' },
  clock: { title: 'part.clock' },
  peer: { title: 'part.peer', page: '/diagnostics/connections?kind=PEER' },
  outage: { title: 'part.outage' },
}

/** "certificate be63… (SIGNING)": the first word names the part, the rest which of them. */
export function partOf(name: string): { title: string; which: string; page: string | undefined } {
  const [first = '', ...rest] = name.split(' ')
  const part = PARTS[first]
  if (part === undefined) return { title: name, which: '', page: undefined }
  return { title: text(part.title), which: rest.join(' '), page: part.page }
}

export const TONES: Record<Finding['state'], Tone> = { OK: 'good', WARNING: 'warn', ERROR: 'bad' }

const RANKS: Record<Finding['state'], number> = { ERROR: 0, WARNING: 1, OK: 2 }

/** What is worst comes first; else the order of the server stays. */
export function worstFirst(of: Finding[]): Finding[] {
  return [...of].sort((a, b) => RANKS[a.state] - RANKS[b.state])
}
