/**
 * For tests: a security server, an authority that orders audits of it, and a registry between them. The
 * registry returns the orders that the test gives it and records the answers.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { makeSeed } from '#core/audit-order/make-seed.ts'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { newRecipient } from '#core/hpke/recipient-key.ts'
import { addCosignature } from '#core/merkle/checkpoint.ts'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { parseWitnessPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { readSignedJson, writeSignedJson } from '#core/signature/signed-json.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { createLog } from '#platform/logging/create-log.ts'
import {
  AUDIT_DOCUMENT,
  type AuditAnswer,
  type AuditOrder,
  type AuditQuery,
  type ListedOrder,
} from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { openAudit } from '#scripts/audit-order/open.ts'
import { ocspFor, type Party, signingParty } from '#test/fakes/management-requests.ts'
import { authority as ca } from '#test/fakes/request-world.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { server as SERVER } from '../../keys/keys-fixture.ts'
import { signedRecord } from '../../message-log/fixture.ts'
import { createAuditOrders } from './create-audit-orders.ts'
import type { Needs } from './needs.ts'

export const dpa = await signingParty(ca, 'DEV/GOV/9999')
export const stranger = await signingParty(ca, 'DEV/GOV/8888')
const registry = await signingParty(ca, 'DEV/GOV/7777')
const recipient = newRecipient()
const WITNESS = 'registry.example/w1'
export const witness = generateKeyPairSync('ed25519')
const witnessKey = writeVerifierKey({ name: WITNESS, publicKey: witness.publicKey }, 'witness')
export const witnesses = parseWitnessPolicy(`witness registry ${witnessKey}\nquorum registry\n`)
export const DAY = 86_400_000
export const CONTRACT = 'c0ffee00-0000-4000-8000-000000000000'
const contract = {
  id: CONTRACT,
  version: 1,
  hash: 'ab'.repeat(32),
  title: 'Taxes',
  purpose: 'Tax assessment',
}
const of = { endpoint: { method: 'GET', path: '/persons/**' }, legalBasis: 'Tax Act' }
const held = sealCircumstances({
  ...{ version: 1, side: 'provider', endpoint: { method: 'GET', path: '/persons/*' } },
  contract: { ...contract, ...of },
})
export const server = idText(SERVER)
export const iso = (ms: number): string => new Date(ms).toISOString()
export const signed = (document: unknown, type: string, by: Party, ocsp: Buffer[] = []): string =>
  writeSignedJson(document, type, [{ certificates: [by.certificate], ocspResponses: ocsp, key: by.key }])

/** `named`: the hashes that the server sent as already received; `aheadMs`: how far its clock is ahead. */
type Registry = { listed: ListedOrder[]; named: string[] | undefined; isDown: boolean; aheadMs: number }

/**
 * Creates a log with six records. The seed covers the first five: four of the audited party, one of them
 * secret, and one of another party. The sixth is of the audited party too, but newer than the seed.
 */
export async function createAuditOrderWorld(t: Test, url: string) {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {})
  const { messageLog, database, keys } = world
  const { now } = world.world
  const owner = await signingParty(world.world.authority, 'DEV/GOV/1000')
  const clock = (): number => now
  const at = { time: new Date(now - 1000) }
  const party = (memberCode: string) => ({
    client: { instance: 'DEV', memberClass: 'GOV', memberCode, subsystemCode: 'tax' },
  })
  for (const code of ['5678', '5678', '4321', '5678'])
    await messageLog.append(
      await signedRecord({
        ...{ ...at, ...party(code), outcome: 'x', contract: `${CONTRACT}/1` },
        // One record names no circumstances.
        ...(code === '4321' ? {} : { circumstances: held }),
      }),
    )
  await messageLog.append(await signedRecord({ ...at, ...party('5678'), outcome: 'x', secrecy: 1 }))
  await messageLog.timeStampNow()
  const cosigned = async (): Promise<string> =>
    makeSeed(addCosignature((await messageLog.checkpointNow())!, WITNESS, witness.privateKey, new Date(now)))
  const seed = await cosigned()
  await messageLog.append(await signedRecord({ ...at, ...party('5678'), outcome: 'x' }))

  const order = (more: Partial<AuditOrder> = {}): AuditOrder => ({
    ...{
      id: randomUUID(),
      createdAt: iso(now),
      instance: 'DEV',
      authority: 'DPA',
      case: 'DP-1',
      legalBasis: 'section 40',
    },
    ...{
      deadline: iso(now + DAY),
      servers: [server],
      sample: 2,
      recipient: recipient.publicKey.toString('base64'),
    },
    scope: { parties: ['DEV/GOV/5678'], from: iso(now - DAY), to: iso(now + DAY) },
    ...more,
  })
  const base = { index: world.world.configuration! }
  const index = {
    ...base.index,
    shared: {
      ...base.index.shared,
      sources: [
        { address: '', internalVerificationCerts: [registry.certificate.der], externalVerificationCerts: [] },
      ],
    },
    privateParameters: { managementService: { authCertRegServiceCert: Buffer.alloc(1) } },
  }
  const snapshot = { index, statementIndex: 1, verificationFiles: () => [] }
  const answers: AuditAnswer[] = []
  const documents: string[] = []
  const said: Registry = { listed: [], named: undefined, isDown: false, aheadMs: 0 }
  const post = async (path: string, document: string): Promise<Buffer> => {
    if (said.isDown) throw new Fault('registration_unavailable')
    if (path.endsWith('/answers')) {
      documents.push(document)
      answers.push(readSignedJson(Buffer.from(document), AUDIT_DOCUMENT.answer, 2e7).document as AuditAnswer)
      return Buffer.from('{}')
    }
    const { id, has } = readSignedJson(Buffer.from(document), AUDIT_DOCUMENT.query).document as AuditQuery
    said.named = has
    const generatedAt = iso(now + said.aheadMs)
    const list = { instance: 'DEV', server, answers: id, generatedAt, orders: said.listed }
    return Buffer.from(signed(list, AUDIT_DOCUMENT.list, registry))
  }
  const audit = createAuditLog({ database, clock })
  /** Who may decide, by id. */
  const people = new Map<string, { state: string; roles: string[] }>()
  const roomOf = (more: Partial<Parameters<typeof createAuditOrders>[0]> = {}) =>
    createAuditOrders({
      ...{ server: SERVER, clock, database, audit, post, messageLog, needsApproval: false },
      people: { find: async (id: string) => people.get(id) as never },
      keys: {
        ...keys,
        signJson: async ({ document, type }: { document: unknown; type: string }) =>
          signed(document, type, owner, ocspFor(owner)),
      } as unknown as Needs['keys'],
      globalConfiguration: { current: () => snapshot } as unknown as Needs['globalConfiguration'],
      authorities: [{ name: 'DPA', certificateSha256: dpa.certificate.sha256, secret: false }],
      log: createLog({ name: 'test', level: 'silent' }),
      ...more,
    })
  const give = (one: AuditOrder, by = dpa, its = seed, receivedAt = iso(now)): AuditOrder => {
    said.listed = [{ order: signed(one, AUDIT_DOCUMENT.order, by), receivedAt, seed: its }]
    answers.length = 0
    return one
  }
  const opened = (one: AuditOrder, document = documents.at(-1)!, policy?: WitnessPolicy) =>
    openAudit({
      order: one,
      answer: Buffer.from(document),
      keys: {
        certificate: dpa.certificate,
        signingKey: dpa.key,
        recipientKey: recipient.privateKey,
        recipient: recipient.publicKey,
      },
      configuration: { indexes: new Map([['DEV', base.index]]), origin: 'the test' },
      witnesses: policy,
      now: new Date(now),
    })

  return {
    ...{ world, messageLog, now, owner, at, party, seed, cosigned, order, give, opened },
    ...{ said, answers, documents, post, roomOf, database, people },
  }
}
