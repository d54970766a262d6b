/**
 * Guarantees that a contract in the registry's list is what its parties agreed to. The content has the listed
 * hash, and a contract in force has the seal of every party, verified here. Neither the registry alone nor
 * one party alone can make a contract.
 */

import { createHash } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { fits } from '#core/contract/between-instances.ts'
import { instancesOf, requiredSigners } from '#core/contract/parties.ts'
import { contentText, readContent } from '#core/contract/read-content.ts'
import { checkSealFits } from '#core/contract/verify-seal.ts'
import type { ContractContent, ContractSeal, CounterSeal, ListedContract } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'

export type KeptContract = {
  listed: ListedContract
  content: ContractContent
  /** Consumer subsystems that joined with a seal; only for the contract of a group. */
  joined: string[]
  seals: ContractSeal[]
}

/** States in which a contract between instances has the counter-seals of both registries. */
const COUNTER_SEALED: ReadonlySet<string> = new Set(['ACTIVE', 'SUSPENDED', 'EXPIRED'])
/** States in which all parties have sealed the contract. */
const SEALED: ReadonlySet<string> = new Set(['ACCEPTED', 'ACTIVE', 'SUSPENDED', 'EXPIRED', 'SUPERSEDED'])

/**
 * Checks and combines the parts of a contract; `seals` and `counterSeals` must be verified already. Throws
 * `invalid_contract` or `contract_seal_wrong`.
 */
export function assembleContract(
  listed: ListedContract,
  bytes: Buffer,
  seals: ContractSeal[],
  counterSeals: CounterSeal[] = [],
): KeptContract {
  const content = readContentBytes(bytes, listed.hash)
  if (content.contract !== listed.contract || content.version !== listed.version)
    throw new Fault('invalid_contract', { what: 'its content is of another contract than listed' })
  for (const seal of seals) checkSealFits(seal, content, listed.hash)
  const signers = new Set(
    seals.filter(({ subsystems }) => subsystems === undefined).map(({ signer }) => signer),
  )
  const missing = requiredSigners(content).filter((one) => !signers.has(one))
  if (SEALED.has(listed.state) && missing.length > 0)
    throw new Fault('contract_seal_wrong', { what: `${missing.join(', ')} has not sealed it` })
  if (COUNTER_SEALED.has(listed.state)) checkCounterSeals(content, listed, counterSeals)
  return { listed, content, seals, joined: seals.flatMap(({ subsystems }) => subsystems ?? []) }
}

/** A contract between instances needs the counter-seal of every registry concerned. */
function checkCounterSeals(content: ContractContent, listed: ListedContract, given: CounterSeal[]): void {
  const instances = instancesOf(content)
  if (instances.length === 1) return
  const { contract, version, hash } = listed
  const missing = instances.filter(
    (instance) => !given.some((one) => fits(one, { instance, contract, version, hash })),
  )
  if (missing.length > 0)
    throw new Fault('contract_seal_wrong', {
      what: `the registry of ${missing.join(' and of ')} has not counter-sealed it`,
    })
}

/**
 * Reads a content. Throws `invalid_contract` when the bytes do not have this hash or are not the canonical
 * JSON of a content.
 */
export function readContentBytes(bytes: Buffer, hash: string): ContractContent {
  if (!hasHash(bytes, hash)) throw new Fault('invalid_contract', { what: 'the content has another hash' })
  const content = readContent(parseStrictJson(bytes))
  if (contentText(content) !== bytes.toString('utf8'))
    throw new Fault('invalid_contract', { what: 'the content is not canonical JSON' })
  return content
}

export function hasHash(bytes: Buffer, hash: string): boolean {
  return createHash('sha256').update(bytes).digest('hex') === hash
}
