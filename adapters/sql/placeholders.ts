/**
 * Finds the parameters (`:name`) of a query in the settings file, and nothing that only looks like one:
 * strings, quoted names, comments and casts stay as they are. Throws Error with what is wrong.
 */
type QueryPart = { text: string } | { parameter: string }

type Quoting = {
  /** Quotes in which a backslash protects the next character. */
  backslash: string
  /** Whether # begins a comment. */
  hash: boolean
}

const QUOTES = new Set(["'", '"', '`'])
const NAME = /[A-Za-z][A-Za-z0-9_]*/y
const WORD = /[A-Za-z0-9_]/

/** The parts of the query in order, without a semicolon at its end. */
export function readQuery(query: string, quoting: Quoting): QueryPart[] {
  const sql = query.trim().replace(/;$/, '')
  const parts: QueryPart[] = []
  let begun = 0
  let at = 0
  while (at < sql.length) {
    const character = sql[at]!
    if (QUOTES.has(character)) at = endOfQuoted(sql, at, quoting.backslash)
    else if (sql.startsWith('--', at) || (quoting.hash && character === '#')) at = endOf(sql, '\n', at)
    else if (sql.startsWith('/*', at)) at = endOf(sql, '*/', at + 2)
    else if (character === ';') throw new Error('holds more than one statement')
    else if (character === '$' && !WORD.test(sql[at - 1] ?? ''))
      throw new Error('uses $: write strings with single quotes')
    else if (character === '?') throw new Error('uses ?: parameters are written :name')
    else if (character === ':' && sql[at + 1] === ':') at += 2
    else if (character === ':') {
      NAME.lastIndex = at + 1
      const name = NAME.exec(sql)?.[0]
      if (name === undefined) at++
      else {
        parts.push({ text: sql.slice(begun, at) }, { parameter: name })
        at += 1 + name.length
        begun = at
      }
    } else at++
  }
  return [...parts, { text: sql.slice(begun) }]
}

function endOf(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from)
  if (found >= 0) return found + mark.length
  if (mark === '\n') return sql.length
  throw new Error('holds a comment without an end')
}

function endOfQuoted(sql: string, from: number, backslash: string): number {
  const quote = sql[from]!
  // PostgreSQL's E'...' is the one string there in which a backslash means something.
  const escapes =
    backslash.includes(quote) ||
    (quote === "'" && /(?:^|[^A-Za-z0-9_])[eE]$/.test(sql.slice(Math.max(0, from - 2), from)))
  for (let at = from + 1; at < sql.length; at++) {
    if (escapes && sql[at] === '\\') at++
    else if (sql[at] === quote && sql[at + 1] === quote) at++
    else if (sql[at] === quote) return at + 1
  }
  throw new Error('holds a quote without an end')
}
