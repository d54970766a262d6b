/**
 * Service contracts of this server's clients: lists, proposals, and agreements by two people. end.ts ends
 * contracts.
 */
import { randomUUID } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { groupOf, memberOfSubsystem, requiredSigners } from '#core/contract/parties.ts'
import { contentHash, readContent } from '#core/contract/read-content.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { nameOf } from '#platform/people/name-of.ts'
import { clientIdOf, memberIdOf } from '#schemas/colon-identifiers.ts'
import { CONTRACT_DOCUMENT, type ContractContent, type ContractTerms } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseMemberId, parseSubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { LIST_GOOD_MS } from '../../global-configuration/contracts/index-contracts.ts'
import { maySee } from '../../global-configuration/contracts/may-see.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { checkInPerson, checkSecond, stillCounts } from './agree.ts'
import { contactHandlers, type Send, type Status } from './contact-handlers.ts'
import { endedByOthers, endHandlers, endingsOf } from './end.ts'
import { type CanSign, type ContractQuery, findContracts, signersOf } from './find.ts'
import type { Needs } from './needs.ts'
import { contractView } from './view.ts'

export function contractHandlers(rooms: Needs): Handlers {
  const { contracts, keys, clock } = rooms
  const server = idText(rooms.server)
  const idOf = (params: Record<string, string>): string => params['id']!.toLowerCase()

  const versionsOf = (contract: string): KeptContract[] => {
    const found = contracts.view().contracts.filter(({ content }) => content.contract === contract)
    if (found.length === 0) throw new Fault('not_found', { what: say`the contract ${contract}` })
    return found.sort((a, b) => a.content.version - b.content.version)
  }
  const versionOf = (contract: string, hash: string): KeptContract => {
    const found = versionsOf(contract).find(({ listed }) => listed.hash === hash.toLowerCase())
    if (found === undefined)
      throw new Fault('contract_not_possible', { what: say`no version has this content now` })
    return found
  }

  const send: Send = async (path, q) => {
    const head = { id: randomUUID(), createdAt: new Date(clock()).toISOString(), signer: q.signer, server }
    const document = { ...head, ...q.document }
    const signed = await keys.signJson({ document, type: q.type, member: parseMemberId(q.signer) })
    const status = parseStrictJson(await contracts.send(path, signed)) as Status
    // The document was accepted. If the list cannot be fetched now, the next regular fetch gets it.
    await contracts.refresh().catch(() => undefined)
    return status
  }

  const propose = async (content: ContractContent, member: string | undefined, { id, name }: Caller) => {
    const read = readContent(content)
    checkOwnServices(read, rooms)
    const signers = requiredSigners(read)
    const signer = member === undefined ? signers.find(signersOf(keys)) : idText(memberIdOf(member))
    if (signer === undefined)
      throw new Fault('cannot_sign', { what: say`no member of this contract has a signing key here` })
    // Every auditor can read the audit log, and not every contract.
    await rooms.audit.before({
      ...{ caller: { id, name }, operation: 'proposedContract', target: `contract ${read.contract}` },
      data: { version: read.version, hash: contentHash(read), signer },
    })
    return send('', { type: CONTRACT_DOCUMENT.proposal, signer, document: { content: read } })
  }

  /**
   * A suspension continues after the contract ends, so a suspended contract gets no further version. The
   * registry refuses one too.
   */
  const checkMayFollow = (versions: KeptContract[]): void => {
    const isListed = versions.some(({ listed }) => listed.state === 'SUSPENDED')
    if (isListed || contracts.isSuspended(versions[0]!.content))
      throw new Fault('contract_not_possible', { what: SUSPENDED })
  }

  /** The number of the next version, and the hash of the version that it replaces. */
  const nextOf = (versions: KeptContract[]): Pick<ContractContent, 'version' | 'supersedes'> => {
    const open = versions.find(({ listed }) => listed.state === 'PROPOSED' || listed.state === 'ACCEPTED')
    const held = versions.findLast(({ listed }) => HELD.has(listed.state))
    const version = open?.content.version ?? versions.at(-1)!.content.version + 1
    return { version, ...(held === undefined ? {} : { supersedes: held.listed.hash }) }
  }

  async function accept({ params, body, caller }: OperationInput) {
    const { contentHash: hash, member, subsystems } = body as Acceptance
    await checkInPerson(caller, rooms)
    const version = versionOf(idOf(params), hash)
    const { content } = version
    const signer = idText(memberIdOf(member))
    const joining = subsystems?.map((one) => idText(clientIdOf(one)))
    checkParty(version, signer, joining)
    checkOwnServices(content, rooms)
    // If the member cannot sign, the first person learns it too.
    keys.signingIdentity(parseMemberId(signer))
    const own = {
      member: signer,
      hash: version.listed.hash,
      key_id: caller.id,
      key_name: caller.name,
      subsystems: joining === undefined ? null : JSON.stringify(joining),
      agreed_at: new Date(clock()).toISOString(),
    }
    let first = await contracts.agreements.agree(own)
    if (!(await stillCounts(first, rooms, clock()))) {
      await contracts.agreements.forget(first)
      first = await contracts.agreements.agree(own)
    }
    // The stored agreement is the one of this very request, so this is the first of two.
    if (first.key_id === own.key_id && first.agreed_at === own.agreed_at)
      return { contract: content.contract, version: content.version, hash: own.hash, agreed: 1, needed: 2 }
    await checkSecond(first, caller, rooms)
    if (first.subsystems !== own.subsystems)
      throw new Fault('contract_not_possible', {
        what: say`the first agreed to join with ${String(first.subsystems)}`,
      })
    const mandated = [nameOf({ id: first.key_id, name: first.key_name }), nameOf(caller)]
    const { contract, version: number } = content
    const document = {
      ...{ contract, version: number, hash: own.hash, mandated },
      ...(joining === undefined ? {} : { subsystems: joining }),
    }
    const status = await send('/seals', { type: CONTRACT_DOCUMENT.seal, signer, document })
    await contracts.agreements.forget(first)
    return { ...status, agreed: 2, needed: 2 }
  }

  const viewsOf = async (found: KeptContract[], caller: Caller, canSign: CanSign) => {
    const agreements = await contracts.agreements.agreements(found.map(({ listed }) => listed.hash))
    const endings = await endingsOf(found, rooms)
    return found.map((one) =>
      contractView(
        one,
        { agreements, endings },
        { now: clock(), caller, canSign, isSuspended: contracts.isSuspended },
      ),
    )
  }

  return {
    async getContracts({ query, caller }) {
      const { contracts: all, refused, ...more } = contracts.view()
      const { ending, ...asked } = query as ContractQuery & { ending?: boolean }
      const seen = all.filter((one) => maySee(one, caller))
      const shown = ending === true ? await endedByOthers(seen, caller, rooms) : seen
      const canSign = signersOf(keys)
      const { page, total } = findContracts(shown, asked, canSign)
      const views = await viewsOf(page, caller, canSign)
      const list = {
        ...more,
        // A contract can state a longer time of its own.
        ...(more.asOf === undefined
          ? {}
          : { goodUntil: new Date(Date.parse(more.asOf) + LIST_GOOD_MS).toISOString() }),
        contracts: views,
        refused: refused.map(({ listed, reason }) => ({ ...listed, refusedBecause: reason })),
      }
      return answer(list, { headers: { 'x-total-count': String(total) } })
    },
    async getContract({ params, caller }) {
      const versions = versionsOf(idOf(params)).filter((one) => maySee(one, caller))
      if (versions.length === 0) throw new Fault('not_found', { what: say`the contract ${idOf(params)}` })
      const views = await viewsOf(versions, caller, signersOf(keys))
      const used = await usedOf(versions, rooms)
      return views.map((view, at) => ({
        ...view,
        content: versions[at]!.content,
        sealedBy: versions[at]!.seals,
        ...(versions[at] === used.version && { quotaToday: used.quotaToday }),
      }))
    },
    proposeContract: ({ body, caller }) => {
      const { terms, member } = body as { terms: ContractTerms; member?: string }
      return propose({ ...terms, contract: randomUUID(), version: 1 }, member, caller)
    },
    proposeContractVersion: ({ params, body, caller }) => {
      const { terms, member } = body as { terms: ContractTerms; member?: string }
      const contract = idOf(params)
      const versions = versionsOf(contract)
      checkMayFollow(versions)
      return propose({ ...terms, contract, ...nextOf(versions) }, member, caller)
    },
    extendContract: ({ params, body, caller }) => {
      const { validUntil, reviewAt, member } = body as Record<string, string>
      const versions = versionsOf(idOf(params))
      checkMayFollow(versions)
      const held = versions.findLast(({ listed }) => HELD.has(listed.state))
      if (held === undefined)
        throw new Fault('contract_not_possible', { what: say`no version of it was in force` })
      const { supersedes: _, ...same } = held.content
      const dates = { validUntil: isoOf(validUntil!), reviewAt: isoOf(reviewAt ?? validUntil!) }
      return propose({ ...same, ...nextOf(versions), ...dates }, member, caller)
    },
    acceptContract: accept,
    ...endHandlers(rooms, { versionOf, send }),
    ...contactHandlers(rooms, { versionsOf, send }),
    refreshContracts: () => contracts.refresh(),
  }
}

type Acceptance = { contentHash: string; member: string; subsystems?: string[] }

const SUSPENDED = 'it is suspended, and its end does not change that; only the registry can let it go on'
const HELD: ReadonlySet<string> = new Set(['ACTIVE', 'SUSPENDED', 'EXPIRED'])

/** The newest version in force, if this server counts its calls, and what is used today of its quota. */
async function usedOf(
  versions: KeptContract[],
  { localSystems, quotaUseToday }: Pick<Needs, 'localSystems' | 'quotaUseToday'>,
): Promise<{ version?: KeptContract; quotaToday?: Awaited<ReturnType<Needs['quotaUseToday']>> }> {
  const version = versions.findLast(({ listed }) => listed.state === 'ACTIVE' || listed.state === 'SUSPENDED')
  if (version?.content.quota === undefined) return {}
  const { provider, contract } = version.content
  if (localSystems.client(parseSubsystemId(provider)) === undefined) return {}
  return { version, quotaToday: await quotaUseToday(contract) }
}

/** Throws `contract_seal_wrong` when this member has nothing to seal or join in this version. */
function checkParty({ content }: KeptContract, signer: string, joining: string[] | undefined): void {
  if (joining === undefined) {
    if (requiredSigners(content).includes(signer)) return
    throw new Fault('contract_seal_wrong', { what: say`${signer} is no party that has to seal it` })
  }
  if (groupOf(content) === undefined)
    throw new Fault('contract_seal_wrong', { what: say`it names its consumers: nobody joins it` })
  if (joining.some((one) => memberOfSubsystem(one) !== signer))
    throw new Fault('contract_seal_wrong', { what: say`a member joins with its own subsystems only` })
}

/**
 * Checks the services if the provider is a client of this server. Throws `unknown_service` for one that does
 * not exist.
 */
function checkOwnServices(
  { provider, services }: ContractContent,
  { localSystems }: Pick<Needs, 'localSystems'>,
): void {
  const id = parseSubsystemId(provider)
  if (localSystems.client(id) === undefined) return
  for (const { serviceCode } of services) {
    const service = { ...memberOf(id), subsystemCode: id.subsystemCode, serviceCode }
    if (localSystems.service(service) === undefined)
      throw new Fault('unknown_service', { what: idText(service) })
  }
}

function isoOf(text: string): string {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw new Fault('invalid_input', { what: say`a time is needed` })
  return time.toISOString()
}
