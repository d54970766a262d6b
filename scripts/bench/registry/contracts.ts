/**
 * Rows of the contracts of a large registry. Most are in force, some proposed, some expired. Each has
 * parties, seals, events and a contact of its own, of which every second one is confirmed.
 */
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { RegisterTables } from '#central-registry/register/tables.ts'
import { memberOfSubsystem } from '#core/contract/parties.ts'
import { contentHash, contentText } from '#core/contract/read-content.ts'
import type { ContractContent, ContractState } from '#schemas/contract.ts'

const DAY_MS = 86_400_000
/**
 * The size of a seal's document with its certificates and OCSP responses; the registry's lists do not read
 * it.
 */
const SEAL_BYTES = 4000
const ROWS = 500

/** `subsystem` returns the id of the subsystem with this number. */
export async function fillContracts(
  transaction: Kysely<RegisterTables>,
  count: number,
  subsystem: (number: number) => string,
): Promise<void> {
  for (let from = 0; from < count; from += ROWS) {
    const numbers = Array.from({ length: Math.min(ROWS, count - from) }, (_, more) => from + more)
    const contracts = numbers.map((number) => rowsOf(number, subsystem(number), subsystem(number * 7 + 3)))
    await transaction
      .insertInto('contract_version')
      .values(contracts.map(({ version }) => version))
      .execute()
    for (const table of [
      ...(['contract_party', 'contract_seal', 'contract_event'] as const),
      ...(['contract_contact', 'contact_address'] as const),
    ]) {
      const rows = contracts.flatMap((contract) => contract[table] as object[])
      if (rows.length > 0)
        await transaction
          .insertInto(table)
          .values(rows as never)
          .execute()
    }
  }
}

function rowsOf(number: number, provider: string, consumer: string) {
  const begun = Date.now() - (number % 300) * DAY_MS
  // One in twenty is proposed, one is expired, one ends within its first notice.
  const state: ContractState = number % 20 === 0 ? 'PROPOSED' : number % 20 === 1 ? 'EXPIRED' : 'ACTIVE'
  const days = state === 'EXPIRED' ? 0 : number % 20 === 2 ? 60 : 700
  const at = new Date(begun).toISOString()
  const content: ContractContent = {
    contract: `${number.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
    version: 1,
    title: `Data of register ${number} for the tasks of an agency`,
    provider,
    consumers: { subsystems: [consumer] },
    services: [{ serviceCode: `service-${number}`, endpoints: [{ method: 'GET', path: '/entries/*' }] }],
    purpose: `Task ${number % 500} that the law gives to the agency`,
    legalBasis: `Act ${number % 200}, section ${number % 30}`,
    personalData: number % 2 === 0,
    logLevel: 'full',
    retentionDays: 3650,
    validFrom: at,
    validUntil: new Date(Date.now() + (days - 1) * DAY_MS).toISOString(),
    reviewAt: new Date(Date.now() + (days + 1) * DAY_MS).toISOString(),
    critical: false,
    outageGraceHours: 0,
    contacts: [
      { member: memberOfSubsystem(provider), name: 'Contract desk', email: `desk-${number}@example.org` },
    ],
  }
  const { contract } = content
  const version = 1
  const hash = contentHash(content)
  const contact = { member: memberOfSubsystem(provider), address: content.contacts[0]!.email }
  const members = [provider, consumer].map(memberOfSubsystem)
  const sealed = state === 'PROPOSED' ? [] : members
  const acts = ['propose', ...sealed.map(() => 'seal'), ...(state === 'PROPOSED' ? [] : ['complete'])]
  return {
    version: {
      ...{ contract, version, hash, state, title: content.title, content: contentText(content) },
      ...{ parties: [contract, provider, consumer, ''].join(' '), global_group: null, critical: 0 },
      ...{ valid_from: content.validFrom, valid_until: content.validUntil, review_at: content.reviewAt },
      ...{ proposed_at: at, proposed_by: members[1]!, changed_at: at, reason: null },
    },
    contract_party: [
      ...[provider].map((one) => ({ one, role: 'provider' as const })),
      ...[consumer].map((one) => ({ one, role: 'consumer' as const })),
    ].map(({ one, role }) => ({ contract, version, subsystem: one, member: memberOfSubsystem(one), role })),
    contract_seal: sealed.map((member) => ({
      ...{ sha256: randomBytes(32).toString('hex'), contract, version, member, subsystems: null },
      ...{ facts: '{}', message: randomBytes(SEAL_BYTES), sealed_at: at },
    })),
    contract_contact: [{ contract, version, ...contact }],
    contact_address: [
      {
        ...contact,
        ...{
          confirmed_until: number % 2 === 0 ? content.reviewAt : '',
          confirmed_at: at,
          confirmed_by: null,
        },
        ...{
          asked_until: '',
          refused_at: null,
          ask_at: number % 2 === 0 ? content.validUntil : '',
          tries: 0,
        },
      },
    ],
    contract_event: acts.map((act) => ({ contract, version, at, act, by: members[1]!, hash, reason: null })),
  }
}
