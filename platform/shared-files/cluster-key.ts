/**
 * The cluster key: what all nodes of one server hold and the database does not. It is made by the first node,
 * and others get it when they join. The file has one key a line: all of them open, and the last one seals
 * once every node has it (`platform/nodes/key-change.ts`).
 */
import { createHash, randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'

type ClusterKey = { id: string; key: Buffer }
export type ClusterKeys = {
  lines: [ClusterKey, ...ClusterKey[]]
  /**
   * Which line seals, in memory that the threads of this process share: what one of them seals is opened by
   * other nodes, too.
   */
  sealsBy: Int32Array<SharedArrayBuffer>
}

const LINE = /^concordat-cluster-key-1:([A-Za-z0-9+/]{43}=)$/
const MAX_KEYS = 16

/** The text of a new key's file. */
export function newClusterKey(): string {
  return `concordat-cluster-key-1:${randomBytes(32).toString('base64')}`
}

/**
 * Reads the keys; undefined when there is no file. Throws `invalid_configuration` when others can read it or
 * it is damaged.
 */
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
  return clusterKeysOf([clusterKey(first), ...more.map((one) => clusterKey(one!))])
}

/** The last one seals until `sealBy` says another one. */
export function clusterKeysOf(lines: ClusterKeys['lines']): ClusterKeys {
  const keys = { lines, sealsBy: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) }
  sealBy(keys, lines.length - 1)
  return keys
}

/** From now on this line seals. */
export function sealBy({ sealsBy }: ClusterKeys, line: number): void {
  Atomics.store(sealsBy, 0, line)
}

/** The key that seals now. */
export function sealingKey({ lines, sealsBy }: ClusterKeys): ClusterKey {
  return lines[Atomics.load(sealsBy, 0)]!
}

function clusterKey(text: string): ClusterKey {
  const key = Buffer.from(text, 'base64')
  return { id: createHash('sha256').update(key).digest('hex').slice(0, 16), key }
}
