/**
 * How a member ends a contract for good. Two mandated people who log in must give the same reason; an API key
 * cannot. The first ending is stored until the second person agrees. One person alone can decline or withdraw
 * a mere proposal.
 */
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { nameOf } from '#platform/people/name-of.ts'
import { memberIdOf } from '#schemas/colon-identifiers.ts'
import { CONTRACT_DOCUMENT, type MemberAct } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseMemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Ending } from '../../global-configuration/contracts/store.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { checkInPerson, checkSecond, stillCounts } from './agree.ts'
import type { Send } from './contact-handlers.ts'
import { partiesHere, signersOf } from './find.ts'
import type { Needs } from './needs.ts'

type Given = { contentHash: string; member: string; reason: string }
type Rooms = Pick<Needs, 'apiKeys' | 'people' | 'keys' | 'contracts' | 'clock'>

export function endHandlers(
  rooms: Rooms,
  q: { versionOf(contract: string, hash: string): KeptContract; send: Send },
): Handlers {
  const { contracts, keys, clock } = rooms
  const read = ({ params, body }: OperationInput) => {
    const { contentHash, member, reason } = body as Given
    const version = q.versionOf(params['id']!.toLowerCase(), contentHash)
    return { version, signer: idText(memberIdOf(member)), reason }
  }
  const act = (
    name: MemberAct,
    { version: { content, listed }, signer, reason }: ReturnType<typeof read>,
    mandated: string[],
  ) => {
    const document = { contract: content.contract, hash: listed.hash, act: name, reason, mandated }
    return q.send('/acts', { type: CONTRACT_DOCUMENT.act, signer, document })
  }

  const byOne = (name: MemberAct) => async (input: OperationInput) => {
    await checkInPerson(input.caller, rooms, 1)
    return act(name, read(input), [nameOf(input.caller)])
  }

  async function terminateContract(input: OperationInput) {
    const { caller } = input
    if (caller.kind !== 'person')
      throw new Fault('not_in_person', {
        what: say`two signatories who log in at this server end a contract`,
      })
    const given = read(input)
    const { version, signer, reason } = given
    // If the member cannot sign, the first person learns it too.
    keys.signingIdentity(parseMemberId(signer))
    if (!partiesHere(version, signersOf(keys)).includes(signer))
      throw new Fault('access_denied', { what: say`${signer} is no party of it` })
    const { contract, version: number } = version.content
    const { hash } = version.listed
    const own: Ending = {
      ...{ member: signer, hash, key_id: caller.id, key_name: caller.name, reason },
      agreed_at: new Date(clock()).toISOString(),
    }
    // A first person can change the reason until the second one agrees.
    const isVoid = async (first: Ending): Promise<boolean> =>
      (first.key_id === caller.id && first.reason !== reason) || !(await stillCounts(first, rooms, clock()))
    let first = await contracts.agreements.end(own)
    if (await isVoid(first)) {
      await contracts.agreements.forgetEnding(first)
      first = await contracts.agreements.end(own)
    }
    if (first.key_id === own.key_id && first.agreed_at === own.agreed_at)
      return { contract, version: number, hash, agreed: 1, needed: 2 }
    await checkSecond(first, caller, rooms)
    if (first.reason !== reason)
      throw new Fault('contract_not_possible', {
        what: say`the first person gave another reason; agree to that one, which the others will read`,
      })
    const status = await act('terminate', given, [
      nameOf({ id: first.key_id, name: first.key_name }),
      nameOf(caller),
    ])
    await contracts.agreements.forgetEnding(first)
    return { ...status, agreed: 2, needed: 2 }
  }

  return {
    withdrawContract: byOne('withdraw'),
    declineContract: byOne('decline'),
    terminateContract,
  }
}

/** Endings of these contracts that wait for a second person and still count. */
export async function endingsOf(found: KeptContract[], rooms: Rooms): Promise<Ending[]> {
  const all = await rooms.contracts.agreements.endings(found.map(({ listed }) => listed.hash))
  const counting = await Promise.all(all.map((one) => stillCounts(one, rooms, rooms.clock())))
  return all.filter((_, at) => counting[at])
}

/** The contracts that somebody other than the caller wants to end. */
export async function endedByOthers(
  found: KeptContract[],
  caller: Pick<Caller, 'id'>,
  rooms: Rooms,
): Promise<KeptContract[]> {
  const others = (await endingsOf(found, rooms)).filter(({ key_id }) => key_id !== caller.id)
  const hashes = new Set(others.map(({ hash }) => hash))
  return found.filter(({ listed }) => hashes.has(listed.hash))
}

/** An ending as the caller sees it. */
export function endingView(one: Ending, caller: Pick<Caller, 'id'>) {
  const { member, key_id, key_name: by, reason, agreed_at: at } = one
  return { member, by, byYou: key_id === caller.id, reason, at }
}
