/** What a security server may see of contracts: those of its clients, and the standard terms of groups that they are in. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { ListedContract } from '#schemas/contract.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import type { ContractRow, Tables } from '../migrations/tables.ts'
import { takeDocument } from '../requests/rows-store.ts'
import type { Change } from '../store.ts'
import { type ContractPolicy, readPolicy } from './policy-store.ts'
import { COLUMNS, contentOf, versionOf } from './rows-store.ts'
import { LIVE, stateAt, waitsFor } from './rules.ts'

/** What has ended stays visible so long. */
const ENDED_SHOWN_MS = 30 * 86_400_000
const MANY = 500

export type DistributionStore = ReturnType<typeof createDistributionStore>
type SealRow = {
  sha256: string
  contract: string
  version: number
  member: string
  subsystems: string | null
}
type Reach = { clients: string[]; isProviderOf(row: ContractRow): boolean }

export function createDistributionStore(database: Database, record: Change) {
  const tables = tablesOf<Tables>(database)

  /** The server's clients, its owner among them. */
  async function clientsOf(server: string): Promise<string[]> {
    const id = parseServerId(server)
    const rows = await tables
      .selectFrom('server_client')
      .select('client')
      .where('server', '=', server)
      .execute()
    const known = await tables.selectFrom('security_server').select('id').where('id', '=', server).execute()
    if (known.length === 0) return []
    return [...new Set([idText(memberOf(id)), ...rows.map(({ client }) => client)])]
  }

  async function visibleTo(clients: string[], since: string): Promise<ContractRow[]> {
    const found = new Map<string, ContractRow>()
    // A statement takes so many parameters only.
    for (let at = 0; at < clients.length; at += MANY) {
      const some = clients.slice(at, at + MANY)
      const rows = await tables
        .selectFrom('contract_version')
        .select(COLUMNS)
        .where(({ or, eb, exists, selectFrom }) =>
          or([
            exists(
              selectFrom('contract_party')
                .select('contract_party.subsystem')
                .whereRef('contract_party.contract', '=', 'contract_version.contract')
                .whereRef('contract_party.version', '=', 'contract_version.version')
                .where('contract_party.subsystem', 'in', some),
            ),
            eb(
              'global_group',
              'in',
              selectFrom('global_group_member').select('group_code').where('client', 'in', some),
            ),
          ]),
        )
        .where(({ or, eb }) => or([eb('state', 'in', LIVE), eb('changed_at', '>', since)]))
        .orderBy('contract')
        .orderBy('version')
        .execute()
      for (const row of rows)
        found.set(`${row.contract} ${row.version}`, { ...row, version: Number(row.version) })
    }
    return [...found.values()]
  }

  /** Of a group's contract the provider sees who joined, a consumer only itself. */
  async function sealsOf(rows: ContractRow[], { clients, isProviderOf }: Reach): Promise<SealRow[]> {
    const seals: SealRow[] = []
    const ids = [...new Set(rows.map(({ contract }) => contract))]
    for (let at = 0; at < ids.length; at += MANY)
      seals.push(
        ...(await tables
          .selectFrom('contract_seal')
          .select(['sha256', 'contract', 'version', 'member', 'subsystems'])
          .where('contract', 'in', ids.slice(at, at + MANY))
          .orderBy('sealed_at')
          .execute()),
      )
    const own = new Set(clients)
    const shown = new Map(rows.map((row) => [`${row.contract} ${row.version}`, row]))
    return seals.filter((seal) => {
      const row = shown.get(`${seal.contract} ${Number(seal.version)}`)
      if (row === undefined) return false
      const joined = seal.subsystems === null ? [] : (JSON.parse(seal.subsystems) as string[])
      return seal.subsystems === null || isProviderOf(row) || joined.some((one) => own.has(one))
    })
  }

  async function reach(server: string, now: number): Promise<{ rows: ContractRow[]; seals: SealRow[] }> {
    const clients = await clientsOf(server)
    const rows = await visibleTo(clients, new Date(now - ENDED_SHOWN_MS).toISOString())
    const isProviderOf = (row: ContractRow): boolean => clients.includes(contentOf(row).provider)
    return { rows, seals: await sealsOf(rows, { clients, isProviderOf }) }
  }

  return {
    /** Uses the document's id up, so that nobody repeats a question that was overheard. */
    take: (id: string, now: number) => record((transaction) => takeDocument(transaction, id, now)),
    async listFor(
      server: string,
      now: number,
    ): Promise<{ policy: ContractPolicy; contracts: ListedContract[] }> {
      const { rows, seals } = await reach(server, now)
      const bySeal = Map.groupBy(seals, ({ contract, version }) => `${contract} ${Number(version)}`)
      const at = new Date(now).toISOString()
      const contracts = rows.map((row): ListedContract => {
        const own = bySeal.get(`${row.contract} ${row.version}`) ?? []
        const signed = own.filter((one) => one.subsystems === null).map(({ member }) => member)
        return {
          contract: row.contract,
          version: row.version,
          hash: row.hash,
          state: stateAt(versionOf(row), at),
          seals: own.map(({ sha256 }) => sha256),
          waitsFor: waitsFor({ state: row.state, content: contentOf(row) }, signed),
          ...(row.reason === null ? {} : { reason: row.reason }),
        }
      })
      return { policy: await readPolicy(tables), contracts }
    },
    /** Contents and seals by hash, of those that this server may see; what it may not is left out like what there is not. */
    async itemsFor(
      server: string,
      hashes: string[],
      now: number,
    ): Promise<{ sha256: string; content: Buffer }[]> {
      const { rows, seals } = await reach(server, now)
      const wanted = new Set(hashes)
      const contents = rows
        .filter(({ hash }) => wanted.has(hash))
        .map(({ hash, content }) => ({ sha256: hash, content: Buffer.from(content) }))
      const names = seals.filter(({ sha256 }) => wanted.has(sha256)).map(({ sha256 }) => sha256)
      if (names.length === 0) return contents
      const found = await tables
        .selectFrom('contract_seal')
        .select(['sha256', 'message'])
        .where('sha256', 'in', names)
        .execute()
      return [...contents, ...found.map(({ sha256, message }) => ({ sha256, content: message }))]
    },
  }
}
