/**
 * `concordat verify` of a statement of reconciliation: who signed it, its counts and findings, for people or
 * as JSON.
 */
import { judgeStatement, type StatementVerdict } from '#core/reconciliation/judge-statement.ts'
import { printable } from '#platform/plain-text.ts'
import { createShapes } from '#security-server/features/reconciliation/shapes.ts'
import type { LoadedConfiguration } from './configuration-files.ts'
import type { Report } from './report.ts'

type Question = {
  file: string
  content: Buffer
  configuration: LoadedConfiguration
  judgedAt: Date
}

const OPENING_BRACE = 0x7b

/** Whether the content is JSON, unlike any container or bundle. */
export const isStatement = (content: string | Buffer): content is Buffer =>
  typeof content !== 'string' && content[0] === OPENING_BRACE

/** Throws no fault: a file that is not a statement gets a verdict saying so. */
export async function verifyStatement({ file, content, configuration, judgedAt }: Question): Promise<Report> {
  const { indexes, origin } = configuration
  const shapes = await createShapes()
  const verdict = judgeStatement({
    jws: content.toString('utf8'),
    check: shapes.statement,
    configurationOf: (instance) => indexes.get(instance),
    now: judgedAt,
  })
  return {
    kind: 'statement',
    passed: verdict.verdict === 'TOTAL-PASSED',
    facts: { file, ...verdict, configuration: { origin }, judgedAt: judgedAt.toISOString() },
    text: textReport(file, verdict, origin, judgedAt),
  }
}

function textReport(file: string, judged: StatementVerdict, origin: string, judgedAt: Date): string {
  const { verdict, subIndication, reason, statusTime, statement } = judged
  const head = [
    `${file}: ${verdict}${subIndication === undefined ? '' : `, ${subIndication}`}`,
    `  ${reason}`,
  ]
  const lines = statement === undefined ? [] : statementLines(statement)
  const status =
    statusTime === undefined
      ? []
      : [`  signed after    ${statusTime.toISOString()} (by the OCSP responders' words)`]
  const foot = [`  configuration   ${origin}`, `  judged at       ${judgedAt.toISOString()}`]
  return `${[...head, ...lines, ...status, ...foot].map(printable).join('\n')}\n`
}

function statementLines({
  day,
  first,
  second,
  counts,
  reasons,
  findings,
  omitted,
}: NonNullable<StatementVerdict['statement']>): string[] {
  return [
    `  day             ${day}`,
    ...[first, second].map(
      ({ member, server, exchanges }, i) =>
        `  ${i === 0 ? 'first ' : 'second'}          ${member} on ${server}, ${exchanges} exchanges`,
    ),
    ...Object.entries(counts).map(([name, count]) => `  ${name.padEnd(16)}${count}`),
    ...Object.entries(reasons).map(([name, count]) => `    ${name}: ${count}`),
    ...findings.map(
      ({ class: name, at, reason, requestId }) =>
        `  ${name}${at === undefined ? '' : ` at ${at}`}, ${reason}: ${requestId || 'id not shown'}`,
    ),
    ...(omitted > 0 ? [`  and ${omitted} more`] : []),
  ]
}
