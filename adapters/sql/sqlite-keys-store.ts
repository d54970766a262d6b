/**
 * Gives a row of a SQLite file by a unique key in the adapter's own process, where a look-up costs less than
 * asking a reading process. A statement that runs here cannot be ended, so only one whose plan bounds it runs
 * (docs/decisions/look-ups-by-key.md). All else, and whatever goes wrong here, is left to a reading process,
 * which knows the answer and the fault.
 */
import { statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { constants, DatabaseSync, type StatementSync } from 'node:sqlite'
import { asFault } from '#schemas/fault.ts'
import type { SqlValue } from './field-types.ts'
import type { KeyedStatement } from './source.ts'

/** The row, or undefined when a reading process has to be asked: also for one that does not exist. */
type FindRow = (values: SqlValue[]) => unknown[] | undefined

type Keys = {
  prepare(keyed: KeyedStatement): FindRow
  /** How many of them are read here now. */
  count(): number
  close(): void
}

type Open = { database: DatabaseSync; id: string; plans: Map<KeyedStatement, Plan> }
/**
 * Without a statement it is refused, until it is looked at again: a missing index may be made. `isShort` once
 * no key is too long.
 */
type Plan = { statement: StatementSync | undefined; again: number; isShort: boolean }

/** A row above that lies on many pages, each of which says where the next one is. */
const MOST_ROW_BYTES = 65_536
/** A search reads some dozen keys on its way, each whole. */
const MOST_KEY_BYTES = 16_384
/** What the first connection after a crash reads whole. */
const MOST_WAL_BYTES = 64 * 1024 * 1024
/**
 * ext, xfs, btrfs, tmpfs, overlay, zfs, f2fs: of the machine itself. A file system of a network may let a
 * page wait for ever.
 */
const LOCAL_FILE_SYSTEMS = new Set([
  ...[0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010],
])
const RETRY_MS = 1000
/** When keys are looked at again after one was too long, or the table was too large to see. */
const KEYS_MS = 600_000
const UNSEEN_MS = 10_000
/**
 * A look-up that took long once may do so again: SQLite sleeps up to ten seconds where another process holds
 * locks of a write-ahead log.
 */
const LONG_MS = 500
const AFTER_LONG_MS = 300_000
/** The pause doubles, so that a table that came to hold what takes long holds the adapter ever less often. */
const MOST_AFTER_LONG_MS = 86_400_000
const LOCKED_LOG = 15
/** BUSY and LOCKED end by themselves; a reading process waits for that. */
const PASSING = new Set([5, 6])
/** A statement that SQLite cannot prepare, or may not: nothing is wrong with the file. */
const OF_STATEMENT = new Set([1, 23])
/** SQLite wants to prepare a statement of a changed schema again. */
const CHANGED = 23
/**
 * While plans are looked at. Afterwards nothing is prepared: not a changed table's statement either, whose
 * plan nobody has seen.
 */
const ALLOWED = new Set([
  ...[constants.SQLITE_SELECT, constants.SQLITE_READ, constants.SQLITE_FUNCTION],
  ...[constants.SQLITE_PRAGMA, constants.SQLITE_TRANSACTION],
])

/**
 * `isAny` asks a process of its own whether a statement gives a row: a search reads the keys of neighbours
 * whole, so that a statement runs here only once no key of its index was found to be long.
 */
export function openKeys(file: string, isAny: (text: string) => Promise<boolean>): Keys {
  let open: Open | undefined
  let isPreparing = false
  let isLookedAt = false
  let isClosed = false
  let where: 'asked' | 'here' | 'elsewhere' | undefined
  let notBefore = 0
  let longOnes = 0

  const afterLong = (): number => Math.min(AFTER_LONG_MS * 2 ** longOnes++, MOST_AFTER_LONG_MS)
  const close = (): void => {
    open?.database.close()
    open = undefined
  }
  /**
   * Without waiting: a file system of a network may not answer, and is not asked again once it is known to be
   * one.
   */
  const askWhere = (): void => {
    where = 'asked'
    statfs(file).then(
      ({ type }) => {
        where = LOCAL_FILE_SYSTEMS.has(type) ? 'here' : 'elsewhere'
      },
      () => {
        notBefore = performance.now() + RETRY_MS
        where = undefined
      },
    )
  }
  /** Asked once in a turn of the event loop: another file under the name is the database from then on. */
  const lookAtFile = (): void => {
    isLookedAt = true
    setImmediate(() => {
      isLookedAt = false
    })
    const facts = statSync(file, { throwIfNoEntry: false })
    if (open === undefined || open.id === `${facts?.dev} ${facts?.ino}`) return
    close()
    where = undefined
  }
  const opened = (): Open | undefined => {
    if (isClosed || performance.now() < notBefore) return undefined
    if (where === 'here' && !isLookedAt) lookAtFile()
    if (where === undefined) askWhere()
    if (where !== 'here') return undefined
    if (open !== undefined) return open
    const { dev, ino } = statSync(file)
    if (!isQuickToOpen(file)) throw new Error('the file is one for reading processes')
    const database = new DatabaseSync(file, { readOnly: true, timeout: 0, allowExtension: false })
    open = { database, id: `${dev} ${ino}`, plans: new Map() }
    database.exec('pragma query_only = on; pragma trusted_schema = off')
    // Set once: setting it makes SQLite prepare every statement again.
    database.setAuthorizer((action) =>
      isPreparing && ALLOWED.has(action) ? constants.SQLITE_OK : constants.SQLITE_DENY,
    )
    return open
  }
  const lookAtKeys = (plan: Plan, text: string): void => {
    const refuse = (ms: number): void => {
      plan.statement = undefined
      plan.again = performance.now() + ms
    }
    isAny(text).then(
      (isLong) => {
        plan.isShort = !isLong
        if (isLong) refuse(KEYS_MS)
      },
      // A table that is too large to be seen whole, or a file that was locked.
      (thrown: unknown) => refuse(asFault(thrown).code === 'source_timeout' ? KEYS_MS : UNSEEN_MS),
    )
  }
  const statementOf = ({ database, plans }: Open, keyed: KeyedStatement) => {
    const known = plans.get(keyed)
    if (known?.statement !== undefined) return known.isShort ? known.statement : undefined
    const now = performance.now()
    if (known !== undefined && now < known.again) return undefined
    isPreparing = true
    try {
      const bounded = prepareBounded(database, keyed)
      const isShort = bounded?.longKeys === undefined
      const plan = { statement: bounded?.statement, again: now + RETRY_MS, isShort }
      plans.set(keyed, plan)
      if (bounded?.longKeys !== undefined) lookAtKeys(plan, bounded.longKeys)
      return isShort ? plan.statement : undefined
    } catch (thrown) {
      if (!OF_STATEMENT.has(codeOf(thrown))) throw thrown
      plans.set(keyed, { statement: undefined, again: now + RETRY_MS, isShort: false })
      return undefined
    } finally {
      isPreparing = false
    }
  }
  askWhere()
  return {
    prepare: (keyed) => (values) => {
      const began = performance.now()
      try {
        const from = opened()
        const row = from && (statementOf(from, keyed)?.get(...values) as unknown[] | undefined)
        const now = performance.now()
        if (now - began > LONG_MS) notBefore = now + afterLong()
        return row
      } catch (thrown) {
        const code = codeOf(thrown)
        if (code === CHANGED) open?.plans.clear()
        if (code === CHANGED || PASSING.has(code)) return undefined
        const now = performance.now()
        const isLong = code === LOCKED_LOG || now - began > LONG_MS
        notBefore = now + (isLong ? afterLong() : RETRY_MS)
        close()
        // It may be another file by then.
        where = undefined
        return undefined
      }
    },
    count: () => [...(open?.plans.values() ?? [])].filter((one) => one.isShort && one.statement).length,
    close: () => {
      isClosed = true
      close()
    },
  }
}

/**
 * A pipe under one of these names would hold whoever opens it. One that is put there afterwards is not seen.
 */
function isQuickToOpen(file: string): boolean {
  const [own, wal, journal] = ['', '-wal', '-journal'].map((end) =>
    statSync(file + end, { throwIfNoEntry: false }),
  )
  const areFiles = [own, wal, journal].every((one) => one === undefined || one.isFile())
  return areFiles && (wal?.size ?? 0) <= MOST_WAL_BYTES
}

function codeOf(thrown: unknown): number {
  return ((thrown as { errcode?: number }).errcode ?? 0) & 0xff
}

type Bounded = {
  statement: StatementSync
  /**
   * Gives a row if a key of the index is too long; undefined for a search by the rowid, whose keys are
   * numbers.
   */
  longKeys: string | undefined
}

/**
 * In one transaction, so that what is looked at and what is prepared see one schema. Undefined when the plan
 * bounds too little.
 */
function prepareBounded(database: DatabaseSync, keyed: KeyedStatement): Bounded | undefined {
  database.exec('begin')
  try {
    if (!isTableOfRows(database, keyed)) return undefined
    const columns = columnsOf(database, keyed)
    // A generated column may compute anything, and that of a virtual table is nothing that SQLite keeps.
    if (columns.length === 0 || columns.some(({ hidden }) => hidden !== 0)) return undefined
    // Before all that reads a value: one that stands after a large one is reached over each of its pages.
    const bytes = columns.map(({ name }) => bytesOf(quoted(name))).join(' + ')
    const text = `${keyed.select} where ${bytes} <= ${MOST_ROW_BYTES} and ${keyed.conditions}`
    const plan = database.prepare(`explain query plan ${text}`).all() as { detail: string }[]
    const terms = plan.length === 1 ? boundedPlans(database, keyed).get(plan[0]!.detail) : undefined
    if (terms === undefined) return undefined
    const statement = database.prepare(text)
    statement.setReturnArrays(true)
    statement.setReadBigInts(true)
    const keyBytes = terms.map((one) => bytesOf(quoted(one))).join(' + ')
    const table = `${quoted(keyed.schema ?? 'main')}.${quoted(keyed.name)}`
    const longKeys = `select 1 from ${table} where ${keyBytes} > ${MOST_KEY_BYTES} limit 1`
    return { statement, longKeys: terms.length === 0 ? undefined : longKeys }
  } finally {
    database.exec('commit')
  }
}

/**
 * From the row's header, which has the lengths of texts and blobs. Of a number SQLite would read the value to
 * know its length as a text.
 */
function bytesOf(column: string): string {
  return `case when typeof(${column}) in ('text', 'blob') then octet_length(${column}) else 0 end`
}

/**
 * No view, though its plan may name a table; no `without rowid`, whose search reads whole rows of neighbours
 * as keys.
 */
function isTableOfRows(database: DatabaseSync, { name, schema = 'main' }: KeyedStatement): boolean {
  const [found] = database
    .prepare('select type, wr from pragma_table_list(?) where schema = ? collate nocase')
    .all(name, schema) as { type: string; wr: number }[]
  return found?.type === 'table' && found.wr === 0
}

type Column = { name: string; hidden: number }

function columnsOf(database: DatabaseSync, { name, schema = 'main' }: KeyedStatement): Column[] {
  return database.prepare('select name, hidden from pragma_table_xinfo(?, ?)').all(name, schema) as Column[]
}

/**
 * How SQLite says that it finds one row at most, by the whole of a unique key, with the columns of its index;
 * none for the rowid. Another wording of a later SQLite bounds nothing here.
 */
function boundedPlans(database: DatabaseSync, { name, schema }: KeyedStatement): Map<string, string[]> {
  const search = `SEARCH ${schema === undefined ? '' : `${schema}.`}${name} USING`
  const by = (names: string[]): string => `(${names.map((one) => `${one}=?`).join(' AND ')})`
  const plans = new Map<string, string[]>([[`${search} INTEGER PRIMARY KEY (rowid=?)`, []]])
  const indexes = database
    .prepare(`select name from pragma_index_list(?, ?) where "unique" = 1 and partial = 0`)
    .all(name, schema ?? 'main') as { name: string }[]
  for (const index of indexes) {
    const terms = database
      .prepare('select name from pragma_index_info(?, ?) order by seqno')
      .all(index.name, schema ?? 'main') as { name: string | null }[]
    const columns = terms.map((term) => term.name).filter((one) => one !== null)
    // Of an expression.
    if (columns.length < terms.length) continue
    for (const kind of ['INDEX', 'COVERING INDEX'])
      plans.set(`${search} ${kind} ${index.name} ${by(columns)}`, columns)
  }
  return plans
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
