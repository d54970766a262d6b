/**
 * Writes an entry of a did:webvh 1.0 history (`did.jsonl`). Each entry names the hash of the one before, is
 * signed with a key whose hash was in the entry before (pre-rotation), and the identifier itself is the hash
 * of the first entry: nobody can write the past anew.
 */
import type { KeyObject } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import { proveDocument } from './data-integrity.ts'
import { multihashOf, multikeyOf } from './multikey.ts'

export const DID_METHOD = 'did:webvh:1.0'
/** Stands for the identifier while it is computed. */
export const SCID_PLACEHOLDER = '{SCID}'

/** A DID document. */
export type DidState = { id: string } & Record<string, unknown>

/** What an entry before told, of which the next one needs this. */
export type LastEntry = { scid: string; versionId: string; versionTime: string }

type Wanted = {
  /** The document, made for an identifier. It must not hold "{SCID}" otherwise. */
  state(scid: string): DidState
  /** Signs this entry; for later entries its hash was in the one before. */
  key: KeyObject
  /** May sign the next entry; undefined: the DID is deactivated, and nothing can follow. */
  nextKey: KeyObject | undefined
  at: Date
}

/**
 * The entry as a line without its end. Throws `invalid_input` when `at` is before `earliestAfter` the last
 * one.
 */
export function writeDidEntry(q: Wanted, last?: LastEntry): LastEntry & { line: string } {
  const updateKeys = [multikeyOf(q.key)]
  const nextKeyHashes = q.nextKey === undefined ? [] : [multihashOf(multikeyOf(q.nextKey))]
  const keys = { updateKeys, nextKeyHashes, ...(q.nextKey === undefined ? { deactivated: true } : {}) }
  const versionTime = timeAfter(q.at, last?.versionTime)
  const parameters = (scid: string): object =>
    last === undefined ? { method: DID_METHOD, scid, portable: false, ...keys } : keys
  const entryOf = (versionId: string, scid: string): { versionId: string } & Record<string, unknown> => ({
    ...{ versionId, versionTime },
    ...{ parameters: parameters(scid), state: q.state(scid) },
  })
  const scid = last?.scid ?? multihashOf(canonicalJson(entryOf(SCID_PLACEHOLDER, SCID_PLACEHOLDER)))
  const number = last === undefined ? 1 : Number.parseInt(last.versionId, 10) + 1
  const hash = multihashOf(canonicalJson(entryOf(last?.versionId ?? scid, scid)))
  const entry = entryOf(`${number}-${hash}`, scid)
  const proof = [proveDocument(entry, q.key, versionTime)]
  return { scid, versionId: entry.versionId, versionTime, line: canonicalJson({ ...entry, proof }) }
}

/** From when on, in milliseconds, an entry can follow one of this time: they are of different seconds. */
export function earliestAfter(versionTime: string): number {
  return Date.parse(versionTime) + 1000
}

/**
 * In whole seconds. An entry is never given a time to come so that it is later than the one before: whoever
 * writes it waits.
 */
function timeAfter(at: Date, last: string | undefined): string {
  if (last !== undefined && at.getTime() < earliestAfter(last))
    throw new Fault('invalid_input', { what: `did:webvh: an entry has to be later than the one of ${last}` })
  return new Date(Math.floor(at.getTime() / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}
