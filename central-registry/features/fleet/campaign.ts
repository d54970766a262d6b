/** The progress of a changeover from a CA: which servers and members still have certificates of it; pure. */
import { csvCell } from '#core/log-export/csv-cell.ts'
import type { ReportedCertificate } from '#schemas/fleet.ts'
import type { Time } from '#schemas/sent-values.ts'

type CampaignCertificate = Pick<ReportedCertificate, 'sha256' | 'usage' | 'notAfter'> & {
  /** The member of a signing certificate. */
  member?: string
  /** Whether the certificate is in the register, or only in the server's report. */
  from: 'register' | 'report'
}
export type CampaignServer = {
  server: string
  /** `unknown`: the server never reported, and the register has no certificate of this CA for it. */
  state: 'remaining' | 'done' | 'unknown'
  reportedAt: Time | null
  certificates: CampaignCertificate[]
}
export type Campaign = {
  servers: { remaining: number; done: number; unknown: number }
  /** Members with a signing certificate, according to the servers' reports. */
  clients: { remaining: number; done: number }
  entries: CampaignServer[]
}

export type CampaignFacts = {
  servers: { id: string; reportedAt: string | null }[]
  /** Registered authentication certificates of the CA. */
  registered: { server: string; sha256: string; notAfter: string }[]
  /** All reported certificates, of this CA or others. */
  reported: {
    server: string
    sha256: string
    usage: string
    member: string | null
    notAfter: string
    isOfCa: boolean
  }[]
}

export function campaignOf({ servers, registered, reported }: CampaignFacts): Campaign {
  const found = new Map<string, Map<string, CampaignCertificate>>()
  const add = (server: string, one: CampaignCertificate): void => {
    const own = found.get(server) ?? new Map<string, CampaignCertificate>()
    if (!own.has(one.sha256)) own.set(one.sha256, one)
    found.set(server, own)
  }
  for (const { server, sha256, notAfter } of registered)
    add(server, { sha256, notAfter, usage: 'AUTHENTICATION', from: 'register' })
  const members = { remaining: new Set<string>(), all: new Set<string>() }
  for (const { server, sha256, usage, member, notAfter, isOfCa } of reported) {
    if (member !== null) members.all.add(member)
    if (!isOfCa) continue
    if (member !== null) members.remaining.add(member)
    add(server, {
      ...{ sha256, notAfter, usage: usage as CampaignCertificate['usage'], from: 'report' },
      ...(member === null ? {} : { member }),
    })
  }
  const entries = servers.map(({ id, reportedAt }): CampaignServer => {
    const certificates = [...(found.get(id)?.values() ?? [])]
    const state = certificates.length > 0 ? 'remaining' : reportedAt === null ? 'unknown' : 'done'
    return { server: id, state, reportedAt, certificates }
  })
  const count = (state: CampaignServer['state']): number =>
    entries.filter((one) => one.state === state).length
  return {
    servers: { remaining: count('remaining'), done: count('done'), unknown: count('unknown') },
    clients: {
      remaining: members.remaining.size,
      done: members.all.size - members.remaining.size,
    },
    entries,
  }
}

const COLUMNS = ['server', 'state', 'lastReported', 'usage', 'member', 'certificate', 'notAfter'] as const

/**
 * One line per certificate, and one for each server without certificates (RFC 4180). No cell is a formula for
 * a spreadsheet.
 */
export function campaignCsv({ entries }: Campaign): string {
  const lines = entries.flatMap(({ server, state, reportedAt, certificates }) => {
    const head = [server, state, reportedAt ?? '']
    return certificates.length === 0
      ? [[...head, '', '', '', '']]
      : certificates.map(({ usage, member, sha256, notAfter }) => [
          ...[...head, usage, member ?? '', sha256, notAfter],
        ])
  })
  return [[...COLUMNS], ...lines].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('')
}
