/** Tries an act by its own rules in a transaction that is always rolled back, so that it leaves no trace. */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { asFault, type Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { lockRegister } from '../../changes/store.ts'
import { versionsOf } from '../../contract-versions/rows-store.ts'
import { subsystemIdOf } from '../../members/rules.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { type ActsOfFeatures, type ForeseenAct, perform } from './perform.ts'
import { type Affected, compare, type Snapshot } from './rules.ts'
import {
  anchorOf,
  contractsOf,
  contractsWithAnchor,
  readSnapshot,
  signersOf,
  type TouchedContract,
  touched,
  withConsumers,
} from './snapshot-store.ts'

export type Foreseen = {
  /** The fault with which the act would be refused. */
  refused?: Fault
  affected?: Affected & {
    signers: string[]
    contracts: TouchedContract[]
    /** Exchanges that the act concerns in addition to those of its clients. */
    about: About
    /** The servers whose logs have these exchanges. */
    knowing: string[]
  }
}

/** `contracts`: only exchanges under these contracts. */
type About = { contracts: TouchedContract[]; subsystem?: string; instance?: string }

class TakenBack extends Error {
  readonly foreseen: Foreseen
  constructor(foreseen: Foreseen) {
    super('taken back')
    this.foreseen = foreseen
  }
}

export async function foresee(
  database: Database,
  act: ForeseenAct,
  q: {
    instance: string
    now: number
    caller: Caller
    maker: string | null
    features: ActsOfFeatures
  },
): Promise<Foreseen> {
  const at = new Date(q.now)
  try {
    await inTransaction(database.kysely, async (kysely) => {
      await lockRegister(kysely)
      const transaction = tablesOf<RegisterTables>({ kysely })
      throw new TakenBack(await tryOut(transaction, act, { ...q, at }))
    })
  } catch (thrown) {
    if (thrown instanceof TakenBack) return thrown.foreseen
    throw thrown
  }
  throw new Error('a transaction that throws cannot end well')
}

async function tryOut(
  transaction: Kysely<RegisterTables>,
  act: ForeseenAct,
  q: { instance: string; at: Date; caller: Caller; maker: string | null; features: ActsOfFeatures },
): Promise<Foreseen> {
  const now = q.at.toISOString()
  const before = await readSnapshot(transaction, q.at)
  const own = await ownContracts(transaction, act, now)
  try {
    await perform(transaction, act, { ...q, at: now })
  } catch (thrown) {
    const refused = asFault(thrown)
    // A fault of our own says nothing about the act.
    if (refused.status >= 500) throw thrown
    return { refused }
  }
  const after = await readSnapshot(transaction, q.at, before)
  const affected = compare(before, after)
  const about = await aboutOf(transaction, act, own, q.instance)
  return {
    affected: {
      ...affected,
      signers: await signersOf(transaction, before.authorities, after.authorities),
      contracts: [...own, ...(await contractsOf(transaction, affected.withoutServer, now))],
      about,
      knowing: knowingOf(before, affected.clients, about),
    },
  }
}

async function aboutOf(
  transaction: Kysely<RegisterTables>,
  { operation, id }: ForeseenAct,
  own: TouchedContract[],
  instance: string,
): Promise<About> {
  if (operation === 'deleteSubsystem')
    return { contracts: [], subsystem: idText(subsystemIdOf(id, instance)) }
  if (operation !== 'removeExternalAnchor') return { contracts: own }
  const anchor = await anchorOf(transaction, id.toLowerCase())
  return { contracts: [], ...(anchor === undefined ? {} : { instance: anchor }) }
}

/** The servers at both ends log each exchange, so the server at one end is enough. */
function knowingOf({ servers, clients }: Snapshot, affected: string[], about: About): string[] {
  // Of an exchange with another instance only the server at our end reports here, and any server may be that
  // end.
  if (about.instance !== undefined) return servers.map(({ id }) => id).sort()
  const those = new Set([...affected, ...about.contracts.map(({ content }) => content.provider)])
  if (about.subsystem !== undefined) those.add(about.subsystem)
  const registrations = [...clients, ...servers.map(({ id, owner }) => ({ server: id, client: owner }))]
  return [...new Set(registrations.flatMap((one) => (those.has(one.client) ? [one.server] : [])))].sort()
}

/**
 * The versions, proposed or in force, of the contract that the act is about, or of contracts with the
 * instance whose anchor is removed.
 */
async function ownContracts(
  transaction: Kysely<RegisterTables>,
  { operation, kind, id }: ForeseenAct,
  now: string,
): Promise<TouchedContract[]> {
  if (operation === 'removeExternalAnchor') return contractsWithAnchor(transaction, id.toLowerCase(), now)
  const isOfContract = operation === 'suspendContract' || operation === 'terminateContract'
  if (!isOfContract && !(operation === 'addSuspension' && kind === 'contract')) return []
  const rows = await versionsOf(transaction, id.toLowerCase())
  const live = rows.map((row) => touched(row, now)).filter(({ state }) => LIVE.includes(state))
  return withConsumers(transaction, live)
}
