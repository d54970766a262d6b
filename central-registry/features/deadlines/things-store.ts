/** What ends within 60 days, or ended lately, as the register has it, and which members it concerns. */
import { X509Certificate } from 'node:crypto'
import { DAY_MS } from '#core/mail/threshold.ts'
import type { CollectedFailures } from '#platform/collect-failures.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import type { RegisterTables } from '../../register/tables.ts'

/** `id` stays the same until it is another thing, or ends at another time. */
export type Thing = {
  id: string
  kind: 'AUTHENTICATION' | 'HOSTING_MANDATE' | 'TRUST_SERVICE' | 'SIGNING_KEY' | 'API_KEY' | 'LISTENER'
  /** What it is called, and what it belongs to. */
  name: string
  of: string
  /** Members that are told; without any, or where none has an address, the administrators are. */
  members: string[]
  begins: number
  ends: number
}

/** The first threshold, and so long after its end something may still be told of. */
const [AHEAD_MS, AFTER_MS] = [60 * DAY_MS, 30 * DAY_MS]

export function createEndingThings(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  /** Without those of a server that has another one which lives longer. */
  async function certificates({ after, before }: Times, failures: CollectedFailures): Promise<Thing[]> {
    const rows = await tables
      .selectFrom('authentication_certificate as one')
      .select(['one.sha256', 'one.server', 'one.certificate'])
      .where('one.not_after', '>=', after)
      .where('one.not_after', '<', before)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('authentication_certificate as other')
              .select('other.sha256')
              .whereRef('other.server', '=', 'one.server')
              .whereRef('other.not_after', '>', 'one.not_after'),
          ),
        ),
      )
      .orderBy('one.not_after')
      .execute()
    return failures.each(
      rows,
      ({ sha256 }) => `AUTHENTICATION ${sha256}`,
      ({ sha256, server, certificate }) => ({
        ...{ kind: 'AUTHENTICATION' as const, name: sha256, of: colonForm(server) },
        ...ofCertificate(certificate),
        members: [idText(memberOf(parseServerId(server)))],
      }),
    )
  }

  async function mandates({ after, before }: Times, failures: CollectedFailures): Promise<Thing[]> {
    const rows = await tables
      .selectFrom('hosting_mandate')
      .select(['id', 'host', 'client', 'member', 'created_at', 'valid_until'])
      .where('ended_at', 'is', null)
      .where('valid_until', '>=', after)
      .where('valid_until', '<', before)
      .orderBy('valid_until')
      .execute()
    return failures.each(
      rows,
      ({ id }) => `HOSTING_MANDATE ${id}`,
      (row) => ({
        ...{ id: `mandate-${row.id}`, kind: 'HOSTING_MANDATE' as const },
        ...{ name: colonForm(row.client), of: colonForm(row.host), members: [row.host, row.member] },
        ...{ begins: Date.parse(row.created_at), ends: Date.parse(row.valid_until) },
      }),
    )
  }

  /** Approved CAs, the responders and time-stamping services that are approved by a certificate. */
  async function trustServices(_: Times, failures: CollectedFailures): Promise<Thing[]> {
    const [services, authorities, responders, stamping] = await Promise.all([
      tables.selectFrom('certification_service').select(['id', 'name']).execute(),
      tables.selectFrom('certification_authority').select(['service', 'certificate']).execute(),
      tables.selectFrom('ocsp_responder').select(['url', 'certificate']).execute(),
      tables.selectFrom('timestamping_service').select(['name', 'url', 'certificate']).execute(),
    ])
    const nameOf = new Map(services.map(({ id, name }) => [Number(id), name]))
    const approved = [
      ...authorities.map(({ service, certificate }) => ({
        name: nameOf.get(Number(service)) ?? '',
        certificate,
      })),
      ...responders.map(({ url, certificate }) => ({ name: url, certificate })),
      ...stamping.map(({ name, url, certificate }) => ({ name: `${name} ${url}`, certificate })),
    ].flatMap(({ name, certificate }) => (certificate === null ? [] : [{ name, certificate }]))
    return failures.each(
      approved,
      ({ name }) => `TRUST_SERVICE ${name}`,
      ({ name, certificate }) => ({
        ...{ kind: 'TRUST_SERVICE' as const, name, of: '', members: [] },
        ...ofCertificate(certificate),
      }),
    )
  }

  /** The key that signs now: another one is activated in its place, and not only added. */
  async function signingKeys(_: Times, failures: CollectedFailures): Promise<Thing[]> {
    const rows = await tables
      .selectFrom('signing_key')
      .select(['id', 'certificate'])
      .where('is_active', '=', 1)
      .execute()
    return failures.each(
      rows,
      ({ id }) => `SIGNING_KEY ${id}`,
      ({ id, certificate }) => ({
        ...{ kind: 'SIGNING_KEY' as const, name: id, of: '', members: [] },
        ...ofCertificate(certificate),
      }),
    )
  }

  const rows = { certificates, mandates, trustServices, signingKeys }
  return async (now: number, failures: CollectedFailures): Promise<Thing[]> => {
    const times = { after: iso(now - AFTER_MS), before: iso(now + AHEAD_MS) }
    const found = await failures.each(
      Object.entries(rows),
      ([name]) => name,
      ([, find]) => find(times, failures),
    )
    return notLongOver(found.flat(), now)
  }
}

/** Without what ended so long ago that nobody is told of it any more. */
export function notLongOver(things: readonly Thing[], now: number): Thing[] {
  return things.filter(({ ends }) => ends >= now - AFTER_MS)
}

type Times = { after: string; before: string }

/** Throws for bytes that are no certificate. */
export function ofCertificate(bytes: Buffer): Pick<Thing, 'id' | 'begins' | 'ends'> {
  const { fingerprint256, validFromDate, validToDate } = new X509Certificate(bytes)
  return { id: fingerprint256, begins: validFromDate.getTime(), ends: validToDate.getTime() }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
