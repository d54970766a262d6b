/**
 * Proposes, in the successor's name, the next version of each contract that names a subsystem taken over. It
 * seals none.
 */

import type { Kysely } from 'kysely'
import { groupOf, namedConsumers } from '#core/contract/parties.ts'
import type { Within } from '#platform/database/open-database.ts'
import { asFault } from '#schemas/fault.ts'
import type { Happened } from '../../contract-versions/move-version-store.ts'
import {
  addEvent,
  checkOverlaps,
  contentOf,
  joinedOf,
  putVersion,
  readFacts,
  versionOf,
  versionsOf,
} from '../../contract-versions/rows-store.ts'
import { checkProposal, inForceOrExpired, OPEN, partiesOf } from '../../contract-versions/rules.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { type Plan, type Renamed, succeeded } from './rules.ts'

type Q = {
  successor: string
  renamed: Renamed[]
  by: string
  at: string
  /** Records within the transaction that the parties are to be notified. */
  notify(transaction: Within, happened: Happened): Promise<void>
}

export async function proposeContracts(
  transaction: Kysely<RegisterTables>,
  q: Q,
): Promise<Pick<Plan, 'contracts' | 'byPeople'>> {
  const plan: Pick<Plan, 'contracts' | 'byPeople'> = { contracts: [], byPeople: [] }
  if (q.renamed.length === 0) return plan
  const rows = await transaction
    .selectFrom('contract_party')
    .innerJoin('contract_version', (join) =>
      join
        .onRef('contract_version.contract', '=', 'contract_party.contract')
        .onRef('contract_version.version', '=', 'contract_party.version'),
    )
    .select('contract_version.contract')
    .distinct()
    .where(
      'contract_party.subsystem',
      'in',
      q.renamed.map(({ from }) => from),
    )
    .where('contract_version.state', 'in', LIVE)
    .orderBy('contract_version.contract')
    .execute()
  for (const { contract } of rows) {
    const done = await proposeOne(transaction, contract, q)
    if (typeof done === 'string') plan.byPeople.push(done)
    else plan.contracts.push(done)
  }
  return plan
}

/** What was proposed, or in words why people have to propose it. */
async function proposeOne(
  transaction: Kysely<RegisterTables>,
  contract: string,
  { successor, renamed, by, at, notify }: Q,
): Promise<Plan['contracts'][number] | string> {
  const rows = await versionsOf(transaction, contract)
  const versions = rows.map(versionOf)
  const open = versions.find(({ state }) => OPEN.includes(state))
  if (open !== undefined)
    return `contract ${contract}: version ${open.version} is being decided on; withdraw or decline it, or propose the next one with the new names`
  const held = inForceOrExpired(versions)
  const row = rows.find(({ version }) => version === held?.version)
  if (held === undefined || row === undefined)
    return `contract ${contract}: no version is in force; propose another contract`
  const before = contentOf(row)
  const names = [before.provider, ...namedConsumers(before)]
  if (groupOf(before) === undefined && !renamed.some(({ from }) => names.includes(from)))
    return `contract ${contract}: the version in force names none of it, another one does; propose the next one by hand`
  const joined = renamed.filter(({ from }) => from !== before.provider)
  if (groupOf(before) !== undefined && !renamed.some(({ from }) => from === before.provider))
    return `contract ${contract}, terms of the group ${groupOf(before)}: the successor joins it for ${joined.map(({ to }) => to).join(', ')}`
  try {
    const version = Math.max(...versions.map((one) => one.version)) + 1
    const content = succeeded(before, renamed, { version, supersedes: held.hash, now: at })
    const facts = await readFacts(transaction, content)
    checkProposal(content, successor, { ...facts, versions }, at)
    await checkOverlaps(transaction, content, namedConsumers(content), at)
    const put = await putVersion(transaction, content, { by: successor, at })
    await addEvent(transaction, put, { act: 'propose', by: `succession by ${by}`, at })
    const members = partiesOf(content, await joinedOf(transaction, put))
    await notify(transaction, { contract, version, event: 'PROPOSED', members })
    return { contract, version, title: content.title }
  } catch (thrown) {
    const fault = asFault(thrown)
    if (fault.status >= 500) throw thrown
    return `contract ${contract}: ${fault.what ?? fault.message}; propose its next version by hand`
  }
}
