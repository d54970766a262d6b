/**
 * Lists the contracts between two instances for the other registry, page by page. All contracts in force come
 * first, then open ones. Ended ones, which one member could make without limit, come last. So no member can
 * push out a contract in force, or make a page larger than the other registry accepts.
 */
import { sql } from 'kysely'
import { MAX_PARTNER_LIST_BYTES, MOST_BETWEEN, MOST_SEALS } from '#core/contract/between-instances.ts'
import { plainPart } from '#core/contract/fields.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { PartnerContract, PartnerList, PartnerPlace } from '#schemas/contract.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { COLUMNS, versionOf } from '../../contract-versions/rows-store.ts'
import { IN_FORCE, OPEN, stateAt } from '../../contract-versions/rules.ts'
import { LIVE, namesInstance } from '../../register/live-contracts-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'

export type PartnerListStore = ReturnType<typeof createPartnerListStore>

/** How long a contract is listed after its end. */
const ENDED_SHOWN_MS = 30 * 86_400_000
/** The list is sent as base64, with a signature. */
const MAX_CONTRACTS_BYTES = (MAX_PARTNER_LIST_BYTES / 4) * 3 - 64 * 1024
/**
 * Reasons are shortened to keep the list small; the registry where a reason was given has the whole of it.
 */
const REASON_SHOWN = 200
const MANY = 500

/** Precedes every version. */
const FIRST: PartnerPlace = { contract: '', version: 0 }

type Page = { after: PartnerPlace; most: number }
/** The first `inForce` of the rows are in force. `hasMore`: there are more in force after this page. */
type Rows = { rows: ContractRow[]; inForce: Whole; hasMore: boolean }
type OfVersion = Pick<ContractRow, 'contract' | 'version'> & { sha256: string }

export function createPartnerListStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  /**
   * The rows of a page. Left out are ended versions that the other registry need not know: ours never agreed
   * to them, and the other one never mentioned them.
   */
  async function rowsWith(instance: string, since: string, page: Page): Promise<Rows> {
    const between = tables.selectFrom('contract_version').select(COLUMNS).where(namesInstance(instance))
    const { after, most } = page
    const inForce = await between
      .where('state', 'in', IN_FORCE)
      .where(({ eb, or, and }) =>
        or([
          eb('contract', '>', after.contract),
          and([eb('contract', '=', after.contract), eb('version', '>', after.version)]),
        ]),
      )
      .orderBy('contract')
      .orderBy('version')
      .limit(most + 1)
      .execute()
    const rows = inForce.slice(0, most)
    const known = { inForce: rows.length, hasMore: inForce.length > most }
    if (rows.length === most) return { rows, ...known }
    const open = between.where('state', 'in', OPEN).orderBy('contract').orderBy('version')
    rows.push(...(await open.limit(most).execute()))
    const ended = between
      .where('state', 'not in', LIVE)
      .where('changed_at', '>', since)
      .where(({ or, eb, exists, selectFrom }) =>
        or([
          eb('agreed_at', 'is not', null),
          exists(
            selectFrom('contract_partner')
              .select('contract_partner.instance')
              .whereRef('contract_partner.contract', '=', 'contract_version.contract')
              .whereRef('contract_partner.version', '=', 'contract_version.version'),
          ),
        ]),
      )
      .orderBy('changed_at', 'desc')
      .orderBy('contract')
      .limit(most)
    rows.push(...(await ended.execute()))
    return { rows: rows.slice(0, most), ...known }
  }

  async function sealsOf(rows: ContractRow[], own: string): Promise<(one: ContractRow) => Sealed> {
    const seals: OfVersion[] = []
    const counterSeals: (OfVersion & { hash: string })[] = []
    const ids = [...new Set(rows.map(({ contract }) => contract))]
    for (let at = 0; at < ids.length; at += MANY) {
      const some = ids.slice(at, at + MANY)
      const ofMembers = tables.selectFrom('contract_seal').select(['contract', 'version', 'sha256'])
      const ofOurs = tables
        .selectFrom('contract_counter_seal')
        .select(['contract', 'version', 'sha256', 'hash'])
      seals.push(...(await ofMembers.where('contract', 'in', some).orderBy('sealed_at').execute()))
      counterSeals.push(...(await ofOurs.where('contract', 'in', some).where('instance', '=', own).execute()))
    }
    const byVersion = Map.groupBy(seals, keyOf)
    const counters = new Map(counterSeals.map((one) => [`${keyOf(one)} ${one.hash}`, one.sha256]))
    return (row) => ({
      seals: (byVersion.get(keyOf(row)) ?? []).slice(0, MOST_SEALS).map(({ sha256 }) => sha256),
      counterSeal: counters.get(`${keyOf(row)} ${row.hash}`),
    })
  }

  return {
    /**
     * Versions with members of the instance, with their seals and our counter-seal. `next` is set while there
     * are more in force.
     */
    async listFor(
      instance: string,
      own: string,
      now: number,
      { after = FIRST, most = MOST_BETWEEN }: Partial<Page> = {},
    ): Promise<Pick<PartnerList, 'contracts' | 'next'>> {
      const since = new Date(now - ENDED_SHOWN_MS).toISOString()
      const { rows, inForce, hasMore } = await rowsWith(instance, since, { after, most })
      const sealed = await sealsOf(rows, own)
      const at = new Date(now).toISOString()
      const listed = rows.map((row): PartnerContract => {
        const { seals, counterSeal } = sealed(row)
        const reason = plainPart(row.reason ?? '', REASON_SHOWN)
        return {
          ...{ contract: row.contract, version: Number(row.version), hash: row.hash },
          ...{ state: stateAt(versionOf(row), at), origin: row.origin ?? own, proposedBy: row.proposed_by },
          seals,
          ...(counterSeal === undefined ? {} : { counterSeal }),
          ...(reason === '' ? {} : { reason }),
        }
      })
      const contracts = firstBytes(listed, MAX_CONTRACTS_BYTES)
      const last = contracts.at(-1)
      if (last === undefined || (contracts.length >= inForce && !hasMore)) return { contracts }
      return { contracts, next: { contract: last.contract, version: last.version } }
    },
    /** The contents and seals with these hashes that belong to versions with members of the instance. */
    async itemsFor(instance: string, hashes: string[]): Promise<Buffer[]> {
      const contents = await tables
        .selectFrom('contract_version')
        .select('content')
        .where('hash', 'in', hashes)
        .where(namesInstance(instance))
        .execute()
      const messages: { message: Buffer }[] = []
      for (const table of ['contract_seal', 'contract_counter_seal']) {
        const { rows } = await sql<{ message: Buffer }>`
          select kept.message from ${sql.table(table)} kept join contract_version
            on contract_version.contract = kept.contract and contract_version.version = kept.version
          where kept.sha256 in (${sql.join(hashes)}) and ${namesInstance(instance)}`.execute(tables)
        messages.push(...rows)
      }
      return [...contents, ...messages].map((one) =>
        Buffer.from('content' in one ? one.content : one.message),
      )
    },
  }
}

type Sealed = { seals: string[]; counterSeal: string | undefined }

function keyOf({ contract, version }: Pick<ContractRow, 'contract' | 'version'>): string {
  return `${contract} ${Number(version)}`
}

/** As many of the first entries as fit into `most` bytes of JSON. */
export function firstBytes<T>(all: T[], most: number): T[] {
  let bytes = 0
  const cut = all.findIndex((one) => {
    bytes += Buffer.byteLength(JSON.stringify(one)) + 1
    return bytes > most
  })
  return cut === -1 ? all : all.slice(0, cut)
}
