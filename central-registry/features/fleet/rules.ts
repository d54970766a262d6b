/** Derives the troubles of a security server from its report, from probes and from missing reports; pure. */
import type { ServerReport } from '#schemas/fleet.ts'
import type { Time } from '#schemas/sent-values.ts'

export const TROUBLES = [
  'silent',
  'configuration',
  'ocsp',
  'timeStamping',
  'certificate',
  'clock',
  'messagePort',
  'ocspPort',
  'peerCertificate',
] as const
type TroubleKind = (typeof TROUBLES)[number]

const WARNING = 1
const ERROR = 2
export type Trouble = { kind: TroubleKind; severity: typeof WARNING | typeof ERROR; message: string }

/** The result of trying a port; `forbidden` is an address to which the registry does not connect. */
export type PortState = 'open' | 'closed' | 'silent' | 'unresolved' | 'forbidden' | 'noTls'
export type Probe = {
  messagePort: PortState
  ocspPort: PortState
  /** SHA-256 of the certificate that was presented on the message port. */
  certificate?: string
}

export type Known = {
  report?: ServerReport | undefined
  reportedAt?: Time | undefined
  probe?: Probe | undefined
  /** SHA-256 and end of the registered authentication certificates. */
  registered: { sha256: string; notAfter: string }[]
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** The time of five reports, so that a single failure does not count. */
export const SILENT_MS = 5 * MINUTE_MS
const STALE_CONFIGURATION_MS = 5 * MINUTE_MS
const UNSTAMPED_MS = 10 * MINUTE_MS
/** Half of X-Road's limit, after which exchanges stop. */
const LONG_UNSTAMPED_MS = 2 * 60 * MINUTE_MS
const SOON_MS = 30 * DAY_MS
const CLOCK_MS = 10_000
/** Half of the deviation that messages and documents tolerate. */
const BAD_CLOCK_MS = 150_000

/**
 * At most one trouble of each kind, the worst. A server that never reported has no trouble because of that.
 */
export function troublesOf({ report, reportedAt, probe, registered }: Known, now: number): Trouble[] {
  const found: Trouble[] = []
  const add = (kind: TroubleKind, severity: Trouble['severity'], message: string): void => {
    const before = found.find((one) => one.kind === kind)
    if (before === undefined) found.push({ kind, severity, message })
    else if (severity > before.severity) Object.assign(before, { severity, message })
  }
  const age = (time: string | undefined): number => (time === undefined ? 0 : now - Date.parse(time))

  if (reportedAt !== undefined && age(reportedAt) > SILENT_MS)
    add('silent', ERROR, `no report since ${reportedAt}`)
  if (report !== undefined) fromReport(report, { add, age, now })
  for (const { sha256, notAfter } of registered) ending('the registered certificate', sha256, notAfter)
  if (probe !== undefined) fromProbe(probe, registered, add)
  return found

  function ending(what: string, sha256: string, notAfter: string): void {
    const left = Date.parse(notAfter) - now
    const name = `${what} ${sha256.slice(0, 16)}`
    if (left <= 0) add('certificate', ERROR, `${name} has expired ${notAfter}`)
    else if (left < SOON_MS) add('certificate', WARNING, `${name} ends ${notAfter}`)
  }

  function fromReport(
    { configuration, timeStamping, certificates, clockErrorMs = 0 }: ServerReport,
    { add, age, now }: Judge,
  ): void {
    const { fetchedAt, expiresAt, failure } = configuration
    const because = failure === undefined ? '' : `: ${failure}`
    if (expiresAt === undefined) add('configuration', ERROR, `it has no configuration${because}`)
    else if (Date.parse(expiresAt) <= now)
      add('configuration', ERROR, `its configuration has expired ${expiresAt}${because}`)
    else if (age(fetchedAt) > STALE_CONFIGURATION_MS)
      add('configuration', WARNING, `it last got a configuration ${fetchedAt}${because}`)

    for (const { ocsp, ocspFailure, sha256, member, notAfter, usage } of certificates) {
      const name = `${usage.toLowerCase()} certificate ${sha256.slice(0, 16)}`
      if (ocsp === 'revoked') add('ocsp', ERROR, `the ${name} is revoked`)
      else if (ocsp !== 'good')
        add('ocsp', ERROR, `no good OCSP answer for the ${name}${ocspFailure ? `: ${ocspFailure}` : ''}`)
      else if (ocspFailure !== undefined) add('ocsp', WARNING, `the last answer failed: ${ocspFailure}`)
      ending(`the ${usage.toLowerCase()} certificate${member ? ` of ${member}` : ''}`, sha256, notAfter)
    }

    const { oldestUnstamped } = timeStamping
    const unstamped = age(oldestUnstamped)
    const why = timeStamping.failure === undefined ? '' : `: ${timeStamping.failure}`
    if (unstamped > UNSTAMPED_MS)
      add(
        'timeStamping',
        unstamped > LONG_UNSTAMPED_MS ? ERROR : WARNING,
        `records wait for a time-stamp since ${oldestUnstamped}${why}`,
      )
    else if (timeStamping.failure !== undefined) add('timeStamping', WARNING, `the last attempt failed${why}`)

    if (Math.abs(clockErrorMs) > CLOCK_MS)
      add(
        'clock',
        Math.abs(clockErrorMs) > BAD_CLOCK_MS ? ERROR : WARNING,
        `its clock is ${Math.round(Math.abs(clockErrorMs) / 1000)} s ${clockErrorMs > 0 ? 'ahead of' : 'behind'} the registry's`,
      )
  }
}

type Judge = {
  add(kind: TroubleKind, severity: Trouble['severity'], message: string): void
  age(time: string | undefined): number
  now: number
}

const PORT_TEXTS: Record<Exclude<PortState, 'open'>, string> = {
  closed: 'refuses connections',
  silent: 'does not answer',
  unresolved: 'cannot be tried: its name is not known to the DNS',
  forbidden: 'is not tried: the registry does not connect to such an address',
  noTls: 'answers, but not with TLS',
}

function fromProbe(
  { messagePort, ocspPort, certificate }: Probe,
  registered: Known['registered'],
  add: Judge['add'],
): void {
  if (messagePort !== 'open') add('messagePort', ERROR, `port 5500 ${PORT_TEXTS[messagePort]}`)
  if (ocspPort !== 'open') add('ocspPort', ERROR, `port 5577 ${PORT_TEXTS[ocspPort]}`)
  if (certificate !== undefined && !registered.some(({ sha256 }) => sha256 === certificate))
    add('peerCertificate', ERROR, `it shows the certificate ${certificate}, which is not registered for it`)
}
