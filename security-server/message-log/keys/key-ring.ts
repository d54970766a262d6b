/**
 * The current log keys; they are read again when another node has rotated them. Each rotation is a record of
 * its own, and only that makes a key the current one: its file reaches the nodes one after the other, and no
 * record may be under a key that a node lacks.
 */
import { createPublicKey } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { ownRecord } from '../formats/own-record.ts'
import type { LogKey } from '../formats/seal.ts'
import type { OwnRecord } from '../records/writer.ts'
import { addLogKey, createLogKeys, type LogKeys, lacksLogKeys, readLogKeys } from './log-keys.ts'

export type KeyRing = {
  current(): LogKey
  find(id: string): LogKey | undefined
  /** All keys that exist now, including those that another node has made. */
  all(): LogKey[]
  checkpointKey(): LogKeys['checkpointKey']
  /**
   * Takes this key, which lies in the folder, or makes one; the caller must append the record of it. Throws
   * `invalid_configuration`.
   */
  rotate(id: string | undefined): void
  /** Makes the last of these keys that is here the current one; `recorded` in the order of their records. */
  follow(recorded: readonly string[]): void
}

/**
 * Opens the keys and makes the first ones for an empty log. Throws `log_keys_missing` when the log has
 * records but no keys, or only some of those that another node is bringing: going on would make the existing
 * records unreadable for ever, and hide that the keys are lost.
 */
export function openKeyRing(folder: string, logIsEmpty: boolean): KeyRing {
  if (logIsEmpty && lacksLogKeys(folder)) createLogKeys(folder)
  if (lacksLogKeys(folder)) throw new Fault('log_keys_missing', { what: folder })
  let keys = readLogKeys(folder)
  let { current } = keys
  return {
    current: () => current,
    checkpointKey: () => keys.checkpointKey,
    find: (id) => {
      if (!keys.byId.has(id)) keys = readLogKeys(folder)
      return keys.byId.get(id)
    },
    all: () => {
      keys = readLogKeys(folder)
      return [...keys.byId.values()]
    },
    rotate: (id) => {
      if (id === undefined) addLogKey(folder)
      keys = readLogKeys(folder)
      const next = id === undefined ? keys.current : keys.byId.get(id)
      if (next === undefined)
        throw new Fault('invalid_configuration', { what: `${folder} does not hold the new log key` })
      current = next
    },
    follow: (recorded) => {
      const newest = recorded.at(-1)
      if (newest === current.id.toString('hex')) return
      if (newest !== undefined && !keys.byId.has(newest)) keys = readLogKeys(folder)
      const id = recorded.findLast((one) => keys.byId.has(one))
      if (id !== undefined) current = keys.byId.get(id)!
    },
  }
}

/** The record that announces a new log key and the key that signs checkpoints. */
export function keyRotationRecord(ring: KeyRing, time: number, node: string): OwnRecord {
  const id = ring.current().id.toString('hex')
  const checkpointKey = createPublicKey(ring.checkpointKey()).export({ type: 'spki', format: 'der' })
  const extra = { checkpointKey: checkpointKey.toString('base64'), keyId: id }
  return {
    packed: ownRecord({
      kind: 'key-rotation',
      time,
      metadata: { extra, id: '', node, requestId: '' },
    }),
    beside: (idx) => [
      {
        text: 'insert into log_key (id, idx, time, checkpoint_key) values (?, ?, ?, ?)',
        values: [id, idx, new Date(time).toISOString(), checkpointKey],
      },
    ],
  }
}
