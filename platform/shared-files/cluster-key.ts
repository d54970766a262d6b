/**
 * The cluster key: what all nodes of one server hold and the database does not. It is made by the first node, and others get it when
 * they join. The file has one key a line; the last one seals, all of them open, so that a key can be replaced one node after another.
 */
import { createHash, randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'

type ClusterKey = { id: string; key: Buffer }
/** The last one seals. */
export type ClusterKeys = [ClusterKey, ...ClusterKey[]]

const LINE = /^concordat-cluster-key-1:([A-Za-z0-9+/]{43}=)$/
const MAX_KEYS = 16

/** The text of a new key's file. */
export function newClusterKey(): string {
  return `concordat-cluster-key-1:${randomBytes(32).toString('base64')}`
}

/** Reads the keys; undefined when there is no file. Throws `invalid_configuration` when others can read it or it is damaged. */
export async function readClusterKeys(file: string): Promise<ClusterKeys | undefined> {
  const isThere = await stat(file).then(
    () => true,
    (cause: NodeJS.ErrnoException) => cause.code !== 'ENOENT',
  )
  return isThere ? parseClusterKeys(await readSecret(file), file) : undefined
}

/** Throws `invalid_configuration`; the text itself is never in the fault. */
export function parseClusterKeys(text: string, file: string): ClusterKeys {
  const lines = text.split('\n').filter((line) => line !== '')
  const keys = lines.map((line) => LINE.exec(line)?.[1])
  const [first, ...more] = keys
  if (first === undefined || keys.includes(undefined) || keys.length > MAX_KEYS)
    throw new Fault('invalid_configuration', { what: `${file} does not hold cluster keys` })
  return [clusterKey(first), ...more.map((one) => clusterKey(one!))]
}

function clusterKey(text: string): ClusterKey {
  const key = Buffer.from(text, 'base64')
  return { id: createHash('sha256').update(key).digest('hex').slice(0, 16), key }
}
