/**
 * Reads a did:webvh 1.0 history and verifies all of it: that the identifier is the hash of the first entry,
 * each entry names the one before, its key was announced there, it is signed, and no entry follows a
 * deactivation. A history that does not verify whole counts for nothing.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import { verifyDocument } from './data-integrity.ts'
import { DID_METHOD, type DidState, SCID_PLACEHOLDER } from './did-entry.ts'
import { multihashOf } from './multikey.ts'

export const MAX_HISTORY_BYTES = 8 * 1024 * 1024

/** `sha256` is that of the entry's line: what the registry's transparency log holds. */
type HistoryEntry = { versionId: string; versionTime: string; sha256: string }

type DidHistory = {
  did: string
  scid: string
  entries: HistoryEntry[]
  /** The newest document. */
  state: DidState
  deactivated: boolean
}

type Keys = { updateKeys: string[]; nextKeyHashes: string[]; deactivated: boolean }
type Entry = {
  line: string
  versionId: string
  versionTime: string
  parameters: Record<string, unknown>
  state: DidState
  proof: unknown
}

const MAX_ENTRIES = 10_000
const MAX_LINE = 512 * 1024
const MAX_KEYS = 8
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/
const FIELDS = ['parameters', 'proof', 'state', 'versionId', 'versionTime']
const FIRST_PARAMETERS = ['deactivated', 'method', 'nextKeyHashes', 'portable', 'scid', 'ttl', 'updateKeys']
const LATER_PARAMETERS = ['deactivated', 'nextKeyHashes', 'ttl', 'updateKeys']

/**
 * Throws `invalid_input` for what is no history that this reader knows, `invalid_proof` for one that does not
 * verify.
 */
export function readHistory(bytes: Buffer): DidHistory {
  if (bytes.length > MAX_HISTORY_BYTES) throw malformed('the history is too long')
  const lines = bytes.toString('utf8').replace(/\n$/, '').split('\n')
  if (lines.length > MAX_ENTRIES) throw malformed('too many entries')
  let scid = ''
  let keys: Keys | undefined
  let before: Entry | undefined
  const entries: HistoryEntry[] = []
  for (const [at, line] of lines.entries()) {
    const entry = readEntry(line, at)
    const allowed = before === undefined ? FIRST_PARAMETERS : LATER_PARAMETERS
    for (const name of Object.keys(entry.parameters))
      if (!allowed.includes(name)) throw malformed(`entry ${at + 1} has the parameter ${name.slice(0, 40)}`)
    if (before === undefined) scid = checkFirst(entry)
    if (keys?.deactivated === true) throw unproven(`entry ${at + 1} follows a deactivation`)
    if (before !== undefined && Date.parse(entry.versionTime) <= Date.parse(before.versionTime))
      throw unproven(`entry ${at + 1} is not later than the one before`)
    if (before !== undefined && entry.state.id !== before.state.id) throw unproven('the DID changes')
    const { line: _, proof, ...signed } = entry
    const named = multihashOf(canonicalJson({ ...signed, versionId: before?.versionId ?? scid }))
    if (entry.versionId !== `${at + 1}-${named}`)
      throw unproven(`entry ${at + 1} does not follow the one before`)
    keys = nextKeys(entry, keys, at)
    checkProof(signed, proof, keys.updateKeys)
    entries.push({
      versionId: entry.versionId,
      versionTime: entry.versionTime,
      sha256: hash('sha256', line, 'hex'),
    })
    before = entry
  }
  const { state } = before!
  return { did: state.id, scid, entries, state, deactivated: keys!.deactivated }
}

function readEntry(line: string, at: number): Entry {
  const wrong = (): Fault => malformed(`entry ${at + 1} of the history is malformed`)
  if (line.length > MAX_LINE || !line.startsWith('{') || !line.endsWith('}')) throw wrong()
  let value: unknown
  try {
    value = parseStrictJson(line, { maxLength: MAX_LINE, maxDepth: 16 })
  } catch (cause) {
    throw new Fault('invalid_input', { what: `entry ${at + 1} of the history is not JSON`, cause })
  }
  if (!isObject(value) || Object.keys(value).sort().join() !== FIELDS.join()) throw wrong()
  const { versionId, versionTime, parameters, state, proof } = value
  if (typeof versionId !== 'string' || typeof versionTime !== 'string' || !TIME.test(versionTime))
    throw wrong()
  if (Number.isNaN(Date.parse(versionTime)) || !isObject(parameters) || !isObject(state)) throw wrong()
  const { id } = state
  if (typeof id !== 'string') throw wrong()
  return { line, versionId, versionTime, parameters, state: { ...state, id }, proof }
}

/** Returns the identifier, which must be the hash of the entry with a placeholder in its place. */
function checkFirst({ line, parameters, state }: Entry): string {
  const { scid, method, portable = false } = parameters
  if (method !== DID_METHOD || portable !== false) throw malformed(`the method is not ${DID_METHOD}`)
  if (typeof scid !== 'string' || !/^[1-9A-Za-z]{40,60}$/.test(scid))
    throw malformed('the history has no identifier')
  if (!state.id.startsWith(`did:webvh:${scid}:`)) throw unproven('the DID is of another history')
  const { proof: _, ...entry } = JSON.parse(line.replaceAll(scid, SCID_PLACEHOLDER)) as Record<
    string,
    unknown
  >
  if (multihashOf(canonicalJson({ ...entry, versionId: SCID_PLACEHOLDER })) !== scid)
    throw unproven('the identifier is not the hash of the first entry')
  return scid
}

/** The keys from this entry on; those that were announced before are the only ones that it may have. */
function nextKeys({ parameters }: Entry, before: Keys | undefined, at: number): Keys {
  const {
    updateKeys = before?.updateKeys,
    nextKeyHashes = before?.nextKeyHashes ?? [],
    deactivated = false,
  } = parameters
  if (
    !isTexts(updateKeys) ||
    updateKeys.length === 0 ||
    !isTexts(nextKeyHashes) ||
    typeof deactivated !== 'boolean'
  )
    throw malformed(`the keys of entry ${at + 1} are malformed`)
  const announced = before?.nextKeyHashes ?? []
  if (announced.length > 0 && !updateKeys.every((key) => announced.includes(multihashOf(key))))
    throw unproven(`entry ${at + 1} has a key that the one before did not announce`)
  // Without announced keys, those of the entry before are the only ones that may sign.
  if (before !== undefined && announced.length === 0 && updateKeys.join() !== before.updateKeys.join())
    throw malformed(`entry ${at + 1} changes keys without announcing them`)
  return { updateKeys, nextKeyHashes, deactivated }
}

function checkProof(signed: object, proof: unknown, updateKeys: string[]): void {
  const proofs = Array.isArray(proof) ? (proof as unknown[]) : [proof]
  if (proofs.length === 0 || proofs.length > MAX_KEYS) throw malformed('a number of proofs')
  for (const one of proofs)
    if (!updateKeys.includes(verifyDocument(signed, one))) throw unproven('a key signed that may not')
}

function isTexts(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_KEYS &&
    value.every((one) => typeof one === 'string' && one.length <= 100)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(what: string): Fault {
  return new Fault('invalid_input', { what: `did:webvh: ${what}` })
}

function unproven(what: string): Fault {
  return new Fault('invalid_proof', { what: `did:webvh: ${what}` })
}
