/**
 * Opens a server's answer and checks it: who signed it, whether it answers this order, whether the seed was
 * cosigned after the order was signed, whether the seed draws exactly this sample, and whether each bundle
 * proves what the list says about its record.
 */
import { inScope } from '#core/audit-order/in-scope.ts'
import { readSeed } from '#core/audit-order/make-seed.ts'
import { checkAnswer } from '#core/audit-order/read-answer.ts'
import { openAnswer } from '#core/audit-order/seal-answer.ts'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { isRowOf } from '#core/log-export/is-row-of.ts'
import { type WitnessPolicy, witnessesOf } from '#core/merkle/witness-policy.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import {
  AUDIT_DOCUMENT,
  AUDIT_LIMITS,
  type AuditAnswer,
  type AuditOrder,
  type AuditPayload,
} from '#schemas/audit-order.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import type { LoadedConfiguration } from '../verify/configuration-files.ts'
import type { AuthorityKeys } from './authority-keys.ts'

type Check = { what: string; state: 'good' | 'warn' | 'bad'; why: string }
type OpenedAnswer = { answer: AuditAnswer; payload: AuditPayload | undefined; checks: Check[] }

/**
 * Throws when the answer cannot be read at all. Everything that can be read but is wrong is reported in
 * `checks`.
 */
export async function openAudit(q: {
  order: AuditOrder
  answer: Buffer
  keys: AuthorityKeys
  configuration: LoadedConfiguration
  witnesses: WitnessPolicy | undefined
  now: Date
}): Promise<OpenedAnswer> {
  const { document, signatures } = readSignedJson(q.answer, AUDIT_DOCUMENT.answer, AUDIT_LIMITS.answerBytes)
  const answer = checkAnswer(document)
  const checks: Check[] = []
  const check = async (what: string, act: () => string | Promise<string>): Promise<boolean> => {
    try {
      checks.push({ what, state: 'good', why: await act() })
      return true
    } catch (thrown) {
      checks.push({ what, state: 'bad', why: asFault(thrown).message })
      return false
    }
  }
  await check('Signature', () => {
    const owner = memberOf(parseServerId(answer.server))
    const configuration = q.configuration.indexes.get(owner.instance)
    const [signature, ...more] = signatures
    if (configuration === undefined || more.length > 0 || answer.signer !== idText(owner))
      throw new Fault('audit_answer_wrong', {
        what: `it is not signed by the owner of ${answer.server} alone`,
      })
    checkSigner({ signature: signature!, configuration, at: new Date(answer.createdAt), member: owner })
    return `by ${idText(owner)}, ${answer.createdAt}`
  })
  if (answer.outcome === 'refused') {
    checks.push({ what: 'Refused', state: 'warn', why: answer.reason ?? '' })
    return { answer, payload: undefined, checks }
  }
  let payload: AuditPayload | undefined
  const isOpen = await check('Sample', () => {
    payload = openAnswer(answer, { order: q.order, privateKey: q.keys.recipientKey })
    return `${payload.records.length} records are in scope, the seed draws ${answer.sample.join(', ') || 'none'}`
  })
  try {
    checks.push(seedCheck(answer, q))
  } catch (thrown) {
    checks.push({ what: 'Seed', state: 'bad', why: asFault(thrown).message })
  }
  if (isOpen) {
    await check('Scope', () => allInScope(payload!, q.order))
    checks.push(coverageCheck(payload!))
    for (const one of payload!.bundles) {
      if (one.bundle === undefined)
        checks.push({ what: `Record ${one.index}`, state: 'warn', why: `no evidence: ${one.without ?? ''}` })
      else await check(`Record ${one.index}`, () => judge(one.index, one.bundle!, payload!, q))
    }
  }
  return { answer, payload, checks }
}

/** If a witness cosigned the seed after the order was signed, neither side can have chosen it. */
function seedCheck(
  { seed, server }: AuditAnswer,
  q: { order: AuditOrder; witnesses: WitnessPolicy | undefined },
): Check {
  const what = 'Seed'
  const { origin, size, note } = readSeed(seed)
  if (origin !== server) return { what, state: 'bad', why: `it is a signed state of ${origin}` }
  const of = `a signed state of ${size} records`
  if (q.witnesses === undefined)
    return { what, state: 'warn', why: `${of}; name the witnesses to see who cosigned it` }
  const later = witnessesOf(note, q.witnesses).filter(
    ({ time }) => time.getTime() >= Date.parse(q.order.createdAt) - 1000,
  )
  return later.length === 0
    ? { what, state: 'bad', why: `${of} that no known witness cosigned after the order was made` }
    : {
        what,
        state: 'good',
        why: `${of}, cosigned by ${later.map(({ name }) => name).join(', ')} after the order was made`,
      }
}

/**
 * A server that does not understand a restriction of the order may list too much. Throws `audit_answer_wrong`
 * for a record outside the scope.
 */
function allInScope({ records }: AuditPayload, { scope }: AuditOrder): string {
  const other = records.find((row) => inScope(row, scope) !== 'in')
  if (other !== undefined)
    throw new Fault('audit_answer_wrong', { what: `record ${other.index} does not lie in the order's scope` })
  return `all ${records.length} records that are listed lie in it`
}

/**
 * Whether the answer is complete, according to the server's signed statement. Records that do not state their
 * purpose or endpoint may have been in the scope too.
 */
function coverageCheck({ coverage, records }: AuditPayload): Check {
  const what = 'Is this all'
  if (coverage === undefined)
    return { what, state: 'warn', why: 'the server does not say how many records it looked through' }
  const { inPeriod, unsaid, firstUnsaid, lastUnsaid } = coverage
  const why = `the server says that it looked through ${inPeriod} messages of the period and lists ${records.length}`
  if (unsaid === 0) return { what, state: 'good', why }
  const left = `${unsaid} more, from record ${firstUnsaid ?? '?'} to ${lastUnsaid ?? '?'}, fit all else and do not say their purpose or endpoint`
  return { what, state: 'warn', why: `${why}; ${left}: an order without these shows them` }
}

/** Throws for a bundle that is not valid or contradicts the list. */
async function judge(
  index: number,
  bundle: string,
  { records, server }: AuditPayload,
  q: {
    order: AuditOrder
    configuration: LoadedConfiguration
    witnesses: WitnessPolicy | undefined
    now: Date
  },
): Promise<string> {
  const read = await readBundle(Buffer.from(bundle, 'base64'))
  const verdict = await judgeBundle({
    bundle: read,
    configuration: q.configuration.indexes,
    now: q.now,
    witnesses: q.witnesses,
  })
  const record = verdict.records.find((one) => one.index === index)
  const row = records.find((one) => one.index === index)!
  if (verdict.log !== server || record === undefined)
    throw new Fault('audit_answer_wrong', { what: 'the bundle is of another log or record' })
  const { time, kind, direction, outcome, contract } = record.form
  const isOther = row.contract !== undefined && (row.contract ?? '') !== contract
  if (
    row.time !== time ||
    row.kind !== kind ||
    row.direction !== direction ||
    row.outcome !== outcome ||
    isOther
  )
    throw new Fault('audit_answer_wrong', {
      what: 'the list says something else of it than the log committed to',
    })
  if (record.metadata !== undefined && !isRowOf(row, record.metadata, record.circumstances))
    throw new Fault('audit_answer_wrong', { what: 'the list names other parties or ids than its record' })
  if (verdict.verdict === 'TOTAL-FAILED')
    throw new Fault('audit_answer_wrong', { what: `${verdict.subIndication ?? ''} ${verdict.reason}` })
  const isAsked = q.order.scope.purposes !== undefined || q.order.scope.endpoints !== undefined
  const unproved =
    isAsked && record.circumstances === undefined
      ? "; its circumstances are not shown, so purpose and endpoint are the list's word"
      : ''
  return `${verdict.verdict}${verdict.subIndication === undefined ? '' : `, ${verdict.subIndication}`}: ${verdict.reason}${unproved}`
}
