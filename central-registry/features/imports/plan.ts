/**
 * Plans an import: what it adds to the register, what it leaves out and why, and what differs; pure. Existing
 * entries of the register stay as they are. An entry that breaks a rule is left out with everything that
 * depends on it.
 */

import { createHash } from 'node:crypto'
import { canonicalHash } from '#core/canonical/canonical-hash.ts'
import { idText } from '#schemas/identifiers.ts'
import type { RegisterRows } from '../../configuration/assemble.ts'
import type { Source } from '../../configuration/other-instances/read-source.ts'
import { MANAGEMENT_SERVICE_PROVIDER, MONITORING_CLIENT } from '../../members/store.ts'
import { createNotes, type Finding, type Notes } from './notes.ts'
import { type AddedCertificate, type MissingCertificate, planCertificates } from './plan-certificates.ts'
import { type AddedNames, planMembers } from './plan-members.ts'
import { type AddedServers, planServers } from './plan-servers.ts'
import { type AddedTrust, planTrust } from './plan-trust.ts'

/** Rows in the form of the register's tables. */
export type Take = AddedNames &
  AddedServers &
  AddedTrust & {
    /** Only parameters that the register does not have yet. */
    parameters: { name: string; value: string }[]
    certificates: AddedCertificate[]
  }

export type Plan = {
  take: Take
  notTaken: Finding[]
  /**
   * Entries that differ from the register, or that only the register has; the register stays as it is. Also
   * entries that are imported but do not work yet.
   */
  differs: Finding[]
  /** Authentication certificates of which only the hash is known yet. */
  missing: MissingCertificate[]
}

type PlanQuestion = {
  source: Pick<Source, 'shared' | 'private' | 'hasMonitoring'>
  register: RegisterRows
  /** Certificates by their SHA-256 in hex: presented by servers, or uploaded. */
  certificates: ReadonlyMap<string, Buffer>
  /** The settings of this registry's process; they are not in the register. */
  settings: { ocspFreshnessSeconds: number; timeStampingIntervalSeconds: number }
  now: Date
}

export function planImport(q: PlanQuestion): Plan {
  const { shared, private: own } = q.source
  const { notes, notTaken, differs } = createNotes()
  const names = planMembers(shared, q.register, notes)
  const servers = planServers(shared, q.register, names.known, notes)
  const trust = planTrust(q, notes)
  const { certificates, missing } = planCertificates(q, servers.known, trust, notes)
  const parameters = planParameters(q, names.known, notes)
  for (const { instance } of own?.anchors ?? [])
    notes.leave(`federation with ${instance}`, 'its anchor has to be approved in this registry')
  if (own === undefined)
    notes.leave(
      'private parameters',
      'they were not given: management service provider and federations are not known',
    )
  const take = { parameters, ...names.take, ...servers.take, certificates, ...trust }
  return { take, notTaken, differs, missing }
}

/**
 * What a plan adds, for people and for the hash that two of them approve. Certificates are replaced by their
 * SHA-256.
 */
export function readableTake(take: Take) {
  const authority = ({ certificate, responders }: AddedTrust['intermediates'][number]['authority']) => ({
    sha256: certificate.sha256,
    ocspResponders: responders.map(({ url, certificate: its }) => ({ url, ...digestOf(its) })),
  })
  return {
    ...take,
    certificates: take.certificates.map(({ sha256, server }) => ({ sha256, server })),
    services: take.services.map(({ top, ...service }) => ({ ...service, top: authority(top) })),
    intermediates: take.intermediates.map(({ of, authority: one }) => ({ of, ...authority(one) })),
    timestampingServices: take.timestampingServices.map(({ name, url, sha256 }) => ({ name, url, sha256 })),
  }
}

export type ReadableTake = ReturnType<typeof readableTake>

function digestOf(der: Buffer | undefined): { certificate?: string } {
  return der === undefined ? {} : { certificate: createHash('sha256').update(der).digest('hex') }
}

/** The hash that two people approve: over the documents' SHA-256 and everything that they would add. */
export function planHash(documents: Record<string, string>, take: Take): string {
  return canonicalHash({ documents, take: readableTake(take) })
}

function planParameters(
  { source, register, settings }: PlanQuestion,
  known: ReadonlySet<string>,
  notes: Notes,
): Take['parameters'] {
  const { shared, private: own } = source
  const parameters = new Map(register.parameters.map(({ name, value }) => [name, value]))
  const take: Take['parameters'] = []
  if (!parameters.has('instance')) take.push({ name: 'instance', value: shared.instance })
  const providerId = own?.managementService?.providerId
  if (providerId !== undefined) {
    const [provider, here] = [idText(providerId), parameters.get(MANAGEMENT_SERVICE_PROVIDER)]
    if (here !== undefined) notes.differ('management service provider', here, provider)
    else if (known.has(provider)) take.push({ name: MANAGEMENT_SERVICE_PROVIDER, value: provider })
    else notes.leave(`management service provider ${provider}`, 'it is not a member or subsystem here')
  }
  if (source.hasMonitoring && !parameters.has(MONITORING_CLIENT))
    notes.leave('monitoring client', 'two people name it here, where the instance has one')
  const seconds = (name: string, here: number, there: number): void =>
    notes.differ(`configuration.${name} in the settings of this registry`, String(here), String(there))
  seconds('ocspFreshnessSeconds', settings.ocspFreshnessSeconds, shared.ocspFreshnessSeconds)
  if (own !== undefined)
    seconds(
      'timeStampingIntervalSeconds',
      settings.timeStampingIntervalSeconds,
      own.timeStampingIntervalSeconds,
    )
  return take
}
