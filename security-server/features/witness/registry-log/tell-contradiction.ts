/**
 * Tells the registry of checkpoints that its log signed and does not show any more. The registry judges
 * whether they contradict its log; each is told until it has judged. One that its log has is told again after
 * a day: it may lose it later.
 */
import { randomUUID } from 'node:crypto'
import { addSignature, noteName, parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, type Fault } from '#schemas/fault.ts'
import { idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import { LOG_CONTRADICTION_TYPE, type LogContradiction } from '#schemas/log-cosignature.ts'
import type { PostDocument } from '../../../global-configuration/registration/client.ts'
import type { Keys } from '../../../keys/keys.ts'

const PATH = '/registration/v1/log-contradictions'
const MAX_ANSWER_BYTES = 4096
/**
 * What was refused may have been refused for the moment: the registry's clock, a status of the signer that it
 * lacks.
 */
const REFUSED_MS = 3_600_000
const AWAY_MS = 300_000
const JUDGED_MS = 86_400_000
/**
 * A registry that lies anew each minute makes them. The one told longest ago is forgotten for a new one: told
 * twice, it changes nothing.
 */
const MOST = 16

export function createTellContradiction(rooms: {
  server: ServerId
  keys: Pick<Keys, 'signJson'>
  post: PostDocument
  clock: Clock
  log: Pick<Log, 'warn'>
}): (notes: string[]) => Promise<void> {
  const { server, clock, log } = rooms
  /** When each was told, and after how long it may be told again. */
  const told = new Map<string, { at: number; pauseMs: number }>()

  const note = (checkpoint: string, pauseMs: number): void => {
    // The newest last.
    told.delete(checkpoint)
    told.set(checkpoint, { at: clock(), pauseMs })
    if (told.size > MOST) told.delete(told.keys().next().value!)
  }

  const mayTell = (checkpoint: string): boolean => {
    const last = told.get(checkpoint)
    return last === undefined || hasPassed(clock(), last.at, last.pauseMs)
  }

  async function tell(checkpoint: string): Promise<void> {
    const member = memberOf(server)
    const document: LogContradiction = {
      ...{ id: randomUUID(), createdAt: new Date(clock()).toISOString() },
      ...{ signer: idText(member), server: idText(server), checkpoint },
    }
    const signed = await rooms.keys.signJson({ document, type: LOG_CONTRADICTION_TYPE, member })
    await rooms.post(PATH, signed, MAX_ANSWER_BYTES)
  }

  return async (notes) => {
    for (const text of notes) {
      const checkpoint = withLogsLines(text)
      if (!mayTell(checkpoint)) continue
      try {
        await tell(checkpoint)
        note(checkpoint, Number.POSITIVE_INFINITY)
        log.warn({ checkpoint }, 'the registry was told of a checkpoint of its log that it contradicts')
      } catch (thrown) {
        const fault = asFault(thrown)
        note(checkpoint, pauseAfter(fault))
        log.warn({ err: fault }, 'the registry did not take a checkpoint of its log that it may contradict')
      }
    }
  }
}

function pauseAfter({ code, what }: Fault): number {
  if (code !== 'registration_refused') return AWAY_MS
  return what?.startsWith('conflict:') ? JUDGED_MS : REFUSED_MS
}

/** Lines of witnesses prove nothing to the log that signed, and may be many. */
function withLogsLines(text: string): string {
  const { note, origin } = parseCheckpoint(text)
  const own = note.signatures.filter(({ name }) => name === noteName(origin))
  return own.reduce(addSignature, note.text)
}
