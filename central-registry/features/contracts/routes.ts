/**
 * Handlers of the operations on contracts: lists, one contract with its versions compared, decisions, the
 * policy.
 */

import { instancesOf } from '#core/contract/parties.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { type Act, actOf, checkReason, wordsOf } from '../../changes/decision.ts'
import type { Page } from '../../changes/store.ts'
import type { ContractPolicy, ContractPolicyStore } from '../../contract-versions/policy-store.ts'
import { contentOf, versionOf } from '../../contract-versions/rows-store.ts'
import { differences, isOverdue, OPEN, stateAt, waitsFor } from '../../contract-versions/rules.ts'
import { isRequired, sidesWithout } from '../../members/contacts/rules.ts'
import type { ContactStore } from '../../members/contacts/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { memberIdOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { ContractRow } from '../../register/tables.ts'
import type { SealFacts } from './acts-store.ts'
import type { ContractContacts } from './contacts-store.ts'
import type { ContractReading, Filter } from './reading-store.ts'
import type { ContractStore } from './store.ts'

type Who = { id: string; name: string | null }

/** `mayConfirm` is about the present caller. */
type SuspensionView = {
  id: Whole
  kind: string
  subject: string
  reason: string
  state: string
  suspendedAt: Time
  suspendedBy: Who | null
  confirmedAt: Time | null
  confirmedBy: Who | null
  liftedAt: Time | null
  liftedBy: Who | null
  announcements: Whole
  nextAnnouncement: string | null
  mayConfirm: boolean
}

/** The suspension of contracts; implemented by the suspensions feature. */
export type ContractSuspensions = {
  store: {
    suspend(
      suspended: { kind: 'contract'; subject: string; hash: string; reason: string; maker: string | null },
      act: Act,
    ): Promise<unknown>
    liftContract(contract: string, contentHash: string, act: Act): Promise<unknown>
  }
  /** The newest suspension of a contract as this caller sees it. */
  ofContract(contract: string, caller: Caller): Promise<SuspensionView | undefined>
}

type Rooms = {
  store: ContractStore
  reading: ContractReading
  policy: ContractPolicyStore
  contacts: Pick<ContactStore, 'asks' | 'known'> & Pick<ContractContacts, 'send'>
  members: Pick<MemberStore, 'parameters'>
  suspensions: ContractSuspensions
  /**
   * The active person at the start of the chain of keys that made an API key; null for keys of the operator.
   */
  makerOf(key: string): Promise<string | null>
  clock: Clock
}

const DAY_MS = 86_400_000

export function contractHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store, reading, policy, suspensions, clock } = rooms
  const now = (): string => new Date(clock()).toISOString()
  const decision = (caller: Caller, approver?: Caller) => ({ by: wordsOf(caller, approver), at: now() })
  const idOf = (params: Record<string, string>): string => params['id']!.toLowerCase()
  const said = (body: unknown) => body as { contentHash: string; reason: string }
  const summary = (row: ContractRow) => summaryAt(row, clock())
  const summaryOf = async (contract: string, hash: string) => {
    const { versions } = await reading.whole(contract)
    return summary(versions.find((row) => row.hash === hash)!)
  }

  /**
   * The state of the contacts of a version that is undecided or in force, and the sides that still need a
   * confirmed contact.
   */
  async function contactsOf(row: ContractRow) {
    if (!rooms.contacts.asks || !LIVE.includes(row.state)) return {}
    const content = contentOf(row)
    const contacts = await rooms.contacts.known(content, now())
    if (!OPEN.includes(row.state) || !isRequired(content, (await policy.read()).confirmedContacts))
      return { contacts }
    const states = contacts.map(({ state }) => state)
    return { contacts, contactsMissing: sidesWithout(content, states, await instanceOf(rooms.members)) }
  }

  return {
    getContracts: async ({ query }) => {
      const { member, endsBefore, contacts: _, ...rest } = query as Page & Filter & { contacts?: string }
      const filter: Filter = {
        ...rest,
        ...(member === undefined
          ? {}
          : { member: idText(memberIdOf(member, await instanceOf(rooms.members))) }),
        ...(endsBefore === undefined ? {} : { endsBefore: timeOf(endsBefore) }),
        ...(query['contacts'] === undefined ? {} : { unconfirmedAt: now() }),
      }
      const page = query as Page
      const rows = await reading.list({ ...page, ...filter })
      return listAnswer(rows.map(summary), page, () => reading.count(filter))
    },
    getContract: async ({ params, caller }) => {
      const { versions, seals, events, notices, counterSeals, words } = await reading.whole(idOf(params))
      const contacts = await Promise.all(versions.map(contactsOf))
      return {
        contract: idOf(params),
        suspension: (await suspensions.ofContract(idOf(params), caller)) ?? null,
        versions: versions.map((row, i) => ({
          ...summary(row),
          content: contentOf(row),
          waitsFor: waitsFor(
            { state: row.state, content: contentOf(row) },
            seals.flatMap(({ version, member, subsystems: joined }) =>
              Number(version) === row.version && joined === null ? [member] : [],
            ),
          ),
          ...betweenInstances(row, counterSeals, words),
          ...contacts[i],
          // Compared with the version before in any state, because that is the one that a reader has seen
          // last.
          changes: i === 0 ? [] : differences(contentOf(versions[i - 1]!), contentOf(row)),
          seals: seals
            .filter(({ version }) => Number(version) === row.version)
            .map(({ sha256, member, subsystems, facts, sealed_at }) => ({
              ...(JSON.parse(facts) as SealFacts),
              sha256,
              member,
              sealedAt: sealed_at,
              ...(subsystems === null ? {} : { subsystems: JSON.parse(subsystems) as string[] }),
            })),
        })),
        events: events.map(({ version, ...event }) => ({ ...event, version: Number(version) })),
        notices: notices.map(({ version, ...notice }) => ({ ...notice, version: Number(version) })),
      }
    },
    approveContract: async ({ params, body, caller, approver }) =>
      summary(await store.approve(idOf(params), said(body).contentHash, decision(caller, approver))),
    declineContract: async ({ params, body, caller }) => {
      const { contentHash, reason } = said(body)
      return summary(await store.decline(idOf(params), contentHash, checkReason(reason), decision(caller)))
    },
    suspendContract: async ({ params, body, caller }) => {
      const { contentHash: hash, reason } = said(body)
      const subject = idOf(params)
      const maker = caller.kind === 'key' ? await rooms.makerOf(caller.id) : null
      const suspended = { kind: 'contract' as const, subject, hash, reason: checkReason(reason), maker }
      await suspensions.store.suspend(suspended, actOf(caller, clock()))
      return summaryOf(subject, hash)
    },
    resumeContract: async ({ params, body, caller, approver }) => {
      const { contentHash, reason } = said(body)
      checkReason(reason)
      await suspensions.store.liftContract(idOf(params), contentHash, actOf(caller, clock(), approver))
      return summaryOf(idOf(params), contentHash)
    },
    terminateContract: async ({ params, body, caller, approver }) => {
      const { contentHash, reason } = said(body)
      const why = checkReason(reason)
      return summary(await store.terminate(idOf(params), contentHash, why, decision(caller, approver)))
    },
    getContractPolicy: () => policy.read(),
    setContractPolicy: async ({ body }) => {
      const { confirmedContacts = (await policy.read()).confirmedContacts, ...given } =
        body as Partial<ContractPolicy> & Omit<ContractPolicy, 'confirmedContacts'>
      if (confirmedContacts !== 'none' && !rooms.contacts.asks)
        throw new Fault('conflict', {
          what: say`the settings name no mail server, so that no contact can be confirmed`,
        })
      return policy.set({ ...given, confirmedContacts })
    },
    sendContactLetter: async ({ params, body }) => {
      const { member: id, email } = body as { member: string; email: string }
      const member = idText(memberIdOf(id, await instanceOf(rooms.members)))
      const contract = idOf(params)
      return summary(await rooms.contacts.send({ member, email, contract }, now()))
    },
  }
}

function summaryAt(row: ContractRow, now: number) {
  const version = versionOf(row)
  const at = new Date(now).toISOString()
  const content = contentOf(row)
  const { provider, consumers, personalData } = content
  const instances = instancesOf(content)
  return {
    contract: row.contract,
    version: row.version,
    contentHash: row.hash,
    state: stateAt(version, at),
    title: row.title,
    provider,
    consumers,
    personalData,
    ...(instances.length === 1 ? {} : { instances }),
    critical: version.critical,
    overdue: isOverdue(version, at),
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    endsInDays: Math.ceil((Date.parse(row.valid_until) - now) / DAY_MS) as Whole,
    reviewAt: row.review_at,
    proposedAt: row.proposed_at,
    proposedBy: row.proposed_by,
    changedAt: row.changed_at,
    ...(row.reason === null ? {} : { reason: row.reason }),
  }
}

function timeOf(text: string): string {
  const time = new Date(text)
  // RFC 3339 allows leap seconds, Date does not.
  if (Number.isNaN(time.getTime())) throw new Fault('invalid_input', { what: say`endsBefore is not a time` })
  return time.toISOString()
}

type WholeContract = Awaited<ReturnType<ContractReading['whole']>>

/** Which registries have agreed to a contract between two instances, and the last report of the other one. */
function betweenInstances(
  { version, agreed_at, origin }: ContractRow,
  counterSeals: WholeContract['counterSeals'],
  words: WholeContract['words'],
) {
  const seals = counterSeals.filter((one) => Number(one.version) === version)
  const word = words.find((one) => Number(one.version) === version)
  if (word === undefined && seals.length === 0 && agreed_at === null) return {}
  return {
    between: {
      origin,
      agreedAt: agreed_at,
      counterSeals: seals.map(({ sha256, instance, sealed_at }) => ({
        sha256,
        instance,
        sealedAt: sealed_at,
      })),
      partner:
        word === undefined
          ? null
          : {
              ...{ instance: word.instance, state: word.state, reason: word.reason, heardAt: word.heard_at },
            },
    },
  }
}
