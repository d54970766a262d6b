/**
 * A key that others know by its public half and that two persons can replace: that of the log, and that of
 * credentials. The first is `log`, the next `log-2`. Guarantees that the newest one signs wherever its file
 * is, that a replaced one is accepted no longer than was said when it was replaced, and that none comes back:
 * a restored database takes the newest file for the newest key.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { type KeyFiles, numbered, UNKNOWN_KEY } from './key-files.ts'

export type PublishedKey = {
  /** From 1. */
  number: Whole
  /** What the DID document and files call it. */
  name: string
  publicKey: KeyObject
  /** Null for the first one, and for one that a restored database did not know. */
  madeAt: Time | null
  /** Until when others accept it beside newer ones; null for the newest. */
  acceptedUntil: Time | null
}

export type PublishedKeys = {
  /** All that there ever were and whose public half is known, newest first. */
  all(): Promise<PublishedKey[]>
  /** Those that others accept at this time, newest first. */
  accepted(now: number): Promise<PublishedKey[]>
  /**
   * The private halves of those that are accepted and lie on this node, newest first. Throws
   * `invalid_configuration` when there is none, since the newest one was made on another node.
   */
  signers(now: number): Promise<(PublishedKey & { key: KeyObject })[]>
  /**
   * Makes the next one; those before are accepted until then at most. Throws `conflict` when too many are
   * accepted already.
   */
  replace(q: { at: string; acceptedUntil: string }): Promise<PublishedKey>
}

/** A checkpoint has a line of each, and verifiers read 64 lines at most. */
const MOST_ACCEPTED = 4

/** For a file that does not say until when the key before it is accepted. */
const LONG_AGO = '1970-01-01T00:00:00.000Z'

/** Throws as `files.open` for a file of another key; where the newest one is missing, `signers` says so. */
export async function openPublishedKeys(base: string, files: KeyFiles): Promise<PublishedKeys> {
  const cached = new Map<number, KeyObject>()
  await claimFound()
  const newest = (await rows())[0]
  if (newest === undefined) await files.open(base)
  // Without its file the registry starts: two persons may replace a key that is lost. A wrong file is refused
  // at once.
  else if (await files.isHere(newest.name)) await files.open(newest.name)

  /**
   * A restored database does not know which keys were replaced after its backup, but the files here do. Of a
   * number whose file was lost meanwhile it is not known until when those before it were accepted, so they
   * are not.
   */
  async function claimFound(): Promise<void> {
    const names = new Set(await readdir(files.directory))
    const prefix = files.fileOf(base).replace(/\.pem$/, '-')
    const numbers = [...names].map((name) =>
      name.startsWith(prefix) ? Number(/^([1-9]\d{0,3})\.pem$/.exec(name.slice(prefix.length))?.[1] ?? 0) : 0,
    )
    const highest = Math.max(1, ...numbers)
    for (let number = 2; number <= highest; number++) {
      const name = numbered(base, number)
      if ((await files.keys.claimed(name)) !== undefined) continue
      const replaces = namesBefore(number)
      if (!names.has(files.fileOf(name)))
        await files.keys.claim(name, UNKNOWN_KEY, { replaces, until: LONG_AGO })
      else await files.open(name, { replaces, until: (await files.untilOfReplaced(name)) ?? LONG_AGO })
    }
  }

  async function rows(): Promise<PublishedKey[]> {
    const found = await files.keys.numbered(base)
    return found
      .filter(({ publicKey }) => publicKey !== UNKNOWN_KEY)
      .map(({ number, publicKey, madeAt, acceptedUntil }) => ({
        ...{ number, name: numbered(base, number), madeAt, acceptedUntil },
        publicKey: createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' }),
      }))
      .sort((a, b) => b.number - a.number)
  }

  function namesBefore(number: number): string[] {
    return Array.from({ length: number - 1 }, (_, at) => numbered(base, at + 1))
  }

  const accepted = async (now: number): Promise<PublishedKey[]> =>
    (await rows()).filter(
      ({ acceptedUntil }, at) => at === 0 || (acceptedUntil !== null && Date.parse(acceptedUntil) > now),
    )

  async function privateHalf({ number, name }: PublishedKey): Promise<KeyObject | undefined> {
    const known = cached.get(number)
    if (known !== undefined) return known
    if (!(await files.isHere(name))) return undefined
    const key = await files.open(name)
    cached.set(number, key)
    return key
  }

  return {
    all: rows,
    accepted,
    async signers(now) {
      const found: (PublishedKey & { key: KeyObject })[] = []
      for (const one of await accepted(now)) {
        const key = await privateHalf(one)
        if (key !== undefined) found.push({ ...one, key })
      }
      // With none of them here, this says which file to bring.
      if (found.length === 0) await files.open((await rows())[0]!.name)
      return found
    },
    async replace({ at, acceptedUntil }) {
      const still = await accepted(Date.parse(at))
      if (still.length >= MOST_ACCEPTED && acceptedUntil > at)
        throw new Fault('conflict', {
          what: say`${MOST_ACCEPTED} keys are accepted at once: wait until one ends`,
        })
      const number = still[0]!.number + 1
      await files.open(numbered(base, number), { replaces: namesBefore(number), until: acceptedUntil, at })
      return (await rows())[0]!
    },
  }
}
