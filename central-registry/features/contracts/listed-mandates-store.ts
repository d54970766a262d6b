/**
 * Selects the hosting mandates that a security server needs for its contracts: of members that may call under
 * a contract which asks for one. The provider's server needs those of all consumers, a consumer's server
 * those of its own clients.
 */
import type { Kysely } from 'kysely'
import { memberOfSubsystem, namedConsumers } from '#core/contract/parties.ts'
import {
  type ListedContract,
  type ListedMandate,
  MAX_CONTRACT_LIST_BYTES,
  MAX_MANDATES_OCTETS,
  MOST_LISTED_MANDATES,
} from '#schemas/contract.ts'
import { idText, memberOf, parseClientId } from '#schemas/identifiers.ts'
import { contentOf } from '../../contract-versions/rows-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { firstBytes } from './partner-list-store.ts'
import type { Reach } from './server-reach-store.ts'

/** Databases limit the parameters of a statement. */
const MANY = 500

/** The octets of a list before it is signed, which puts it into base64 with some certificates. */
const MAX_LIST_OCTETS = (MAX_CONTRACT_LIST_BYTES / 4) * 3 - 64 * 1024

/**
 * As many as have a place beside the contracts of the list, and how many had none. Undefined if no contract
 * asks for one: then the list has no such field, which older servers do not know.
 */
export async function listedMandates(
  tables: Kysely<RegisterTables>,
  { reach, contracts, at }: { reach: Reach; contracts: ListedContract[]; at: string },
): Promise<{ mandates: ListedMandate[]; leftOut: number } | undefined> {
  const hosts = hostsIn(reach)
  if (hosts === undefined) return undefined
  const mandates: ListedMandate[] = []
  for (let from = 0; from < hosts.length; from += MANY) {
    const rows = await tables
      .selectFrom('hosting_mandate')
      .select(['id', 'host', 'client', 'valid_until'])
      .where('host', 'in', hosts.slice(from, from + MANY))
      // A mandate for one subsystem covers no member.
      .whereRef('client', '=', 'member')
      .where('ended_at', 'is', null)
      .where('valid_until', '>', at)
      .orderBy('id')
      .limit(MOST_LISTED_MANDATES)
      .execute()
    mandates.push(
      ...rows.map(({ id, host, client, valid_until: validUntil }) => ({
        ...{ id: Number(id), host, client, validUntil },
      })),
    )
  }
  // A server refuses a longer list whole, with its contracts.
  const place = MAX_LIST_OCTETS - Buffer.byteLength(JSON.stringify(contracts))
  const first = mandates.sort((a, b) => a.id - b.id).slice(0, MOST_LISTED_MANDATES)
  const listed = firstBytes(first, Math.min(place, MAX_MANDATES_OCTETS))
  return { mandates: listed, leftOut: mandates.length - listed.length }
}

function hostsIn({ rows, seals, clients, isProviderOf }: Reach): string[] | undefined {
  const asking = rows.filter((row) =>
    contentOf(row).services.some((one) => one.representation?.check === 'hostingMandate'),
  )
  if (asking.length === 0) return undefined
  const joined = Map.groupBy(seals, ({ contract, version }) => `${contract} ${Number(version)}`)
  const own = new Set(clients.map((one) => idText(memberOf(parseClientId(one)))))
  const hosts = asking.flatMap((row) => {
    const sealed = joined.get(`${row.contract} ${row.version}`) ?? []
    const members = [
      ...namedConsumers(contentOf(row)),
      ...sealed.flatMap(({ subsystems }) =>
        subsystems === null ? [] : (JSON.parse(subsystems) as string[]),
      ),
    ].map(memberOfSubsystem)
    return isProviderOf(row) ? members : members.filter((one) => own.has(one))
  })
  return [...new Set(hosts)]
}
