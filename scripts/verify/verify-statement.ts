/** `concordat verify` of a statement of reconciliation: who signed it, what it counts and finds, for people or as JSON. */
import { open, readFile } from 'node:fs/promises'
import { judgeStatement, type StatementVerdict } from '#core/reconciliation/judge-statement.ts'
import { createShapes } from '#security-server/peer/reconciliation/shapes.ts'
import { loadConfiguration } from './load-configuration.ts'
import { printable } from './report.ts'

type Question = {
  file: string
  configuration: string
  json: boolean
  judgedAt: Date
  out: { write(text: string): unknown }
}

const OPENING_BRACE = 0x7b

/** Whether the file is JSON, as no container or bundle is; false when it cannot be read. */
export async function isStatement(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => undefined)
  try {
    const head = await handle?.read(Buffer.alloc(1), 0, 1, 0)
    return head?.bytesRead === 1 && head.buffer[0] === OPENING_BRACE
  } catch {
    return false
  } finally {
    await handle?.close()
  }
}

/** The exit code; throws the faults of reading the configuration. */
export async function verifyStatement(q: Question): Promise<number> {
  const { indexes, origin } = await loadConfiguration(q.configuration, q.judgedAt)
  const shapes = await createShapes()
  const verdict = judgeStatement({
    jws: await readFile(q.file, 'utf8'),
    check: shapes.statement,
    configurationOf: (instance) => indexes.get(instance),
    now: q.judgedAt,
  })
  const judged = { file: q.file, ...verdict, configuration: { origin }, judgedAt: q.judgedAt.toISOString() }
  q.out.write(q.json ? `${JSON.stringify(judged)}\n` : textReport(q.file, verdict, origin, q.judgedAt))
  return verdict.verdict === 'TOTAL-PASSED' ? 0 : 1
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
