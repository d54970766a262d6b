/**
 * Verifies a member's seal of a contract: a JWS by the member's signing key, whose certificate was good at
 * the time in the seal. The registry checks that time when it accepts the seal: it accepts only fresh
 * documents. Later verifications give the same verdict.
 */
import { createHash } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { type JsonSignature, readSignedJson } from '#core/signature/signed-json.ts'
import { CONTRACT_DOCUMENT, type ContractContent, type ContractSeal } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { integer, isoTime, list, optional, plainText, record, serverId, unique } from './fields.ts'
import { groupOf, memberOfSubsystem, requiredSigners } from './parties.ts'
import { memberId, sha256, subsystemId, uuid } from './read-content.ts'

const seal = record<ContractSeal>({
  id: uuid,
  createdAt: isoTime,
  signer: memberId,
  server: serverId,
  contract: uuid,
  version: integer(1, 1_000_000),
  hash: sha256,
  mandated: unique(list(plainText(255), 2, 2), (one) => one),
  subsystems: optional(unique(list(subsystemId, 1, 50), (one) => one)),
})

export type VerifiedSeal = { seal: ContractSeal; sha256: string; signature: JsonSignature }

/**
 * Verifies the seal in `bytes`: its signature, and its signer at the time in the seal by the configuration of
 * the signer's instance. `of` is that configuration, or finds it by instance. Throws `malformed_signature`,
 * `contract_seal_wrong`, or the fault of the check that fails first.
 */
export function verifySeal(
  bytes: Buffer,
  of: ConfigurationIndex | ((instance: string) => ConfigurationIndex | undefined),
): VerifiedSeal {
  const { document, signatures } = readSignedJson(bytes, CONTRACT_DOCUMENT.seal)
  const [signature, ...more] = signatures as [JsonSignature, ...JsonSignature[]]
  if (more.length > 0) throw new Fault('malformed_signature', { what: say`one signature is needed` })
  const read = seal(document, 'seal')
  const { instance } = parseMemberId(read.signer)
  const configuration = typeof of === 'function' ? of(instance) : of
  if (configuration === undefined)
    throw new Fault('contract_seal_wrong', {
      what: `no valid configuration of instance ${instance} is known`,
    })
  checkSigner({
    signature,
    configuration,
    at: new Date(read.createdAt),
    member: parseMemberId(read.signer),
  })
  return { seal: read, sha256: createHash('sha256').update(bytes).digest('hex'), signature }
}

/**
 * Throws `contract_seal_wrong` unless the seal is about this content and its signer is entitled to seal it: a
 * required signer, or for a group's contract a member that joins with its own subsystems.
 */
export function checkSealFits(one: ContractSeal, content: ContractContent, hash: string): void {
  if (one.contract !== content.contract || one.version !== content.version || one.hash !== hash)
    throw new Fault('contract_seal_wrong', { what: 'it is about another content' })
  const isGroup = groupOf(content) !== undefined
  if (requiredSigners(content).includes(one.signer) && one.subsystems === undefined) return
  if (!isGroup || one.subsystems === undefined)
    throw new Fault('contract_seal_wrong', { what: say`${one.signer} is no party that has to seal it` })
  if (one.subsystems.some((subsystem) => memberOfSubsystem(subsystem) !== one.signer))
    throw new Fault('contract_seal_wrong', { what: say`a member joins with its own subsystems only` })
}

/** Reads a stored seal, which was verified when it arrived. */
export function readKeptSeal(bytes: Buffer): ContractSeal {
  const { payload } = parseStrictJson(bytes) as { payload: string }
  return seal(parseStrictJson(Buffer.from(payload, 'base64url')), 'seal')
}
