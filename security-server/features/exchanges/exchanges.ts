/**
 * One exchange for a reader: its records, their proofs and verdicts, and the content for readers who may see
 * it.
 */
import { buffer } from 'node:stream/consumers'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { personBehind } from '#platform/people/person-behind.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { asFault, Fault, textOfOutcome } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { bundleSource } from '../../reading/evidence/bundle-source.ts'
import type { StoredEvidence } from '../../reading/evidence/read-evidence.ts'
import { collectExchange, writeBundle } from '../../reading/evidence/write-bundle.ts'
import { recordLook } from '../../reading/looks.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import { seesDigests } from '../../reading/sees-digests.ts'
import { attachmentsWithHeaders } from './attachments.ts'
import { checkGranted } from './granted.ts'
import type { Needs } from './needs.ts'
import { recordView } from './records.ts'
import { verifyInThread } from './verify-in-thread.ts'

/**
 * An exchange is held in memory while it is verified. Larger ones must be verified from their bundle, with
 * `concordat verify`.
 */
const MAX_VERIFIED_BYTES = 16 * 1024 * 1024

export function exchangeHandlers(rooms: Needs): Handlers {
  const { logFor, audit } = rooms

  return {
    async getExchange(input) {
      const index = Number(input.params['index'])
      const log = logFor(input.caller)
      const { indexes } = await collectExchange({ log }, index)
      await recordLook(audit, 'getExchange', `record ${index}`, input, { records: indexes })
      const isShown = seesDigests(rooms, input)
      const shown = async (each: number) => {
        const evidence = await log.read(each)
        return {
          ...recordView(evidence, isShown),
          explanation: textOfOutcome((JSON.parse(evidence.form) as { outcome: string }).outcome),
          proof: await inclusionView(log, evidence),
        }
      }
      const records: Awaited<ReturnType<typeof shown>>[] = []
      // The last record first, because the checkpoint that covers it covers the earlier ones too.
      for (const each of indexes.toReversed()) records.unshift(await shown(each))
      return { asked: index, server: colonForm(idText(rooms.server)), records }
    },

    async verifyExchange(input) {
      const index = Number(input.params['index'])
      const log = logFor(input.caller)
      const { indexes } = await collectExchange({ log }, index)
      await recordLook(audit, 'verifyExchange', `record ${index}`, input, { records: indexes })
      let bytes = 0
      for (const each of indexes) bytes += sizeOf(await log.read(each))
      if (bytes > MAX_VERIFIED_BYTES) {
        throw new Fault('conflict', {
          what: say`the exchange is too large to be verified here: verify its bundle with concordat verify`,
        })
      }
      const write = async () => buffer(await writeBundle(bundleSource(rooms, log), indexes))
      const owner = await personBehind(input.caller, rooms.apiKeys)
      return verifyInThread({ owner, write, now: rooms.clock() })
    },

    async getRecordContent(input) {
      const index = Number(input.params['index'])
      await checkGranted(rooms, input)
      await recordLook(audit, 'getRecordContent', `record ${index}`, input)
      const evidence = await logFor(input.caller).read(index)
      const { message, body, bodyFile, erased } = evidence
      if (message === undefined) {
        const why = erased === undefined ? 'keeps no content' : `was erased on ${erased}`
        throw new Fault('not_found', { what: `record ${index} ${why}` })
      }
      return {
        index,
        message: message.toString('base64'),
        body: body?.toString('base64') ?? null,
        bodyBytes: body?.length ?? bodyFile?.size ?? null,
        attachments: attachmentsWithHeaders(evidence),
      }
    },
  }
}

function sizeOf({ message, body, bodyFile }: StoredEvidence): number {
  return (message?.length ?? 0) + (body?.length ?? bodyFile?.size ?? 0)
}

/**
 * Checks here whether the record is in the tree of the tree head, and returns the result with the tree head.
 */
async function inclusionView(log: ReadableLog, { index, form, leaf }: StoredEvidence) {
  const { size, path, checkpoint } = await log.proof(index)
  const { root } = parseCheckpoint(checkpoint)
  const view = { size, checkpoint }
  try {
    if (!leafHash(Buffer.from(form)).equals(leaf)) throw new Fault('log_inconsistent', { what: 'the leaf' })
    verifyInclusion({ size, index, leaf, proof: path, root })
    return { ...view, holds: true }
  } catch (thrown) {
    return { ...view, holds: false, why: asFault(thrown).message }
  }
}
