/**
 * The registry's log for everybody, as a witness reads it: its name and keys out of the accepted
 * configuration, its newest checkpoint, and proofs. Guarantees that name and keys are those that the registry
 * published with its own statement; checkpoints and proofs are as received.
 */
import { createHash } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { MAX_PROOF_LENGTH, readLogProof, type SignedHead } from '#core/configuration/log-head.ts'
import { MAX_SUBMISSION_BYTES } from '#core/merkle/add-checkpoint.ts'
import { parseVerifierKey, type VerifierKey } from '#core/merkle/verifier-key.ts'
import { Fault } from '#schemas/fault.ts'
import { type ConfigurationStatement, LOG_KEYS_PART, type LogHead } from '#schemas/global-configuration.ts'
import type { ConfigurationClient } from './client.ts'

export type RegistryLog = {
  /** The keys that the registry accepts now; the name of each is the log's origin. */
  keys: VerifierKey[]
  origin: string
  /** The head of the same log that came with the accepted configuration. */
  head: LogHead
  /** As the registry signed it. */
  headText: string
  /**
   * The newest checkpoint and the proof from the size that the witness knows, in the form of C2SP
   * tlog-witness.
   */
  submission(from: number): Promise<Buffer>
  /** The proof that the tree of `second` leaves grew from that of `first`. */
  consistency(first: number, second: number): Promise<Buffer[]>
}

/** The configuration that was accepted last, and from where it came. */
type Published = {
  url: string
  statement: ConfigurationStatement
  head: SignedHead
}

const MAX_KEYS_BYTES = 16 * 1024
const MOST_KEYS = 8

/** `read` resolves to undefined where the registry publishes no keys of its log. */
export function createRegistryLog(client: ConfigurationClient) {
  let known: { sha512: string; keys: VerifierKey[]; origin: string } | undefined

  async function get(url: URL, maxBytes: number): Promise<Buffer> {
    const { status, body } = await client.get(url.href, maxBytes)
    if (status !== 200)
      throw new Fault('network_error', { what: `${url.host} answered ${status} for ${url.pathname}` })
    return body
  }

  return async ({ url, statement, head }: Published): Promise<RegistryLog | undefined> => {
    const part = statement.parts[LOG_KEYS_PART]
    if (part === undefined) return undefined
    const place = new URL(url)
    if (known?.sha512 !== part.sha512) {
      const from = new URL(part.location, place)
      if (from.origin !== place.origin) throw malformed('they lie on another host')
      const bytes = await get(from, MAX_KEYS_BYTES)
      if (createHash('sha512').update(bytes).digest('base64') !== part.sha512)
        throw malformed('they do not have the signed hash')
      known = { sha512: part.sha512, ...readKeys(bytes) }
    }
    const { keys, origin } = known
    return {
      ...{ keys, origin, head: head.head, headText: head.text },
      submission: (size) => get(new URL(`/log/cosigning/${size}`, place), MAX_SUBMISSION_BYTES),
      consistency: async (first, second) => {
        const proofs = new URL(place)
        proofs.pathname += '-log-proof'
        proofs.search = `?size=${second}&from=${first}`
        return readLogProof(await get(proofs, MAX_PROOF_LENGTH)).consistency
      },
    }
  }
}

function readKeys(bytes: Buffer): { keys: VerifierKey[]; origin: string } {
  const value = parseStrictJson(bytes, { maxLength: MAX_KEYS_BYTES, maxDepth: 3 }) as Record<
    string,
    unknown
  > | null
  const { origin, keys } = value ?? {}
  if (typeof origin !== 'string' || !Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS)
    throw malformed('they are no list of keys')
  const read = keys.map((text: unknown) => parseVerifierKey(String(text), 'log'))
  if (read.some(({ name }) => name !== origin)) throw malformed('a key has another name than the log')
  return { keys: read, origin }
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what: `keys of the registry's log: ${what}` })
}
