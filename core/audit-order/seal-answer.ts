/**
 * A server seals the answer for the authority; the authority opens and checks it. The sealed part must name
 * the same order, server and checkpoint as the signed part, and the sample must be the one that the seed
 * draws from the listed records.
 */
import type { KeyObject } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { open, seal } from '#core/hpke/hpke.ts'
import { AUDIT_LIMITS, type AuditAnswer, type AuditOrder, type AuditPayload } from '#schemas/audit-order.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { drawSample } from './draw-sample.ts'
import { readSeed } from './make-seed.ts'
import { orderHash } from './read-order.ts'

export function sealPayload(
  payload: AuditPayload,
  { recipient }: Pick<AuditOrder, 'recipient'>,
): NonNullable<AuditAnswer['sealed']> {
  const { enc, ciphertext } = seal({
    publicKey: Buffer.from(recipient, 'base64'),
    plaintext: Buffer.from(canonicalJson(payload)),
    info: infoOf(payload),
  })
  return { enc: enc.toString('base64'), ciphertext: ciphertext.toString('base64') }
}

/**
 * Opens and checks an answer. Throws `decryption_failed`, or `audit_answer_wrong` with the first
 * contradiction.
 */
export function openAnswer(
  answer: AuditAnswer,
  { order, privateKey }: { order: AuditOrder; privateKey: KeyObject },
): AuditPayload {
  const sha256 = orderHash(order)
  if (answer.order !== sha256) throw wrong('it answers another order')
  if (!order.servers.includes(answer.server)) throw wrong(`${answer.server} was not asked`)
  if (answer.sealed === undefined) throw wrong(`it was refused: ${answer.reason ?? ''}`)
  checkSeed(answer.seed)
  const { enc, ciphertext } = answer.sealed
  const plaintext = open({
    enc: Buffer.from(enc, 'base64'),
    ciphertext: Buffer.from(ciphertext, 'base64'),
    info: infoOf(answer),
    privateKey,
  })
  const payload = parseStrictJson(plaintext, { maxLength: AUDIT_LIMITS.answerBytes }) as AuditPayload
  if (
    payload.version !== (order.version ?? 1) ||
    !Array.isArray(payload.records) ||
    !Array.isArray(payload.bundles)
  )
    throw wrong('what is sealed is of another form')
  for (const name of ['order', 'server', 'seed'] as const)
    if (payload[name] !== answer[name]) throw wrong(`the sealed part says another ${name}`)
  if (payload.records.length !== answer.matched)
    throw wrong(`it says ${answer.matched} records and lists ${payload.records.length}`)
  checkCoverage(payload)
  const indexes = payload.records.map(({ index }) => index)
  if (indexes.some((one) => !Number.isSafeInteger(one) || one < 0) || new Set(indexes).size < indexes.length)
    throw wrong('a record without an index of its own')
  const drawn = drawSample({ ...answer, order: sha256, indexes, count: order.sample })
  if (canonicalJson(drawn) !== canonicalJson([...answer.sample].sort((a, b) => a - b)))
    throw wrong(`the sample is not what the seed draws: ${drawn.join(', ')}`)
  const bundled = payload.bundles.map(({ index }) => index).sort((a, b) => a - b)
  if (canonicalJson(bundled) !== canonicalJson(drawn)) throw wrong('it brings evidence of other records')
  return payload
}

/** Throws `audit_answer_wrong` if the counts contradict each other. */
function checkCoverage({ coverage, records }: AuditPayload): void {
  if (coverage === undefined) return
  const { inPeriod, unsaid } = Object(coverage) as Record<string, unknown>
  const isCount = [inPeriod, unsaid].every((one) => Number.isSafeInteger(one) && (one as number) >= 0)
  if (!isCount || records.length + Number(unsaid) > Number(inPeriod))
    throw wrong('it says that it looked through fewer records than it found')
}

/** With any other form a server could try lines until it draws a sample that it likes. */
function checkSeed(seed: string): void {
  try {
    readSeed(seed)
  } catch (thrown) {
    throw wrong(`its seed is none: ${asFault(thrown).what ?? ''}`)
  }
}

/** Binds the ciphertext to the order, server and seed that it answers. */
function infoOf({ order, server, seed }: Pick<AuditAnswer, 'order' | 'server' | 'seed'>): Buffer {
  return Buffer.from(canonicalJson({ use: 'concordat audit answer v1', order, server, seed }))
}

function wrong(what: string): Fault {
  return new Fault('audit_answer_wrong', { what })
}
