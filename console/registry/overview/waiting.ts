/** What an instance lacks or will soon lose, and which operation solves it. Pure. */
import type { Tone } from '../../kit/status.tsx'
import type { TextKey } from '../../kit/text.ts'
import type { Configuration } from '../configuration/page.tsx'
import type { System } from '../settings/page.tsx'
import type { CertificationService } from '../trust-services/certification-service.tsx'
import type { TimestampingService } from '../trust-services/timestamping-service.tsx'

export type Overview = {
  now: string
  /** What this caller, and what any registration officer, may decide now. */
  waiting: { proposals: number; requests: number }
  /** `done` is absent when no login is set up. */
  installation: { done?: boolean; reopenedUntil?: string }
  counts: { members: number; subsystems: number; securityServers: number; globalGroups: number }
  suspensions: { inForce: number; unconfirmed: number }
  contracts: {
    toApprove: number
    withinDays: number
    ending: number
    overdue: number
    /** The number of addresses that nobody has confirmed. */
    unconfirmedContacts: number
  }
  /** Messages to members that were refused or given up. */
  mail: { undelivered: number }
  /** `open`: imports that were read and not carried out. `proposed`: undecided proposals to carry one out. */
  imports: { open: number; proposed: number }
  backups: { isConfigured: boolean; isWell?: boolean; newestAt?: string; failure?: string }
  /** The register was restored, and nobody has accepted it yet. */
  isRestored: boolean
  forkedLogs: { isWitness: boolean; proofs: number }
  serversWithoutCertificate: number
  expiringCertificates: {
    withinDays: number
    total: number
    soonest: { sha256: string; server: string; notAfter: string }[]
    weeks: { from: string; certificates: number }[]
  }
}

type Known = {
  overview: Overview
  system: System
  configuration: Configuration
  certification: CertificationService[]
  timestamping: TimestampingService[]
}

/** `operation` solves it: the entry waits for the callers of that operation. */
export type Waiting = {
  what: TextKey
  values?: Record<string, string | number>
  tone: Tone
  operation: string
  to: string
}

const SOON_MS = 90 * 86_400_000

/** The most urgent first. */
export function waitingOf(known: Known): Waiting[] {
  const found: Waiting[] = []
  const add: Add = (holds, waiting) => {
    if (holds) found.push(waiting)
  }
  const now = Date.parse(known.overview.now)
  addRegistry(known, add)
  addDecisions(known.overview, now, add)
  addInstance(known, now, add)
  addTrust(known, now, add)
  return found.toSorted((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'))
}

type Add = (holds: boolean, waiting: Waiting) => void

/** What the registry's own operation lacks. */
function addRegistry({ overview, system }: Known, add: Add): void {
  const { installation, backups } = overview
  add(overview.isRestored, {
    what: 'waiting.restored',
    tone: 'bad',
    operation: 'acceptRestoredRegistry',
    to: '/backups',
  })
  add(system.initialized && backups.isConfigured && backups.isWell !== true, {
    what: backups.failure === undefined ? 'waiting.backupOld' : 'waiting.backupFailed',
    tone: 'bad',
    operation: 'makeBackup',
    to: '/backups',
  })
  add(installation.reopenedUntil !== undefined, {
    what: 'waiting.reopened',
    tone: 'bad',
    operation: 'closeInstallation',
    to: '/people',
  })
  add(installation.done === false, {
    what: 'waiting.installation',
    tone: 'bad',
    operation: 'addApiKey',
    to: '/people',
  })
}

/** What waits for somebody's decision. */
function addDecisions(overview: Overview, now: number, add: Add): void {
  const { waiting, suspensions, contracts, mail, imports } = overview
  add(waiting.proposals > 0, {
    what: 'waiting.proposals',
    values: { count: waiting.proposals },
    tone: 'warn',
    operation: 'approveProposal',
    to: '/proposals?view=waiting',
  })
  add(waiting.requests > 0, {
    what: 'waiting.requests',
    values: { count: waiting.requests },
    tone: 'warn',
    operation: 'approveManagementRequest',
    to: '/management-requests?state=SUBMITTED_FOR_APPROVAL',
  })
  add(suspensions.unconfirmed > 0, {
    what: 'waiting.suspensions',
    values: { count: suspensions.unconfirmed },
    tone: 'bad',
    operation: 'confirmSuspension',
    to: '/suspensions?state=unconfirmed',
  })
  add(contracts.toApprove > 0, {
    what: 'waiting.contracts',
    values: { count: contracts.toApprove },
    tone: 'warn',
    operation: 'approveContract',
    to: '/contracts?state=ACCEPTED',
  })
  add(contracts.ending > 0, {
    what: contracts.overdue > 0 ? 'waiting.contractsOverdue' : 'waiting.contractsEnd',
    values: { count: contracts.ending, days: contracts.withinDays, overdue: contracts.overdue },
    tone: contracts.overdue > 0 ? 'bad' : 'warn',
    operation: 'approveContract',
    to: `/contracts?endsBefore=${dayOf(now + contracts.withinDays * 86_400_000)}&sort=validUntil`,
  })
  add(contracts.unconfirmedContacts > 0, {
    what: 'waiting.contacts',
    values: { count: contracts.unconfirmedContacts },
    tone: 'warn',
    operation: 'sendContactLetter',
    to: '/contracts?contacts=unconfirmed',
  })
  add(imports.open > 0, {
    what: imports.proposed > 0 ? 'waiting.importsProposed' : 'waiting.imports',
    values: { count: imports.open, proposed: imports.proposed },
    tone: 'warn',
    operation: 'carryOutImport',
    to: '/imports?state=OPEN',
  })
  add(mail.undelivered > 0, {
    what: 'waiting.mail',
    values: { count: mail.undelivered },
    tone: 'warn',
    operation: 'retryMailMessage',
    to: '/mail-messages?state=UNDELIVERED',
  })
}

/** What the instance cannot work without. */
function addInstance({ overview, system, configuration }: Known, now: number, add: Add): void {
  const { newest, signingKeys } = configuration
  add(!system.initialized, {
    what: 'waiting.instance',
    tone: 'bad',
    operation: 'initializeSystem',
    to: '/settings',
  })
  add(signingKeys.length === 0, {
    what: 'waiting.signingKey',
    tone: 'bad',
    operation: 'addSigningKey',
    to: '/configuration',
  })
  add(newest !== null && Date.parse(newest.expiresAt) <= now, {
    what: 'waiting.expired',
    tone: 'bad',
    operation: 'publishConfiguration',
    to: '/configuration',
  })
  add(system.initialized && system.managementServiceProvider === undefined, {
    what: 'waiting.provider',
    tone: 'warn',
    operation: 'setManagementServiceProvider',
    to: '/settings',
  })
  add(overview.serversWithoutCertificate > 0, {
    what: 'waiting.noCertificate',
    values: { count: overview.serversWithoutCertificate },
    tone: 'warn',
    operation: 'addAuthenticationCertificate',
    to: '/security-servers?certificate=none',
  })
}

/** Missing approvals of trust services, and approvals or servers' certificates that end soon. */
function addTrust({ overview, certification, timestamping }: Known, now: number, add: Add): void {
  add(certification.length === 0, {
    what: 'waiting.certification',
    tone: 'bad',
    operation: 'addCertificationService',
    to: '/trust-services',
  })
  for (const { name, certificateProfileInfo, certificateProfileKnown } of certification)
    add(!certificateProfileKnown, {
      what: 'waiting.profileUnknown',
      values: { name, profile: certificateProfileInfo },
      tone: 'bad',
      operation: 'putCertificateProfile',
      to: '/trust-services',
    })
  add(timestamping.length === 0, {
    what: 'waiting.timestamping',
    tone: 'bad',
    operation: 'addTimestampingService',
    to: '/trust-services',
  })
  for (const { name, notAfter } of trusted(certification, timestamping)) {
    const left = Date.parse(notAfter) - now
    add(left < SOON_MS, {
      what: left <= 0 ? 'waiting.trustEnded' : 'waiting.trustEnds',
      values: { name },
      tone: left <= 0 ? 'bad' : 'warn',
      operation: 'addCertificationService',
      to: '/trust-services',
    })
  }
  add(overview.expiringCertificates.total > 0, {
    what: 'waiting.expiring',
    values: { count: overview.expiringCertificates.total, days: overview.expiringCertificates.withinDays },
    tone: 'warn',
    operation: 'addAuthenticationCertificate',
    to: '/',
  })
}

/** A time in the form of an input of local time. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16)
}

function trusted(
  certification: CertificationService[],
  timestamping: TimestampingService[],
): { name: string; notAfter: string }[] {
  const authorities = certification.flatMap(({ name, authorities: own }) =>
    own.map(({ notAfter }) => ({ name, notAfter })),
  )
  const responders = certification.flatMap(({ authorities: own }) =>
    own.flatMap(({ ocspResponders }) =>
      ocspResponders.flatMap(({ url, certificate }) =>
        certificate === undefined ? [] : [{ name: url, notAfter: certificate.notAfter }],
      ),
    ),
  )
  return [...authorities, ...responders, ...timestamping]
}
