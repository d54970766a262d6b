/**
 * The key of a witness in its own file (0600): Ed25519, or ML-DSA-44 if its operator put one there. It is
 * made only for a database that has never cosigned, so a lost key is not replaced silently, and two nodes on
 * one database have the same key.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { CosignerAlgorithm } from '#core/merkle/cosigner-key.ts'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { type KeptFiles, writeUnlessOther } from '#platform/nodes/kept-files.ts'
import { Fault } from '#schemas/fault.ts'
import type { WitnessStore } from './store.ts'

/** In the directory of the process. */
export const WITNESS_KEY_FILE = 'witness-key.pem'

export type WitnessKey = { name: string; privateKey: KeyObject; verifierKey: string }

/** Reads the key, or makes it. Throws `invalid_configuration` if the database belongs to another key. */
export async function openWitnessKey(q: {
  file: string
  name: string
  store: Pick<WitnessStore, 'claimKey' | 'claimedKey'>
  /** Where nodes share it: all have it before it is claimed. */
  files?: KeptFiles | undefined
}): Promise<WitnessKey> {
  const { file, name, store, files } = q
  const claimed = await store.claimedKey()
  // Another node may have made it a moment ago.
  if (!existsSync(file)) await files?.catchUp()
  if (!existsSync(file)) {
    if (claimed !== undefined)
      throw invalid(`${file} is missing: bring the key back, whose public half is ${claimed}`)
    if (files === undefined) makeWitnessKey(file)
    else await writeUnlessOther(files, file, newKeyText('ed25519'))
  }
  const key = await readWitnessKey(file, name)
  const owner = await store.claimKey(key.verifierKey)
  if (owner !== key.verifierKey)
    throw invalid(`${file} and its name are ${key.verifierKey}, but what was cosigned is of ${owner}`)
  return key
}

/** The key in this file, with this name. */
export async function readWitnessKey(file: string, name: string): Promise<WitnessKey> {
  const text = await readSecret(file)
  try {
    const privateKey = createPrivateKey(text)
    return {
      name,
      privateKey,
      verifierKey: writeVerifierKey({ name, publicKey: createPublicKey(privateKey) }, 'witness'),
    }
  } catch (cause) {
    throw invalid(`${file} holds neither an Ed25519 nor an ML-DSA-44 key`, cause)
  }
}

/** Writes a new key, unless there is one; never replaces a key. */
export function makeWitnessKey(file: string, algorithm: CosignerAlgorithm = 'ed25519'): void {
  const part = `${file}.${process.pid}.part`
  try {
    const handle = openSync(part, 'w', 0o600)
    writeSync(handle, newKeyText(algorithm))
    fsyncSync(handle)
    closeSync(handle)
    try {
      // Fails if another node was first: then its key is used.
      linkSync(part, file)
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'EEXIST') throw cause
    }
    unlinkSync(part)
    const folder = openSync(path.dirname(file), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (cause) {
    throw invalid(`${file} cannot be written`, cause)
  }
}

function newKeyText(algorithm: CosignerAlgorithm): string {
  // One call for each: the types of Node.js have none for both.
  const { privateKey } =
    algorithm === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ml-dsa-44')
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what: `witness key: ${what}`, cause })
}
