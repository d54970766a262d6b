/** Content for the consoles' pages: a fleet with problems, an overdue audit order, a service that changed. */
import { randomUUID } from 'node:crypto'
import { createChange } from '#central-registry/changes/store.ts'
import { createAuditOrderStore } from '#central-registry/features/audit-orders/store.ts'
import type { Tables as AuditOrderTables } from '#central-registry/features/audit-orders/tables.ts'
import { createCatalogueStore } from '#central-registry/features/catalogue/store.ts'
import { createCallStore } from '#central-registry/features/fleet/calls-store.ts'
import { createMailStore, insertMail } from '#central-registry/features/mail/store.ts'
import { openRegistryDatabase } from '#central-registry/registry.ts'
import type { Authority } from '#certs/authority.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { createWitnessStore } from '#platform/witness/store.ts'
import { callsAt, reportAt, signedReport } from './fleet.ts'
import { signingParty } from './management-requests.ts'
import type { Node } from './registry-world.ts'

/** A server that reports its problems, a probe that did not reach it, and an outage. */
export async function troubleInTheFleet(authority: Authority, node: Node, now: number): Promise<void> {
  const at = (ms: number): string => new Date(now + ms).toISOString()
  const report = reportAt('DEV/GOV/1234', now, {
    configuration: { index: 1, fetchedAt: at(-400_000), expiresAt: at(200_000), failure: 'no answer <b>' },
    clockErrorMs: 200_000,
    certificates: [
      {
        ...{ sha256: 'a'.repeat(64), usage: 'SIGNING', member: 'DEV/GOV/1234', notAfter: at(9e8) },
        ...{ authority: authority.intermediate.sha256, ocsp: 'stale', ocspFailure: 'HTTP 500' },
      },
    ],
  })
  // The world's clock stands still, and its authority's does not: on a slow machine a new certificate would
  // not be valid yet.
  const notBefore = new Date(now - 3_600_000)
  const bytes = signedReport(report, await signingParty(authority, 'DEV/GOV/1234', { notBefore }))
  const { status } = await node.register('/registration/v1/server-reports', bytes)
  if (status !== 200) throw new Error(`the report was refused: ${status}`)
  await node.must('POST', '/fleet/DEV:GOV:1234:SS1/probe')
  await node.must('POST', '/outages', { message: 'Works in the <b>data centre</b>', until: at(3_600_000) })
}

/** Exchanges that the owner's server reported for yesterday, one pair of them with another instance. */
export async function exchangesOfTheMonth(url: string, now: number): Promise<void> {
  const database = await openRegistryDatabase(url)
  const owner = 'DEV/GOV/1234'
  const counts = { answered: 1200, failed: 1, refused: 0 }
  const service = `${owner}/plain/persons`
  const calls = [
    { side: 'provider' as const, consumer: 'OTHER/COM/5/<b>', service, ...counts },
    { side: 'consumer' as const, consumer: `${owner}/plain`, service, ...counts, answered: 0, failed: 0 },
  ].map((one) => ({ ...one, consumer: one.consumer.replace('<b>', '%3Cb%3E') }))
  const rest = { answered: 5, failed: 0, refused: 0 }
  await createCallStore(database).take(callsAt(owner, now, { on: now - 86_400_000, calls, rest }), now)
  await database.close()
}

/** A server's message log that was cosigned here, and that showed another history afterwards. */
export async function forkLog(url: string, now: number): Promise<void> {
  const database = await openRegistryDatabase(url)
  const store = createWitnessStore(database)
  const origin = 'DEV/GOV/1234/SS1/log'
  const time = new Date(now - 60_000).toISOString()
  const noteOf = (root: Buffer): string => `${origin}\n412\n${root.toString('base64')}\n`
  const [known, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map(noteOf)
  const tree = { size: 412, root: Buffer.alloc(32, 1), note: known!, time }
  await store.advance(origin, () => ({ write: { tree } }))
  const refusal = { time, is_fork: 1, known_note: known!, submission: Buffer.from(other!) }
  await store.advance(origin, () => ({ write: { refusal } }))
  await database.close()
}

/** An audit order that a server does not answer in time. */
export async function orderAudit(url: string, now: number): Promise<void> {
  const database = await openRegistryDatabase(url)
  const change = createChange(database, async () => undefined)
  const store = createAuditOrderStore(database, change)
  const at = (ms: number) => new Date(now + ms).toISOString()
  const order = {
    ...{
      id: randomUUID(),
      createdAt: at(-1000),
      instance: 'DEV',
      authority: '<b>DPA</b>',
      case: 'DP-1/<i>2026',
    },
    ...{ legalBasis: 'x', deadline: at(-1), servers: ['DEV/GOV/1234/SS1'], sample: 1, recipient: '' },
    version: 2 as const,
    scope: {
      ...{ purposes: ['<i>complaints</i>'], endpoints: ['GET /persons/*'] },
      ...{ from: at(-2000), to: at(-1000) },
    },
  }
  const payload = Buffer.from(JSON.stringify(order)).toString('base64url')
  await store.add(
    { order, sha256: 'ab'.repeat(32) },
    { document: Buffer.from(JSON.stringify({ payload })), now: at(-500), by: 'Ada' },
  )
  await database.close()
}

/** What every server that an order names would have answered to it; resolves to the text of the answer. */
export async function answerAudit(url: string, order: string, now: number): Promise<string> {
  const database = await openRegistryDatabase(url)
  const answer = JSON.stringify({ payload: 'e30', signatures: [] })
  await tablesOf<AuditOrderTables>(database)
    .updateTable('audit_order_server')
    .set({
      seed: 'a seed',
      outcome: 'answered',
      matched: 7,
      answer,
      answered_at: new Date(now).toISOString(),
    })
    .where('order_id', '=', order)
    .execute()
  await database.close()
  return answer
}

/**
 * Messages about contracts with these titles, each refused with its title as the mail server's answer; the
 * first one was given up.
 */
export async function refusedMail(url: string, recipient: string, titles: string[]): Promise<void> {
  const database = await openRegistryDatabase(url)
  const change = createChange(database, async () => undefined)
  const now = Date.now()
  const mails = titles.map((title) => ({ recipient, text: 'contract.ACTIVE', fields: { title } }))
  const ids = await change((transaction) => insertMail(transaction, mails, new Date(now).toISOString()))
  const store = createMailStore(database, change)
  for (const [at, id] of ids.entries())
    await store.end(id, at === 0 ? 'GIVEN_UP' : 'REFUSED', titles[at]!, now)
  await database.close()
}

/** A service whose provider has changed its description. */
export async function offerService(url: string): Promise<void> {
  const database = await openRegistryDatabase(url)
  const store = createCatalogueStore(
    database,
    createChange(database, async () => undefined),
  )
  const description = {
    ...{ title: '<b>Persons</b>', version: '1', description: 'Who lives where.\nAsked by agencies.' },
    contact: { name: 'Desk', url: 'javascript:alert(1)' },
    access: { memberClasses: ['GOV'], globalGroups: [] },
  }
  const one = { serviceCode: 'persons', type: 'OPENAPI' as const }
  for (const path of ['/old', '/persons/*']) {
    const at = new Date().toISOString()
    await store.keepAnswer(
      'DEV/GOV/1234/pop%20%C3%A4',
      [{ ...one, endpoints: [{ method: 'GET', path }], document: Buffer.from('<script>'), description }],
      { begunAt: at, at, nextAt: '2999-01-01T00:00:00.000Z' },
    )
  }
  await database.close()
}
