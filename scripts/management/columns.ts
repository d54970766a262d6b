/**
 * Which columns a list has on a terminal, where its first fields are not what a reader looks for: who called
 * whom, and how it ended.
 */
import type { FoundExchange, FoundRecord } from '#schemas/found-record.ts'

type Row = Record<string, unknown>

const RECORD = ['index', 'time', 'clientId', 'serviceId', 'kind', 'direction', 'outcome', 'queryId'] as const

const ROWS: Record<string, (answer: unknown[]) => { columns: readonly string[]; rows: Row[] }> = {
  'find-records': (answer) => ({ columns: RECORD, rows: answer as Row[] }),
  'find-exchanges': (answer) => ({
    columns: ['index', 'time', 'clientId', 'serviceId', 'outcome', 'records', 'queryId'],
    rows: (answer as FoundExchange[]).map(exchangeRow),
  }),
}

/** The rows and columns of a command's answer; undefined where its fields are the columns. */
export function columnsOf(
  command: string,
  answer: unknown,
): { columns: readonly string[]; rows: Row[] } | undefined {
  return Array.isArray(answer) && Object.hasOwn(ROWS, command) ? ROWS[command]!(answer) : undefined
}

/** An exchange began with its first record that can be seen, and ended as the last one says. */
function exchangeRow({ index, records }: FoundExchange): Row {
  const [first, last] = [records[0], records.at(-1)]
  const known = (name: keyof FoundRecord): unknown => records.find((record) => record[name] != null)?.[name]
  return {
    ...{ index, time: first?.time, clientId: known('clientId'), serviceId: known('serviceId') },
    ...{ outcome: last?.outcome, records: records.length, queryId: first?.queryId },
  }
}
