/** Reads from the register the two sides of a call, their servers, and the contracts between them. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { idText, memberOf, type SubsystemId } from '#schemas/identifiers.ts'
import { countOf } from '../../changes/store.ts'
import { readPolicy } from '../../contract-versions/policy-store.ts'
import { COLUMNS, contentOf, joinedOf, signersOf, versionOf } from '../../contract-versions/rows-store.ts'
import { consumersOf, OPEN, stateAt, waitsFor } from '../../contract-versions/rules.ts'
import { isRequired, sidesWithout } from '../../members/contacts/rules.ts'
import { knownOf, ownInstance } from '../../members/contacts/store.ts'
import { suspendedAmong, suspendedIn } from '../../register/suspended-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import type { ContractFacts } from './contract-step.ts'
import type { SideFacts, SigningFacts } from './rules.ts'

/** A server as in the register; its certificates have not been validated yet. */
type RegisteredServer = {
  id: string
  address: string
  maintenance: string | null
  disabled: boolean
  suspended: string[]
  certificates: { sha256: string; certificate: Buffer }[]
}
export type RegisteredSide = Omit<SideFacts, 'servers'> & { servers: RegisteredServer[] }

/** For a subsystem with more servers or contracts only the first ones are looked at. */
const MOST_SERVERS = 20
const MOST_CONTRACTS = 200

export type ExplainStore = ReturnType<typeof createExplainStore>

export function createExplainStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  async function serversOf(subsystem: string): Promise<Omit<RegisteredServer, 'suspended'>[]> {
    const servers = await tables
      .selectFrom('server_client')
      .innerJoin('security_server', 'security_server.id', 'server_client.server')
      .select(['security_server.id', 'address', 'maintenance', 'is_disabled'])
      .where('server_client.client', '=', subsystem)
      .orderBy('security_server.id')
      .limit(MOST_SERVERS)
      .execute()
    if (servers.length === 0) return []
    const certificates = await tables
      .selectFrom('authentication_certificate')
      .select(['server', 'sha256', 'certificate'])
      .where(
        'server',
        'in',
        servers.map(({ id }) => id),
      )
      .orderBy('not_after', 'desc')
      .execute()
    return servers.map(({ is_disabled, ...server }) => ({
      ...server,
      disabled: Number(is_disabled) === 1,
      certificates: certificates
        .filter((one) => one.server === server.id)
        .map(({ sha256, certificate }) => ({ sha256, certificate })),
    }))
  }

  /** The signing certificate of the member's latest request or contract seal. */
  async function signingOf(member: string): Promise<SigningFacts | undefined> {
    const proof = await tables
      .selectFrom('management_request_proof')
      .innerJoin('management_request', 'management_request.id', 'management_request_proof.request')
      .select(['management_request_proof.facts', 'management_request.filed_at as at'])
      .where('management_request_proof.signer', '=', member)
      .orderBy('management_request.id', 'desc')
      .limit(1)
      .executeTakeFirst()
    const seal = await tables
      .selectFrom('contract_seal')
      .select(['facts', 'sealed_at as at'])
      .where('member', '=', member)
      .orderBy('sealed_at', 'desc')
      .limit(1)
      .executeTakeFirst()
    const last = [proof, seal].flatMap((one) => one ?? []).sort((a, b) => (a.at < b.at ? 1 : -1))[0]
    if (last === undefined) return undefined
    const { signingCertificate } = JSON.parse(last.facts) as {
      signingCertificate: Omit<SigningFacts, 'at'>
    }
    const { sha256, issuer, notAfter } = signingCertificate
    return { sha256, issuer, notAfter, at: last.at }
  }

  return {
    async side(id: SubsystemId): Promise<RegisteredSide> {
      const [subsystem, member] = [idText(id), idText(memberOf(id))]
      const suspended = await suspendedIn(tables)
      const servers = await serversOf(subsystem)
      return {
        subsystem,
        memberExists: (await countOf(tables, 'member', 'id', member)) > 0,
        exists: (await countOf(tables, 'subsystem', 'id', subsystem)) > 0,
        suspended: suspendedAmong(suspended, {
          clients: [member, subsystem],
          servers: [],
          certificates: [],
        }),
        servers: servers.map((server) => ({
          ...server,
          suspended: suspendedAmong(suspended, { clients: [], servers: [server.id], certificates: [] }),
          // A suspended certificate counts as missing, which the step on certificates reports.
        })),
        signing: await signingOf(member),
      }
    },
    suspendedCertificates: async (): Promise<Set<string>> =>
      new Set(
        (await suspendedIn(tables)).flatMap((one) => (one.kind === 'certificate' ? [one.subject] : [])),
      ),
    contractRequired: async (): Promise<boolean> => (await readPolicy(tables)).contractRequired,
    /**
     * Versions between both sides, those in force first. Includes the provider's terms for groups that the
     * consumer has not joined.
     */
    async contracts(consumer: string, provider: string, now: string): Promise<ContractFacts[]> {
      const rows: ContractRow[] = await tables
        .selectFrom('contract_version')
        .select(COLUMNS)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('contract_party')
              .select('contract_party.subsystem')
              .whereRef('contract_party.contract', '=', 'contract_version.contract')
              .whereRef('contract_party.version', '=', 'contract_version.version')
              .where('contract_party.subsystem', '=', provider)
              .where('contract_party.role', '=', 'provider'),
          ),
        )
        .where(({ exists, or, selectFrom, eb }) =>
          or([
            eb('global_group', 'is not', null),
            exists(
              selectFrom('contract_party')
                .select('contract_party.subsystem')
                .whereRef('contract_party.contract', '=', 'contract_version.contract')
                .whereRef('contract_party.version', '=', 'contract_version.version')
                .where('contract_party.subsystem', '=', consumer)
                .where('contract_party.role', '=', 'consumer'),
            ),
          ]),
        )
        .orderBy('proposed_at', 'desc')
        .limit(MOST_CONTRACTS)
        .execute()
      const { confirmedContacts } = await readPolicy(tables)
      const own = await ownInstance(tables)
      const found = await Promise.all(
        rows.map(async (row) => {
          const content = contentOf(row)
          const { contract } = row
          const joined = await joinedOf(tables, { contract, version: Number(row.version) })
          const isConsumer = consumersOf(content, joined).includes(consumer)
          const state = stateAt(versionOf(row), now)
          const facts = {
            contract,
            state,
            content,
            isConsumer,
            waitsFor: [],
            isAgreed: row.agreed_at !== null,
          }
          if (!OPEN.includes(state)) return facts
          const signed = await signersOf(tables, row)
          const open = { ...facts, waitsFor: waitsFor({ state, content }, signed) }
          if (!isRequired(content, confirmedContacts)) return open
          const states = (await knownOf(tables, content, now)).map((one) => one.state)
          return { ...open, contacts: { missing: sidesWithout(content, states, own), states } }
        }),
      )
      const rank = ({ state }: ContractFacts): number =>
        state === 'ACTIVE' ? 0 : state === 'SUSPENDED' ? 1 : 2
      return found.sort((a, b) => rank(a) - rank(b))
    },
  }
}
