/**
 * Recomputes the transparency log of a registry from its tiles, and checks it with the checkpoint of the last time. Guarantees that a log that
 * passes twice with one state only grew between: a shorter log, another root of the same size, or a changed past is refused.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import { type Checkpoint, parseCheckpoint, verifyNote } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import { TILE_WIDTH } from '#core/merkle/tiles.ts'
import type { VerifierKey } from '#core/merkle/verifier-key.ts'
import { judgeWitnesses, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'

type Question = {
  /** The registry's public address. */
  url: string
  log: VerifierKey
  witnesses: WitnessPolicy | undefined
  /** The file that keeps the checkpoint from one time to the next. */
  state: string | undefined
}

type CheckedLog = { size: number; root: string; before: number; witnesses: string[] }

const TIMEOUT_MS = 30_000
const dispatcher = new Agent()
const MAX_CHECKPOINT = 64 * 1024

/** Throws `untrusted_checkpoint`, `invalid_proof`, `registry_fork` or `network_error`; the state is then as it was. */
export async function checkRegistryLog({ url, log, witnesses, state }: Question): Promise<CheckedLog> {
  const prefix = url.replace(/\/+$/, '')
  const note = (await get(`${prefix}/log/checkpoint`, MAX_CHECKPOINT)).toString('utf8')
  const now = signed(note, log)
  const judged = witnesses === undefined ? undefined : judgeWitnesses(now.note, witnesses)
  if (judged?.met === false)
    throw new Fault('invalid_proof', { what: 'too few witnesses of the policy cosigned' })
  const before =
    state === undefined || !existsSync(state) ? undefined : signed(readFileSync(state, 'utf8'), log)
  if (before !== undefined && before.size > now.size)
    throw fork(`the log has ${now.size} entries; it had ${before.size}`)
  const tree = createCompactRange()
  for (let index = 0; index * TILE_WIDTH < now.size; index++) {
    const width = Math.min(TILE_WIDTH, now.size - index * TILE_WIDTH)
    const tile = await get(
      `${prefix}/log/tile/0/${tileName(index)}${width < TILE_WIDTH ? `.p/${width}` : ''}`,
      TILE_WIDTH * HASH_LENGTH,
    )
    if (tile.length !== width * HASH_LENGTH)
      throw new Fault('invalid_proof', { what: `tile ${index} is not whole` })
    for (let at = 0; at < width; at++) {
      tree.append(tile.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH))
      if (tree.size === before?.size && !tree.root().equals(before.root))
        throw fork(`the first ${before.size} entries are others than the last time`)
    }
  }
  if (!tree.root().equals(now.root))
    throw new Fault('invalid_proof', { what: 'the entries do not give the signed root' })
  if (state !== undefined) {
    writeFileSync(`${state}.part`, note, { mode: 0o600 })
    renameSync(`${state}.part`, state)
  }
  const names = judged?.witnesses.map(({ name }) => name) ?? []
  return { size: now.size, root: now.root.toString('base64'), before: before?.size ?? 0, witnesses: names }
}

/** Throws `untrusted_checkpoint` unless this log signed it. */
function signed(note: string, log: VerifierKey): Checkpoint {
  const checkpoint = parseCheckpoint(note)
  if (checkpoint.origin !== log.name || !verifyNote(checkpoint.note, log.name, log.publicKey))
    throw new Fault('untrusted_checkpoint', { what: `${log.name} did not sign it` })
  return checkpoint
}

/** In groups of three digits, all but the last after an "x" (C2SP tlog-tiles). */
function tileName(index: number): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g)!
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
}

async function get(url: string, most: number): Promise<Buffer> {
  try {
    const reply = await request(url, { dispatcher, signal: AbortSignal.timeout(TIMEOUT_MS) })
    const parts: Buffer[] = []
    let size = 0
    for await (const part of reply.body as AsyncIterable<Buffer>) {
      size += part.length
      if (size > most) throw new Error('the answer is too large')
      parts.push(part)
    }
    if (reply.statusCode !== 200) throw new Error(`it answered ${reply.statusCode}`)
    return Buffer.concat(parts)
  } catch (cause) {
    throw new Fault('network_error', { what: url, cause })
  }
}

function fork(what: string): Fault {
  return new Fault('registry_fork', { what })
}
