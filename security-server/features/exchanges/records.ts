/**
 * The message log for auditors: search, records with proofs, containers, verification, time-stamps,
 * checkpoints.
 */

import { readCircumstances } from '#core/circumstances/read.ts'
import { writeContainer } from '#core/container/write-container.ts'
import type { ActorKind, AskedActors } from '#core/log-export/actors.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import { Fault, textOfOutcome } from '#schemas/fault.ts'
import type { RecordQuestion } from '#schemas/found-record.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { bundleSource } from '../../reading/evidence/bundle-source.ts'
import type { StoredEvidence } from '../../reading/evidence/read-evidence.ts'
import { type BundleSource, collectExchange, writeBundle } from '../../reading/evidence/write-bundle.ts'
import type { TermsQuestion } from '../../reading/index/terms-store.ts'
import { type LOOKS, recordLook } from '../../reading/looks.ts'
import { recordFilter, rowView } from '../../reading/record-filter.ts'
import { seesDigests } from '../../reading/sees-digests.ts'
import { attachmentsView } from './attachments.ts'
import { findExchanges } from './find-exchanges.ts'
import { checkGranted } from './granted.ts'
import type { Needs } from './needs.ts'

export function messageLogHandlers(rooms: Needs): Handlers {
  const { messageLog, audit, logFor } = rooms

  const note = async (
    operation: (typeof LOOKS)[number],
    input: OperationInput,
    more = {},
  ): Promise<number> => {
    const index = indexOf(input.params)
    await recordLook(audit, operation, `record ${index}`, input, more)
    return index
  }

  return {
    async findRecords(input) {
      const { before, limit, ...given } = input.query as RecordQuestion & { before?: number; limit: number }
      const filter = recordFilter(given)
      await recordLook(audit, 'findRecords', 'search', input)
      const page = { limit, ...(before === undefined ? {} : { before }) }
      const { rows, searchedTo } = await logFor(input.caller).listSome({ ...filter, ...page })
      const view = rows.map(rowView)
      if (searchedTo === undefined) return view
      return answer(view, { headers: { 'x-searched-to': String(searchedTo) } })
    },
    async findExchanges(input) {
      const { before, limit, ...given } = input.query as RecordQuestion & { before?: number; limit: number }
      await recordLook(audit, 'findExchanges', 'search', input)
      const page = { limit, ...(before === undefined ? {} : { before }) }
      const log = { ...logFor(input.caller), own: idText(rooms.server) }
      const { exchanges, searchedTo } = await findExchanges(log, recordFilter(given), page)
      const view = exchanges.map(({ index, records }) => ({
        index,
        records: records.map((one) => ({ ...one, explanation: textOfOutcome(one.outcome) })),
      }))
      if (searchedTo === undefined) return view
      return answer(view, { headers: { 'x-searched-to': String(searchedTo) } })
    },
    async sealActors({ body, caller }) {
      const { userId, representedParty: given } = body as AskedActors
      const log = logFor(caller)
      // In the log's form, which has a slash even without a class.
      const party = given === undefined || given.includes('/') ? given : `/${given}`
      const seal = async (kind: ActorKind, name: string | undefined) =>
        name === undefined ? null : log.sealActor({ kind, name })
      return {
        userTerm: await seal('userId', userId),
        representedPartyTerm: await seal('representedParty', party),
        notSearched: await log.actorGaps(),
      }
    },
    getActorGaps: ({ caller }) => logFor(caller).actorGaps(),
    // Names from records that the caller may see. A look is not recorded, because the answer shows no
    // exchange.
    async getSearchTerms(input) {
      const { of, holding, limit } = input.query as Omit<TermsQuestion, 'clearance'>
      const log = logFor(input.caller)
      return log.termsThere({ of, holding, limit, clearance: log.clearance })
    },
    async getRecord(input) {
      const index = await note('getRecord', input)
      const log = logFor(input.caller)
      const evidence = await log.read(index)
      const isShown = seesDigests(rooms, input)
      return { ...recordView(evidence, isShown), proof: proofView(await log.proof(index), isShown) }
    },
    async downloadRecordContainer(input) {
      await checkGranted(rooms, input)
      const index = await note('downloadRecordContainer', input)
      const container = writeContainer(await logFor(input.caller).container(index))
      const headers = { 'content-disposition': `attachment; filename="record-${index}.asice"` }
      return answer(container, { headers })
    },
    async downloadEvidenceBundle(input) {
      await checkGranted(rooms, input)
      const log = logFor(input.caller)
      const { indexes } = await collectExchange({ log }, indexOf(input.params))
      const index = await note('downloadEvidenceBundle', input, { records: indexes })
      const bundle = await writeBundle(bundleSource(rooms, log), indexes)
      const headers = { 'content-disposition': `attachment; filename="evidence-${index}.zip"` }
      return answer(bundle, { headers })
    },
    timeStampMessageLog: async () => ({ batches: await messageLog.timeStampNow() }),
    getMessageLogKeys: () => messageLog.logKeys(),
    rotateMessageLogKey: async () => answer(await messageLog.rotateLogKey(), { status: 201 }),
    async getCheckpoint() {
      const note = messageLog.treeHead()
      if (note === undefined) throw new Fault('not_found', { what: say`there is no checkpoint yet` })
      return Buffer.from(note)
    },
    async checkpointMessageLog() {
      const treeHead = (await messageLog.checkpointNow()) ?? null
      await rooms.witnessRoom.witnesses?.submit()
      return { treeHead, quorum: rooms.witnessRoom.witnesses?.witnessed() ?? null }
    },
  }
}

function indexOf(params: Record<string, string>): number {
  return Number(params['index'])
}

/**
 * Everything about a record except the content, which is in the container; `isShown`: with its digests, of
 * which the signature document is made.
 */
export function recordView(evidence: StoredEvidence, isShown: boolean) {
  const { index, leaf, form, erased, metadata, message, body, bodyFile, signatures, timeStamp } = evidence
  return {
    index,
    leaf: leaf.toString('base64'),
    form: JSON.parse(form) as LeafFields,
    erased: erased ?? null,
    metadata: metadata ?? null,
    circumstances: circumstancesView(evidence),
    messageBytes: message?.length ?? null,
    bodyBytes: body?.length ?? bodyFile?.size ?? null,
    attachments: attachmentsView(evidence, isShown),
    ...(isShown && { signatures: signatures?.toString('base64') ?? null }),
    timeStamp:
      timeStamp === undefined
        ? null
        : { index: timeStamp.index, time: timeStamp.time, token: timeStamp.token.toString('base64') },
  }
}

/**
 * Null for a record that names no circumstances: one of an older version, or one that has only ids. Throws
 * `log_inconsistent` if the document is missing or does not match its hash.
 */
function circumstancesView({ index, metadata, circumstances }: StoredEvidence): Circumstances | null {
  if (metadata?.circumstances === undefined) return null
  try {
    return readCircumstances(circumstances ?? Buffer.alloc(0), metadata.circumstances)
  } catch (cause) {
    throw new Fault('log_inconsistent', { what: say`the circumstances of record ${index}`, cause })
  }
}

function proofView(proof: Awaited<ReturnType<BundleSource['log']['proof']>>, isShown: boolean) {
  const { size, path, checkpoint, openings } = proof
  const seen = Object.entries(openings).filter(([label]) => isShown || label === 'parties')
  const opened = seen.map(([label, { key, digest }]) => [
    label,
    { key: key.toString('base64'), digest: digest.toString('base64') },
  ])
  return {
    size,
    path: path.map((node) => node.toString('base64')),
    checkpoint,
    openings: Object.fromEntries(opened) as Record<string, { key: string; digest: string }>,
  }
}
