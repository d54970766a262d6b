/**
 * Selects the contracts and seals that a security server may see: those of its clients, and the standard
 * terms of groups to which its clients belong.
 */
import type { Kysely } from 'kysely'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { COLUMNS, contentOf } from '../../contract-versions/rows-store.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import { IN_FORCE as SUSPENSION_IN_FORCE } from '../../register/suspended-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'

/** How long a server sees a contract after its end; while the contract is suspended, always. */
const ENDED_SHOWN_MS = 30 * 86_400_000
const MANY = 500

type SealRow = {
  sha256: string
  contract: string
  version: Whole
  member: string
  subsystems: string | null
}

/**
 * The versions that the server may see at this time, those of their seals that it may see, and whom it speaks
 * for in them.
 */
type ServerReach = (server: string, now: number) => Promise<Reach>
export type Reach = Clients & { rows: ContractRow[]; seals: SealRow[] }

/** The server's clients in text form, and whether one of them provides. */
type Clients = { clients: string[]; isProviderOf(row: ContractRow): boolean }

export function createServerReach(tables: Kysely<RegisterTables>): ServerReach {
  /** The server's clients, including its owner. */
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
    // Databases limit the parameters of a statement.
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
        .where(({ or, eb, exists, selectFrom }) =>
          or([
            eb('state', 'in', LIVE),
            eb('changed_at', '>', since),
            // As long as nobody lifts the suspension, it blocks the calls that the contract covered.
            exists(
              selectFrom('suspension')
                .select('suspension.id')
                .where('suspension.kind', '=', 'contract')
                .whereRef('suspension.subject', '=', 'contract_version.contract')
                .where('suspension.state', 'in', SUSPENSION_IN_FORCE),
            ),
          ]),
        )
        .orderBy('contract')
        .orderBy('version')
        .execute()
      for (const row of rows)
        found.set(`${row.contract} ${row.version}`, { ...row, version: Number(row.version) })
    }
    return [...found.values()]
  }

  /** The provider of a group's contract sees all members that joined; a consumer sees only itself. */
  async function sealsOf(rows: ContractRow[], { clients, isProviderOf }: Clients): Promise<SealRow[]> {
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

  return async (server, now) => {
    const clients = await clientsOf(server)
    const rows = await visibleTo(clients, new Date(now - ENDED_SHOWN_MS).toISOString())
    const isProviderOf = (row: ContractRow): boolean => clients.includes(contentOf(row).provider)
    return { rows, seals: await sealsOf(rows, { clients, isProviderOf }), clients, isProviderOf }
  }
}
