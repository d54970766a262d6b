/**
 * Stores contracts between two instances from what the other registry reports. Each registry decides for
 * itself. A version comes into force here when both have counter-sealed it, and ends here as soon as either
 * ends it.
 */
import type { Kysely } from 'kysely'
import { fits, type verifyCounterSeal } from '#core/contract/between-instances.ts'
import { instancesOf } from '#core/contract/parties.ts'
import { checkSealFits } from '#core/contract/verify-seal.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { ContractContent, PartnerContract } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId, parseSubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { type Change, counted } from '../../changes/store.ts'
import type { Decision } from '../../contract-versions/move-version-store.ts'
import {
  addEvent,
  COLUMNS,
  contentOf,
  putVersion,
  versionOf,
  versionsOf,
} from '../../contract-versions/rows-store.ts'
import { checkProposal, impossible, isComplete, isPossible, OPEN } from '../../contract-versions/rules.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import {
  type ContractActRooms,
  type ContractActs,
  checkNotTooMany,
  createContractActs,
} from './acts-store.ts'
import type { FreshSeal } from './documents.ts'

export type PartnerStore = ReturnType<typeof createPartnerStore>
type VerifiedCounterSeal = ReturnType<typeof verifyCounterSeal> & { message: Buffer }
/** The verified parts that came with a listed version; only these are stored. */
export type Received = {
  content: ContractContent | undefined
  seals: (FreshSeal & { message: Buffer })[]
  counterSeal: VerifiedCounterSeal | undefined
}

const MOST_LISTED = 10_000
const MOST_SEALED_A_DAY = 5
const DAY_MS = 86_400_000
const ENDS: ReadonlySet<string> = new Set(['TERMINATED', 'DECLINED', 'WITHDRAWN'])

export function createPartnerStore(database: Database, record: Change, rooms: ContractActRooms) {
  const tables = tablesOf<RegisterTables>(database)
  const acts = createContractActs(rooms)

  return {
    /** Which of the hashes the database has already. */
    async known(hashes: string[]): Promise<Set<string>> {
      const found = new Set<string>()
      for (let at = 0; at < hashes.length; at += 500) {
        const some = hashes.slice(at, at + 500)
        const contents = tables
          .selectFrom('contract_version')
          .select('hash as sha256')
          .where('hash', 'in', some)
        const seals = tables.selectFrom('contract_seal').select('sha256').where('sha256', 'in', some)
        const counter = tables
          .selectFrom('contract_counter_seal')
          .select('sha256')
          .where('sha256', 'in', some)
        for (const query of [contents, seals, counter])
          for (const { sha256 } of await query.execute()) found.add(sha256)
      }
      return found
    },
    /**
     * Stores one version as the other registry reports it. Throws when a rule or proof does not allow that;
     * then nothing is stored.
     */
    take: (
      listed: PartnerContract,
      received: Received,
      q: { partner: string; own: string; at: string; heardAt: string },
    ): Promise<void> =>
      record(async (transaction) => {
        const rows = await versionsOf(transaction, listed.contract)
        // A registry that merely knows a contract's id may not report about it.
        const both = [q.own, q.partner].sort().join()
        let row = rows.find(({ version }) => version === listed.version)
        // It may report about a version between both instances, even if other versions have other parties.
        if ((row === undefined ? rows : [row]).some((one) => instancesOf(contentOf(one)).join() !== both))
          throw new Fault('access_denied', { what: say`${q.partner} is no party of this contract` })
        const hasEndedThere = row !== undefined && OPEN.includes(row.state) && ENDS.has(listed.state)
        if (row?.hash !== listed.hash && row?.origin === null && listed.origin === q.own) {
          // Our content changed before it ended here. Once the report is recorded, our list includes this
          // version, so that the other registry learns of its end.
          if (!LIVE.includes(row.state)) await keepWord(transaction, listed, q)
          return
        }
        // A version that the partner proposed, changed and ended between two rounds has ended, whichever of
        // its contents we have.
        if (row?.hash !== listed.hash && !(hasEndedThere && row?.origin === q.partner)) {
          const { content } = received
          if (content === undefined) return
          const put = await takeContent(transaction, content, listed, { ...q, acts })
          if (put === undefined) return
          row = put
        }
        if (row === undefined) return
        const { contract, version, hash } = row
        await keepWord(transaction, listed, q)
        if (ENDS.has(listed.state)) {
          const act = (['withdraw', 'decline', 'terminate'] as const).find(
            (one) => ACT[listed.state] === one && isPossible(row!.state, one),
          )
          const end = act ?? (isPossible(row.state, 'terminate') ? 'terminate' : undefined)
          if (end === undefined) return
          const by = `the registry of ${q.partner}`
          const decision = { by, at: q.at }
          const reason = listed.reason ?? `ended in ${q.partner}`
          // It has no say in versions with members of other instances.
          const shared = rows.filter((one) => instancesOf(contentOf(one)).join() === both)
          if (end === 'terminate') await acts.terminate(transaction, row, shared, decision, reason)
          else await acts.move(transaction, row, end, decision, reason)
          return
        }
        row = await takeSeals(transaction, row, received.seals, { ...q, acts })
        const { counterSeal } = received
        if (counterSeal !== undefined) {
          const { seal, sha256, certificate, message } = counterSeal
          if (!fits(seal, { instance: q.partner, contract, version, hash }))
            throw impossible('the counter-seal is of another content')
          const { instance } = seal
          const by = `the registry of ${q.partner}`
          // Each accepted counter-seal is an event and thus a leaf of the transparency log. One for each key
          // is enough, and keys change rarely.
          const stands = (await counterSealsOf(transaction, row)).some(
            (one) => one.certificate === certificate,
          )
          if (stands || (await sealedSince(transaction, row, { by, at: q.at }))) return
          const values = { contract, version, hash, instance, sha256, certificate, message }
          await putCounterSeal(transaction, { ...values, sealed_at: q.at })
          await addEvent(transaction, row, { act: 'counterSeal', by, at: q.at })
        }
      }),
    /** The last reports of the instance, by contract and version. */
    async words(instance: string): Promise<Map<string, string>> {
      const rows = await tables
        .selectFrom('contract_partner')
        .select(['contract', 'version', 'hash', 'state', 'reason'])
        .where('instance', '=', instance)
        .execute()
      return new Map(rows.map((row) => [`${row.contract} ${Number(row.version)}`, wordOf(row)]))
    },
    /** Renews the time of reports that have not changed, which most have not. */
    heardAgain: (
      instance: string,
      listed: Pick<PartnerContract, 'contract' | 'hash'>[],
      at: string,
    ): Promise<void> =>
      record(async (transaction) => {
        for (let from = 0; from < listed.length; from += 500) {
          const some = listed.slice(from, from + 500)
          const ids = [...new Set(some.map(({ contract }) => contract))]
          // A hash belongs to one version, so other versions of its contract are not renewed.
          const hashes = some.map(({ hash }) => hash)
          await transaction
            .updateTable('contract_partner')
            .set({ heard_at: at })
            .where('instance', '=', instance)
            .where('contract', 'in', ids)
            .where('hash', 'in', hashes)
            .execute()
        }
      }),
    /** Versions that this registry agreed to but has not sealed with one of the present signing keys. */
    async dueForCounterSeal(own: string, certificates: string[]): Promise<ContractRow[]> {
      const rows = await tables
        .selectFrom('contract_version')
        .select(COLUMNS)
        .where('agreed_at', 'is not', null)
        .where('state', 'in', LIVE)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('contract_counter_seal')
                .select('sha256')
                .whereRef('contract_counter_seal.contract', '=', 'contract_version.contract')
                .whereRef('contract_counter_seal.version', '=', 'contract_version.version')
                .whereRef('contract_counter_seal.hash', '=', 'contract_version.hash')
                .where('contract_counter_seal.instance', '=', own)
                .where('contract_counter_seal.certificate', 'in', certificates),
            ),
          ),
        )
        .limit(MOST_LISTED)
        .execute()
      return rows
    },
    keepCounterSeal: (
      { contract, version, hash }: ContractRow,
      one: { sha256: string; certificate: string; message: Buffer; instance: string; at: string },
    ): Promise<void> =>
      record(async (transaction) => {
        const row = (await versionsOf(transaction, contract)).find((each) => each.hash === hash)
        // Meanwhile it has other content, or was withdrawn.
        if (row === undefined || !LIVE.includes(row.state) || row.agreed_at === null) return
        const { at: sealed_at, ...values } = one
        await putCounterSeal(transaction, { contract, version, hash, sealed_at, ...values })
        await addEvent(transaction, row, { act: 'counterSeal', by: 'this registry', at: one.at })
      }),
    /** Versions that wait for nothing any more: both instances have counter-sealed the present content. */
    async sealedByBoth(): Promise<ContractRow[]> {
      const rows = await tables
        .selectFrom('contract_version')
        .select(COLUMNS)
        .where('state', '=', 'ACCEPTED')
        .where('agreed_at', 'is not', null)
        .where(
          ({ selectFrom }) =>
            selectFrom('contract_counter_seal')
              .select(({ fn }) => fn.countAll<number>().as('count'))
              .whereRef('contract_counter_seal.contract', '=', 'contract_version.contract')
              .whereRef('contract_counter_seal.version', '=', 'contract_version.version')
              .whereRef('contract_counter_seal.hash', '=', 'contract_version.hash'),
          '>=',
          2,
        )
        .orderBy('contract')
        .orderBy('version')
        .limit(MOST_LISTED)
        .execute()
      return rows
    },
    /**
     * Puts a version into force once both registries have agreed. Throws `contract_not_possible` while the
     * register or time does not allow it.
     */
    activate: ({ contract, hash }: ContractRow, at: string): Promise<void> =>
      record(async (transaction) => {
        const row = (await versionsOf(transaction, contract)).find((each) => each.hash === hash)
        if (row?.state !== 'ACCEPTED' || row.agreed_at === null) return
        const seals = await counterSealsOf(transaction, row)
        const has = (instance: string): boolean => seals.some((one) => one.instance === instance)
        if (!instancesOf(contentOf(row)).every(has)) return
        await acts.activate(transaction, row, { by: 'both registries', at })
      }),
  }
}

/**
 * Stores the partner's content in place of ours, if the partner may decide on it and it is still a proposal.
 * Undefined when ours stays. Throws `contract_not_possible` or `access_denied`.
 */
async function takeContent(
  transaction: Kysely<RegisterTables>,
  content: ContractContent,
  listed: PartnerContract,
  q: { partner: string; at: string; acts: ContractActs },
): Promise<ContractRow | undefined> {
  const rows = await versionsOf(transaction, listed.contract)
  const row = rows.find(({ version }) => version === listed.version)
  const isProposal = listed.origin === q.partner && OPEN.includes(listed.state)
  if (row !== undefined && !OPEN.includes(row.state)) {
    if (!isProposal) return undefined
    throw impossible(
      `version ${row.version} was something else here, and is ${row.state}: it has to be proposed there as a later version`,
    )
  }
  // When both proposed the next version at the same time, the provider's registry wins.
  const isTheirs = row === undefined || row.origin === q.partner || providerIn(content) === q.partner
  if (!isTheirs || !isProposal) return undefined
  if (parseMemberId(listed.proposedBy).instance !== q.partner) throw impossible('a stranger proposed it')
  const facts = await q.acts.factsOf(transaction, content)
  checkProposal(content, listed.proposedBy, { ...facts, versions: rows.map(versionOf) }, q.at, 'elsewhere')
  const by = `${listed.proposedBy}, at its registry`
  await checkNotTooMany(transaction, listed.proposedBy, { by, at: q.at })
  const put = await putVersion(transaction, content, { by: listed.proposedBy, at: q.at, origin: q.partner })
  const act = row === undefined ? 'propose' : 'replace'
  await addEvent(transaction, put, { act, by, at: q.at })
  await q.acts.tell(transaction, put, 'PROPOSED')
  return put
}

async function takeSeals(
  transaction: Kysely<RegisterTables>,
  row: ContractRow,
  seals: Received['seals'],
  q: { partner: string; at: string; acts: ContractActs },
): Promise<ContractRow> {
  const content = contentOf(row)
  const signers = await q.acts.signersOf(transaction, row)
  for (const { message, ...one } of seals) {
    const { signer } = one.seal
    // Our own members seal at this registry; nobody else can report their seals.
    if (parseMemberId(signer).instance !== q.partner || signers.includes(signer)) continue
    checkSealFits(one.seal, content, row.hash)
    await q.acts.keepSeal(transaction, row, one, { message, at: q.at })
    signers.push(signer)
  }
  return row.state === 'PROPOSED' && isComplete(content, signers)
    ? q.acts.complete(transaction, row, q.at)
    : row
}

/** The parts of a report that decide whether it is the same as before. */
export function wordOf(one: { hash: string; state: string; reason?: string | null }): string {
  return JSON.stringify([one.hash, one.state, one.reason ?? null])
}

const ACT: Record<string, 'withdraw' | 'decline' | 'terminate'> = {
  WITHDRAWN: 'withdraw',
  DECLINED: 'decline',
  TERMINATED: 'terminate',
}

function providerIn({ provider }: ContractContent): string {
  return parseSubsystemId(provider).instance
}

/** The counter-seals of the present content. */
async function counterSealsOf(
  kysely: Kysely<RegisterTables>,
  { contract, version, hash }: Pick<ContractRow, 'contract' | 'version' | 'hash'>,
): Promise<Pick<RegisterTables['contract_counter_seal'], 'instance' | 'certificate'>[]> {
  return kysely
    .selectFrom('contract_counter_seal')
    .select(['instance', 'certificate'])
    .where('contract', '=', contract)
    .where('version', '=', version)
    .where('hash', '=', hash)
    .orderBy('instance')
    .execute()
}

/** Records what the other registry reports about a version that we also have. */
async function keepWord(
  transaction: Kysely<RegisterTables>,
  { contract, version, hash, state, reason }: PartnerContract,
  { partner: instance, heardAt: heard_at }: { partner: string; heardAt: string },
): Promise<void> {
  const heard = { state, hash, reason: reason ?? null, heard_at }
  await transaction
    .insertInto('contract_partner')
    .values({ contract, version, instance, ...heard })
    .onConflict((conflict) => conflict.columns(['contract', 'version']).doUpdateSet(heard))
    .execute()
}

/**
 * Whether the other registry has sealed the version so often within a day that a further counter-seal cannot
 * be due to a change of keys.
 */
async function sealedSince(
  transaction: Kysely<RegisterTables>,
  { contract, version }: ContractRow,
  { by, at }: Decision,
): Promise<boolean> {
  const today = transaction
    .selectFrom('contract_event')
    .where('contract', '=', contract)
    .where('version', '=', version)
    .where('act', '=', 'counterSeal')
    .where('by', '=', by)
    .where('at', '>', new Date(Date.parse(at) - DAY_MS).toISOString())
  return (await counted(today)) >= MOST_SEALED_A_DAY
}

/** Stores the one counter-seal of a registry; a newer one, with a newer key, replaces it. */
async function putCounterSeal(
  transaction: Kysely<RegisterTables>,
  values: RegisterTables['contract_counter_seal'],
): Promise<void> {
  await transaction
    .deleteFrom('contract_counter_seal')
    .where('contract', '=', values.contract)
    .where('version', '=', values.version)
    .where('instance', '=', values.instance)
    .execute()
  await transaction.insertInto('contract_counter_seal').values(values).execute()
}
