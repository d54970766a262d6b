/**
 * The files of the registry's identity keys, encrypted under the PIN (0600). A key is made only for a name
 * that the database does not know, so that a lost key is noticed, and a second one is not taken for it.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { type KeptFiles, writeUnlessOther } from '#platform/nodes/kept-files.ts'
import { Fault } from '#schemas/fault.ts'
import { fileExists } from '../durable-file.ts'

/**
 * What is said of other keys in the transaction that makes one: which are lost, or which ones it replaces and
 * until when these are accepted at most.
 */
type Claim = {
  at?: string | undefined
  lost?: readonly string[] | undefined
  replaces?: readonly string[] | undefined
  until?: string | undefined
}

export type ClaimKeys = {
  claimed(name: string): Promise<string | undefined>
  /**
   * Remembers a public key by name; returns the first one that it was ever given. What is said of other keys
   * counts only for that one.
   */
  claim(name: string, publicKey: string, claim?: Claim): Promise<string>
  isLost(name: string): Promise<boolean>
  /** The keys `base`, `base-2` and so on, in any order. */
  numbered(
    base: string,
  ): Promise<{ number: number; publicKey: string; madeAt: string | null; acceptedUntil: string | null }[]>
}

export type KeyFiles = {
  directory: string
  keys: ClaimKeys
  fileOf(name: string): string
  isHere(name: string): Promise<boolean>
  /** Until when the key before this one is accepted, as its file says; undefined when it says nothing. */
  untilOfReplaced(name: string): Promise<string | undefined>
  /**
   * The private half, made if the database never knew this name. Throws `invalid_configuration` when it is
   * missing or another one than before, `pin_incorrect` when the PIN does not open it.
   */
  open(name: string, claim?: Claim): Promise<KeyObject>
}

/** In place of the public half of a key whose file was lost before the database was restored. */
export const UNKNOWN_KEY = 'not known: its file was lost before the database was restored'

/** The first line of a key's file, before its PEM. */
const UNTIL = '# the key before is accepted until '
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** The name of the key with this number, from 1. */
export function numbered(base: string, number: number): string {
  return number === 1 ? base : `${base}-${number}`
}

export function publicHalfOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
}

export function openKeyFiles({
  directory,
  pin,
  keys,
  files,
}: {
  directory: string
  pin: string
  keys: ClaimKeys
  files: KeptFiles
}): KeyFiles {
  const fileOf = (name: string): string => `identity-${name}.pem`
  const readPresent = (file: string): Promise<string | undefined> =>
    readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
    })
  /** Another node may have made it a moment ago. */
  const read = async (file: string): Promise<string | undefined> => {
    const present = await readPresent(file)
    if (present !== undefined) return present
    await files.catchUp()
    return readPresent(file)
  }
  /** Returns what the file then has: two nodes that make one key at once both have that of the first. */
  const write = async (file: string, pem: string): Promise<string> => {
    await writeUnlessOther(files, file, pem)
    return (await readPresent(file)) ?? pem
  }
  return {
    directory,
    keys,
    fileOf,
    async isHere(name) {
      const file = path.join(directory, fileOf(name))
      if (await fileExists(file)) return true
      await files.catchUp()
      return fileExists(file)
    },
    untilOfReplaced: async (name) => untilIn(await readFile(path.join(directory, fileOf(name)), 'utf8')),
    async open(name, claim) {
      const file = path.join(directory, fileOf(name))
      const known = await keys.claimed(name)
      let pem = await read(file)
      if (pem === undefined) {
        if (known !== undefined)
          throw invalid(
            `${file} is missing: bring it from another node or a backup, its public half is ${known}`,
          )
        pem = newKey(name)
          .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: pin })
          .toString()
        // After a crash before the claim, or with a restored database, only the file knows it.
        if (claim?.until !== undefined) pem = `${UNTIL}${claim.until}\n${pem}`
        pem = await write(file, pem)
      } else if (known === undefined && isSooner(claim?.until, untilIn(pem))) {
        // An attempt before this one failed after it had written the file: the time said last counts, if it
        // is the earlier one.
        pem = `${UNTIL}${claim!.until}\n${pem.slice(pem.indexOf('-----'))}`
        pem = await write(file, pem)
      }
      const key = unlock(pem, pin, file)
      const publicKey = publicHalfOf(key)
      const owner = await keys.claim(name, publicKey, claim)
      if (owner !== publicKey && known === undefined) {
        // Another node was first. This key never signed anything; in its place the node would not start.
        await rename(file, `${file}.unused-${Date.now()}`)
        throw new Fault('conflict', { what: `another node made ${fileOf(name)} at the same time` })
      }
      if (owner !== publicKey)
        throw invalid(`${file} is another key than the one that this database knows: ${owner}`)
      return key
    },
  }
}

/** Until when the key before is accepted, as the text of a file says. */
function untilIn(text: string): string | undefined {
  const [first = ''] = text.split('\n', 1)
  const until = first.startsWith(UNTIL) ? first.slice(UNTIL.length) : ''
  return TIME.test(until) ? until : undefined
}

/** Times of this form sort as texts. */
function isSooner(now: string | undefined, before: string | undefined): boolean {
  return now !== undefined && before !== undefined && now < before
}

/** Verifiers of credentials know ES256; everything else is Ed25519. */
function newKey(name: string): KeyObject {
  return /^credentials(-\d+)?$/.test(name)
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    : generateKeyPairSync('ed25519').privateKey
}

function unlock(pem: string, pin: string, file: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', passphrase: pin })
  } catch (cause) {
    throw new Fault('pin_incorrect', { what: `it does not open ${file}`, cause })
  }
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what })
}
