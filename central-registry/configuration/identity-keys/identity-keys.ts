/**
 * The registry's keys for what others can check without it: its checkpoints (Ed25519), its credentials
 * (P-256), and the histories of DIDs (Ed25519, one key for each entry). They lie beside the configuration's
 * signing keys, and are in backups.
 */

import { createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import type { KeptFiles } from '#platform/nodes/kept-files.ts'
import { ofOneNode } from '../durable-file.ts'
import {
  type ClaimKeys,
  type KeyFiles,
  numbered,
  openKeyFiles,
  publicHalfOf,
  UNKNOWN_KEY,
} from './key-files.ts'
import { openPublishedKeys, type PublishedKeys } from './published-keys.ts'

export type IdentityKeys = {
  log: PublishedKeys
  credentials: PublishedKeys
  histories: HistoryKeys
}

/**
 * The keys of the histories' entries, derived from a key that can be replaced: `identities` is the first,
 * `identities-2` the next. The key of an entry was announced by the entry before, so each history is asked by
 * which of them it goes on.
 */
export type HistoryKeys = {
  /** The number of the newest one, as the database has it. */
  newest(): Promise<number>
  /**
   * The key of entry `number` (from 1) of the history at `path`. Throws `invalid_configuration` where its
   * file is not here.
   */
  entryKey(of: number, path: string, number: number): Promise<KeyObject>
  /** Whether two persons said that no copy of it is left. */
  isLost(of: number): Promise<boolean>
  /**
   * Makes the next one. `isLost`: no copy of the one before is left, and none of those before it that this
   * node cannot open. Returns its number and public half.
   */
  replace(q: { isLost: boolean; at: string }): Promise<{ number: number; publicKey: string }>
}

/** PKCS #8 of an Ed25519 key before its 32 octets (RFC 8410 section 7). */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The files of later keys of the histories. */
const NUMBERED = /^identity-identities-([1-9]\d{0,3})\.pem$/

/**
 * Throws `invalid_configuration` when a key is missing or another one than before, `pin_incorrect` when the
 * PIN does not open it. Of histories it makes the first key; whether one is missing shows when an entry is
 * written, since two persons may replace one that is lost.
 */
export async function openIdentityKeys(q: {
  directory: string
  pin: string
  keys: ClaimKeys
  files?: KeptFiles | undefined
}): Promise<IdentityKeys> {
  const files = openKeyFiles({ files: ofOneNode, ...q })
  const log = await openPublishedKeys('log', files)
  const credentials = await openPublishedKeys('credentials', files)
  if ((await q.keys.claimed(nameOf(1))) === undefined) await files.open(nameOf(1))
  const histories = openHistoryKeys(files)
  await claimAgain(files, await histories.newest())
  return { log, credentials, histories }
}

/**
 * A restored database does not know which keys were replaced after its backup, but the files here do: a
 * replaced key, which may be stolen, never goes on. Of a number whose file was lost meanwhile nothing is
 * known.
 */
async function claimAgain(files: KeyFiles, newest: number): Promise<void> {
  const names = await readdir(files.directory)
  const highest = Math.max(0, ...names.map((name) => Number(NUMBERED.exec(name)?.[1] ?? 0)))
  for (let of = newest + 1; of <= highest; of++)
    if (names.includes(files.fileOf(nameOf(of)))) await files.open(nameOf(of))
    else await files.keys.claim(nameOf(of), UNKNOWN_KEY)
}

function openHistoryKeys(files: KeyFiles): HistoryKeys {
  const secrets = new Map<number, Buffer>()

  async function secretOf(of: number): Promise<Buffer> {
    const known = secrets.get(of)
    if (known !== undefined) return known
    const key = await files.open(nameOf(of))
    const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
    secrets.set(of, secret)
    return secret
  }

  const isHere = (of: number): Promise<boolean> =>
    secretOf(of).then(
      () => true,
      () => false,
    )

  async function newest(): Promise<number> {
    let number = 1
    while ((await files.keys.claimed(nameOf(number + 1))) !== undefined) number++
    return number
  }

  return {
    newest,
    async entryKey(of, at, number) {
      const seed = hkdfSync('sha256', await secretOf(of), '', `did:webvh ${number} ${at}`, 32)
      const der = Buffer.concat([ED25519_PKCS8, Buffer.from(seed)])
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    },
    isLost: (of) => files.keys.isLost(nameOf(of)),
    async replace({ isLost, at }) {
      const before = await newest()
      // Whoever says that it is there has it here: the histories go on by it once more.
      if (!isLost) await secretOf(before)
      const number = before + 1
      const names = isLost ? [nameOf(before)] : []
      // Else a history that goes on by an earlier one, since it waits for its turn, would wait for ever.
      for (let of = 1; isLost && of < before; of++) if (!(await isHere(of))) names.push(nameOf(of))
      const key = await files.open(nameOf(number), { lost: names, at })
      return { number, publicKey: publicHalfOf(key) }
    },
  }
}

function nameOf(number: number): string {
  return numbered('identities', number)
}
