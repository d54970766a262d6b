/**
 * Takes a checkpoint that a security server knows of this log and that the log contradicts. Guarantees that
 * the owner of a registered server told it, that an accepted key of the log signed it, and that the log has
 * lost its entries or has others: what is kept proves itself. What is not kept is logged.
 */
import { isoTime, plainText, type Read, record, serverId } from '#core/contract/fields.ts'
import { memberId, uuid } from '#core/contract/read-content.ts'
import {
  addSignature,
  type Checkpoint,
  noteName,
  parseCheckpoint,
  verifyNote,
} from '#core/merkle/checkpoint.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { LOG_CONTRADICTION_TYPE, type LogContradiction } from '#schemas/log-cosignature.ts'
import { say } from '#schemas/said.ts'
import type { LeafFile } from '../../configuration/transparency-log/leaf-file.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { ServerWitnessStore } from './server-witnesses-store.ts'
import type { PublicLogStore } from './store.ts'
import { type ToldRooms, takeTold } from './take-told.ts'

/** A checkpoint has three lines, and one of each accepted key of the log. */
const MAX_CHECKPOINT = 8192

const document: Read<LogContradiction> = record<LogContradiction>({
  ...{ id: uuid, createdAt: isoTime, signer: memberId, server: serverId },
  checkpoint: plainText(MAX_CHECKPOINT),
})

type ContradictedLog = {
  origin: string
  /**
   * The verifier keys of the log that are accepted now: one that was stolen has ended, and proves nothing.
   */
  accepted(): Promise<string[]>
  tree: Pick<LogStore, 'size' | 'rootAt'>
  leafFile: Pick<LeafFile, 'size'>
  store: Pick<PublicLogStore, 'newest' | 'putContradiction' | 'acceptedLeaves'>
  servers: Pick<ServerWitnessStore, 'isRegistered'>
}

type Rooms = ToldRooms<ContradictedLog> & { logger: Pick<Log, 'error'> }

export function contradictionHandlers(rooms: Rooms): Record<string, OperationHandler> {
  return {
    contradictLog: takeTold({
      ...{ rooms, type: LOG_CONTRADICTION_TYPE, document },
      take: (told, log) => take(rooms, told, log),
    }),
  }
}

async function take(rooms: Rooms, told: LogContradiction, log: ContradictedLog): Promise<void> {
  const { origin, tree, store, servers } = log
  if (!(await servers.isRegistered(told.server)))
    throw new Fault('not_found', { what: say`no server ${told.server} is registered` })
  const known = parseCheckpoint(told.checkpoint)
  const known_note = known.origin === origin ? withOwnLines(known, await log.accepted()) : undefined
  if (known_note === undefined)
    throw new Fault('untrusted_checkpoint', { what: say`no accepted key of this log signed it` })
  const size = await tree.size()
  // Another node may be the one that has them.
  const expected = Math.max(await log.leafFile.size(), await store.acceptedLeaves())
  if (expected > size)
    throw new Fault('service_unavailable', { what: say`the lost entries of this log are not back yet` })
  const kind = known.size > size ? 'rollback' : 'fork'
  if (kind === 'fork' && known.root.equals(await tree.rootAt(known.size)))
    throw new Fault('conflict', { what: say`the log has the checkpoint of ${known.size} entries` })
  const own_note = (await store.newest())?.note ?? ''
  const time = new Date(rooms.clock()).toISOString()
  const facts = { witness: told.server, kind, size: known.size, logSize: size }
  const kept = await store
    .putContradiction({ time, witness: told.server, kind, own_note, known_note })
    .catch((thrown: unknown) => {
      rooms.logger.error(
        { ...facts, checkpoint: known_note, err: asFault(thrown) },
        'a security server knows another history of this log; keeping its checkpoint failed',
      )
      throw thrown
    })
  if (kept === 'new')
    rooms.logger.error(facts, 'a security server knows another history of this log; its checkpoint is kept')
  if (kept === 'another')
    rooms.logger.error(
      { ...facts, checkpoint: known_note },
      'a security server knows another history of this log besides the one that is kept of it',
    )
}

/**
 * The checkpoint with one line of each accepted key that signed it; undefined when none did. Anybody can add
 * lines of others, which would make many notes of one checkpoint. A forged line beside a true one counts as
 * none.
 */
function withOwnLines({ note, origin }: Checkpoint, accepted: string[]): string | undefined {
  const keys = accepted.map((one) => parseVerifierKey(one, 'log').publicKey)
  const isOwn = (line: (typeof note.signatures)[number]): boolean =>
    keys.some((key) => verifyNote({ text: note.text, signatures: [line] }, noteName(origin), key))
  try {
    const own = note.signatures.filter(isOwn)
    const once = new Map(own.map((line) => [line.keyId.toString('hex'), line]))
    return once.size === 0 ? undefined : [...once.values()].reduce(addSignature, note.text)
  } catch (thrown) {
    if (asFault(thrown).status < 500) return undefined
    throw thrown
  }
}
