/**
 * Guarantees that a list of contracts is the registry's answer to this very question: signed by a key that the configuration
 * names, for this server, made now. An older list, another server's or a stranger's is refused.
 */

import { readCertificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import {
  flag,
  integer,
  isoTime,
  list,
  oneOf,
  optional,
  plainText,
  type Read,
  record,
} from '#core/contract/fields.ts'
import { memberId, sha256, uuid } from '#core/contract/read-content.ts'
import { serverId } from '#core/contract/verify-seal.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import {
  CONTRACT_DOCUMENT,
  CONTRACT_STATES,
  type ContractList,
  type ListedContract,
} from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'

/** Some 20,000 contracts. */
export const MAX_LIST_BYTES = 16 * 1024 * 1024
const MOST_CONTRACTS = 50_000
const MOST_SEALS = 10_000
const ACCEPTED_MS = 5 * 60_000

const code: Read<string> = (value, at) => plainText(255)(value, at)

const listed = record<ListedContract>({
  contract: uuid,
  version: integer(1, 1_000_000),
  hash: sha256,
  state: oneOf(CONTRACT_STATES),
  seals: list(sha256, 0, MOST_SEALS),
  waitsFor: list(memberId, 0, 60),
  reason: optional(plainText(1000)),
})

export const readList = record<ContractList>({
  instance: code,
  server: serverId,
  answers: uuid,
  generatedAt: isoTime,
  contractRequired: flag,
  contracts: list(listed, 0, MOST_CONTRACTS),
})

export function verifyList(
  bytes: Buffer,
  q: { configuration: ConfigurationIndex; server: string; query: string; now: number },
): ContractList {
  const { document, signatures } = readSignedJson(bytes, CONTRACT_DOCUMENT.list, MAX_LIST_BYTES)
  const trusted = new Set(
    q.configuration.shared.sources
      .flatMap((source) => source.internalVerificationCerts)
      .map((der) => readCertificate(der).sha256),
  )
  if (signatures.length !== 1 || !trusted.has(signatures[0]!.certificate.sha256))
    throw refused('it is not signed by a key that signs the configuration')
  const read = readList(document, 'list')
  if (read.instance !== q.configuration.instance || read.server !== q.server)
    throw refused('it is for another server')
  if (read.answers !== q.query) throw refused('it answers another question')
  if (Math.abs(Date.parse(read.generatedAt) - q.now) > ACCEPTED_MS)
    throw refused('its time is not within 5 minutes of ours')
  return read
}

function refused(what: string): Fault {
  return new Fault('invalid_global_conf_signature', { what: `list of contracts: ${what}` })
}
