/** The problems of a server: words for kinds and severities, and how it was reached. */
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'

type Severity = 'none' | 'warning' | 'error'
export type Trouble = { kind: string; severity: Severity; message: string; since: string }
type PortState = 'open' | 'closed' | 'silent' | 'unresolved' | 'forbidden' | 'noTls'
export type Probe = { messagePort: PortState; ocspPort: PortState; certificate?: string; at: string }
export type FleetServer = {
  id: string
  address: string
  worst: Severity
  maintenance: boolean
  version: string | null
  reportedAt: string | null
  configuration: { index?: number; fetchedAt?: string; expiresAt?: string; failure?: string } | null
  probe: Probe | null
  troubles: Trouble[]
}

export const TROUBLES = [
  ...['silent', 'configuration', 'ocsp', 'timeStamping', 'certificate', 'clock'],
  ...['messagePort', 'ocspPort', 'peerCertificate'],
]
const TONES: Record<Severity, Tone> = { none: 'good', warning: 'warn', error: 'bad' }

export function troubleName(kind: string): string {
  return text(`fleet.trouble.${kind}` as TextKey)
}

/** The state of a server in a word; "unknown" when nothing is known about it. */
export function Worst({ of }: { of: Pick<FleetServer, 'worst' | 'reportedAt' | 'probe'> }) {
  if (of.worst === 'none' && of.reportedAt === null && of.probe === null)
    return <Status tone="quiet" word="fleet.unknown" />
  return <Status tone={TONES[of.worst]} word={`fleet.${of.worst}`} />
}

export function SeverityStatus({ of }: { of: Severity }) {
  return <Status tone={TONES[of]} word={`fleet.${of}`} />
}

export function PortStatus({ state }: { state: PortState }) {
  const tone: Tone = state === 'open' ? 'good' : 'bad'
  return <Status tone={tone} word={`fleet.port.${state}`} />
}
